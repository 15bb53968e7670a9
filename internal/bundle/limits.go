package bundle

// Limits of the format. [CAR-10] [CAR-15]
const (
	// MaxItem bounds an item in bytes: a carried envelope of the largest size.
	MaxItem = 17 << 20
	// MaxItems bounds the items of one part.
	MaxItems = 1 << 20
	// MaxFor bounds the members that a part says it is for.
	MaxFor = 1024
	// MinSplit is the smallest size of a part that can be asked for, in bytes.
	MinSplit = 64 << 10
	// MaxDamage is how many damaged places of a part are named.
	MaxDamage = 64

	// futile and futileShare bound what a reader reads for frames that are none, so that a hostile file costs no more than
	// a few times its size.
	futile      = 256 << 20
	futileShare = 4

	headSize    = 4 + 4 + 4 + nonceSize // magic, length, check sum, nonce
	overhead    = 16
	firstBuffer = 64 << 10
	saltSize    = 16
)

// Frame is how many bytes an item of so many takes in a part.
func Frame(item int) int64 { return int64(headSize + 1 + item + overhead) }
