package kv

// Caps. A store is small on purpose: a device keeps it open beside everything else on a machine of 512 MB.
const (
	// MaxKey is the longest key in bytes.
	MaxKey = 1024
	// MaxValue is the longest value in bytes.
	MaxValue = 12 << 20
	// MaxMemoryValue is the longest value in bytes of a store in memory.
	MaxMemoryValue = valueThresholdMemory - 41 // nonce, tag, and strictly below
	// MinFree is the room on the volume below which Update is refused. Badger writes through mapped files, where a
	// disk that fills up ends the process instead of failing a call.
	MinFree = 64 << 20

	// closeFree is the room below which the engine is neither opened nor closed in order: its files are mapped, and
	// holes in them that cannot be filled end the process.
	closeFree = 3 * memTable

	memTable             = 4 << 20   // an update of small values may hold 15 % of it, about 600 KiB
	memTableMemory       = 16 << 20  // the same for a store in memory, where large values count too
	tableSize            = 512 << 10 // small, or the builders of a compaction take hundreds of MiB
	valueThreshold       = 64 << 10  // larger values go to the value log
	valueThresholdMemory = 1 << 20   // there is no value log in memory
	valueLogFile         = 16 << 20
	blockCache           = 4 << 20
	indexCache           = 4 << 20

	firstPage = 32 // entries that Range reads ahead at first; it doubles
	lastPage  = 512
	pageBytes = 1 << 20
)

// Free returns how many bytes may still be written on the volume of a folder; an error where the system does not say.
func Free(dir string) (uint64, error) { return freeBytes(dir) }

// Volume is Free with the size of the volume.
func Volume(dir string) (free, size uint64, err error) { return volume(dir) }

func freeBytes(dir string) (uint64, error) {
	free, _, err := volume(dir)
	return free, err
}
