package history

// Caps on what one message may hold. A body beyond any of them is refused by Decode and by Validate alike. [HIST-2]
const (
	// MaxSubject is the length of a subject in bytes.
	MaxSubject = 1 << 10
	// MaxText is the length of a message's text in bytes; what is longer travels as a file.
	MaxText = 256 << 10
	// MaxRecipients is the number of members a message may be addressed to.
	MaxRecipients = 256
	// MaxFiles is the number of files attached to one message.
	MaxFiles = 64
	// MaxFileName is the length of a file's name in bytes.
	MaxFileName = 255
	// MaxFileSize is the size of one file in bytes: 4 GiB.
	MaxFileSize = 4 << 30
	// ChunkSize is the size of every chunk of a file but the last, in bytes.
	ChunkSize = 128 << 10
)
