package lock

// Caps on what is locked and opened. What is beyond them is refused before work is spent on it. [LOCK-4]
const (
	// MaxRecipients is for how many keys one text or file is locked: of post-quantum keys each takes 2 KiB of a text.
	MaxRecipients = 64
	// MaxHeader is the length of the header of an age file in bytes, and MaxStanzas for how many keys it may be locked.
	MaxHeader  = 256 << 10
	MaxStanzas = 256
	// MaxIdentities is with how many private keys an opening is tried.
	MaxIdentities = 64
	// WorkFactor is the logarithm of scrypt's cost for a passphrase, as the age tool has it: 256 MiB and about a second.
	// MaxWorkFactor is the highest that is opened.
	WorkFactor    = 18
	MaxWorkFactor = 18
	// MaxText is the length of a text that is opened in bytes; what is longer is a file.
	MaxText = 256 << 10
	// MinPassphrase and MaxPassphrase are the lengths of a passphrase in bytes.
	MinPassphrase = 8
	MaxPassphrase = 1 << 10
	// MaxKeyFile is the size of a file of private keys in bytes, MaxRecipientText the length of a public key.
	MaxKeyFile       = 64 << 10
	MaxRecipientText = 3 << 10
)
