package account

// Limits. [BACKUP-40] [BACKUP-41] [BACKUP-42]
const (
	// Version is the version of the layout that this build writes, and the only one that it reads.
	Version = 1
	// MaxOrgs is how many organizations an account is in.
	MaxOrgs = 1024
	// MaxName is the size of a name in bytes of UTF-8.
	MaxName = 256
	// MaxDevices is how many devices of one account are named.
	MaxDevices = 1024
	// PageEntries is how many entries of a roll are in every page but the last, so that a roll that grows changes one page.
	PageEntries = 256
	// MaxAccount and MaxPage are the sizes of an encoded Account and Page in bytes.
	MaxAccount = 32 << 20
	MaxPage    = 2 << 20
	// ChunkSize is the size of every chunk of an attachment but the last in bytes, and MaxChunks how many one has. [HIST-8]
	ChunkSize = 128 << 10
	MaxChunks = 32768
	// MaxPiece is the size of an encoded Piece in bytes.
	MaxPiece = ChunkSize + 128
)
