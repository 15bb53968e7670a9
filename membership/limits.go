package membership

// Caps of everything that can be in a frame. They are rules of the roll: two builds with different caps would fold one
// roll in two ways. [ROLL-40]
const (
	// MaxEvent is the size of a signed event in bytes.
	MaxEvent = 4 << 10
	// MaxEntry is the size of an entry of the roll in bytes: an event with audience, nonce and stamp.
	MaxEntry = MaxEvent + 128
	// MaxNote is the size of a checkpoint in bytes.
	MaxNote = 1 << 10
	// MaxGrant is the size of a signed grant in bytes.
	MaxGrant = 512
	// MaxInvitation is the size of an invitation link in bytes: room for every node with every address.
	MaxInvitation = 16 << 10
	// MaxProof is the number of hashes in a proof; a tree of 2^63 entries needs no more.
	MaxProof = 64
	// MaxSize is the number of entries of a roll.
	MaxSize = 1 << 40
	// MaxTime is the last stamp, the end of the year 9999, in Unix milliseconds.
	MaxTime = 253402300799999

	// MaxName is the length of a name of a member or organization in code points, MaxNameBytes that in UTF-8.
	MaxName      = 64
	MaxNameBytes = 4 * MaxName
	// MaxMarks is how many combining marks may follow each other in a name: no stack of them covers other lines.
	MaxMarks = 4
	// MaxDevices is the number of devices of one account.
	MaxDevices = 32
	// MaxUses is how many may join by one invitation.
	MaxUses = 1 << 16
	// MaxNodes is the number of rendezvous nodes in an invitation.
	MaxNodes = 8
	// MaxAddresses is the number of addresses of a rendezvous node, MaxAddress the length of one in bytes.
	MaxAddresses = 8
	MaxAddress   = 128
	// MaxGrantNumber is the highest number of a grant: always one below what an unsigned integer can hold.
	MaxGrantNumber = 1 << 53
)

// Bounds of a policy. [ROLL-26]
const (
	MinMaxEnvelope  = 64 << 10        // bytes
	MaxMaxEnvelope  = 16 << 20        // bytes
	MinPolicyTime   = 60 * 60         // seconds: each time of a policy is at least an hour
	MaxQueueTime    = 366 * 24 * 3600 // seconds
	MaxEventAge     = 31 * 24 * 3600  // seconds
	MaxOfflineGrace = 366 * 24 * 3600 // seconds
	MaxPerDay       = 10000           // introductions
)
