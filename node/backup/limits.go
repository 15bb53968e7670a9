package backup

// Limits of what is written, and of what is read from a drive that anybody may have prepared. [BAK-12]
const (
	// MaxBody is how many bytes an item's body may have.
	MaxBody = 12 << 20
	// MaxPackItems is how many items a pack may have.
	MaxPackItems = 1 << 16
	// MaxFile is how many bytes a file of a repository may have.
	MaxFile = 64 << 20

	maxClasses   = 256     // pairs of organization and kind in a pack
	maxFiles     = 1 << 20 // files of a repository
	maxManifests = 1 << 10 // files of lists of snapshots
	maxFound     = 1 << 10 // repositories on a drive
	writeStep    = 1 << 20 // bytes that are written at once, between looks at the rate and the context
)

// When packs are written anew from what the device has. [BAK-11]
const (
	smallPacks = 24       // so many small ones become one
	scrubBytes = 64 << 20 // so much of what lies there is read again in each run
)

// packTarget is how many bytes a pack has when it is closed. Tests make more packs of less.
var packTarget = 8 << 20

// smallPack is of how many bytes a pack is small.
func smallPack() int { return packTarget / 4 }
