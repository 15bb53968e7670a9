package vault

// Limits of what is read and accepted.
const (
	// MaxPassphrase is the longest passphrase in bytes, after NFC.
	MaxPassphrase = 1024

	maxSlots       = 8
	maxKeyslots    = 4 << 10 // bytes of the file
	maxKeyFile     = 256     // bytes of a key file
	maxFormat      = 64      // bytes of FORMAT
	maxArgonTime   = 16      // passes
	minArgonMemory = 8       // KiB, argon2's own floor for one thread
	maxArgonMemory = 1 << 20 // KiB: a changed file cannot make the program take more than 1 GiB
	maxArgonLanes  = 4       // threads
)
