package membership

import "muster.example/membership/authority"

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
	// MaxRequest is the size of a request for re-admission in bytes.
	MaxRequest = 1 << 10
	// MaxProof is the number of hashes in a proof; a tree of 2^63 entries needs no more.
	MaxProof = 64
	// MaxSize is the number of entries of a roll.
	MaxSize = 1 << 40
	// MaxTime is the last stamp, the end of the year 9999, in Unix milliseconds.
	MaxTime = 253402300799999

	// MaxNameBytes is the length of a name of a member or organization in UTF-8 before its rule is asked.
	MaxNameBytes = 256
	// MaxDevices is the number of active devices of one account to which a device may add another.
	MaxDevices = authority.MaxActive
	// MaxListed is the number of devices in an order of seniority, MaxReserved that of reserved names in a policy.
	MaxListed   = 32
	MaxReserved = 64
	// MaxSkinImage is the size of a skin's image in bytes: it lies in the event.
	MaxSkinImage = 3 << 10
	// MaxArchiveChanges is the number of accounts in one list of an archive event, MaxDesignated that of designated ones.
	MaxArchiveChanges = 64
	MaxDesignated     = 65536
	// MinArchiveBytes and MaxArchiveBytes bound what may wait for the archive.
	MinArchiveBytes = 1 << 20
	MaxArchiveBytes = 1 << 40
	// MaxUses is how many may join by one invitation: by a published link, everybody who comes.
	MaxUses = 1 << 20
	// MaxNodes is the number of rendezvous nodes in an invitation.
	MaxNodes = 8
	// MaxFurther is the number of rendezvous nodes beside the one that orders the roll.
	MaxFurther = 4
	// MaxAddresses is the number of addresses of a rendezvous node, MaxAddress the length of one in bytes.
	MaxAddresses = 8
	MaxAddress   = 128
	// MaxGrantNumber is the highest number of a grant: always one below what an unsigned integer can hold.
	MaxGrantNumber = 1 << 53
)

// Bounds of a policy. [ROLL-26]
const (
	MinMaxEnvelope  = 256 << 10 // bytes: a chunk of a file and what seals it fit
	MaxMaxEnvelope  = 16 << 20  // bytes
	MinPolicyTime   = 60 * 60   // seconds: each time of a policy is at least an hour
	MinPark         = 24 * 3600 // seconds
	MaxPark         = 3660 * 24 * 3600
	DefaultPark     = 60 * 24 * 3600  // what a policy that says nothing means: it is part of the rules
	MaxQueueTime    = 366 * 24 * 3600 // seconds
	MaxEventAge     = 31 * 24 * 3600  // seconds
	MaxOfflineGrace = 366 * 24 * 3600 // seconds
	MaxPerDay       = 10000           // introductions
	MaxNameHold     = 10 * 366 * 24 * 3600
	MinFreezeTime   = 60 * 60
	MaxFreezeTime   = 72 * 3600
	MinReadmitDelay = 24 * 3600
	MaxReadmitDelay = 31 * 24 * 3600

	MinGroupSize       = 2
	MaxGroupSize       = 10000 // members
	MaxGroupsPerMember = 1000
	MaxEditTime        = 366 * 24 * 3600 // seconds
	MaxVouches         = 100
	MaxGuestsPerHour   = 1 << 20
	MaxPostTo          = 2
	MaxGuestPosts      = 10000   // a minute
	MaxGuestBytes      = 1 << 30 // at least the largest message, MinMaxEnvelope

	MaxCarryCopies = 64
	MaxCarryHops   = 16
	MinCarryBytes  = 16 << 20 // bytes: one message of the largest size fits
	MaxCarryBytes  = 64 << 30 // bytes

	DefaultEarlyJoins = NotAllowed // what a policy that says nothing means: it is part of the rules
)
