package segment

// Caps. [ARC-40] [ARC-42]
const (
	// MaxItems is how many items one segment has.
	MaxItems = 1024
	// MaxBody is the size of what one item holds, in bytes: the largest envelope, and room for what is said of it.
	MaxBody = 16<<20 + 64<<10
	// MaxBytes is the size of a segment in bytes.
	MaxBytes = 32 << 20
	// MaxNumber bounds the numbers of segments and items: what is beyond was never written.
	MaxNumber = 1 << 48

	maxIndex = 256 << 10
	maxHead  = 1 << 10
)
