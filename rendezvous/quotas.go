package rendezvous

import "muster.example/internal/machine"

// Quotas bound what waits at a node. The zero value of a field stands for its default. [RV-130]
type Quotas struct {
	// Bytes is how much may wait, with what the log adds; by default what the volume has room for beyond Reserve.
	Bytes int64
	// Reserve is what stays free of the volume; 96 MiB, or a sixteenth of the volume if that is more, at most 1 GiB.
	Reserve int64
	// Entries is how many pairs of envelope and device may wait; by default one for each 512 bytes of the machine's
	// memory, and 1,048,576 at least.
	Entries int64

	OrgShare    int // percent that an organization may have of what the others leave; DefaultOrgShare
	MemberShare int // percent that a member may have of what the others of the organization leave to it; DefaultMemberShare

	MemberBodies  int64 // envelopes of one member that may wait; a quarter of DeviceEntries
	MemberBytes   int64 // their bytes; a quarter of DeviceBytes
	DeviceEntries int64 // that may wait for one device; 131,072
	DeviceBytes   int64 // their bytes; 1 GiB
}

// Shares in percent, where nothing else is said.
const (
	DefaultOrgShare    = 80
	DefaultMemberShare = 10
)

// Defaults of quotas.
const (
	leastReserve  = 96 << 20 // above what the store needs to take an event
	mostReserve   = 1 << 30
	reservePart   = 16      // of a volume
	leastEntries  = 1 << 20 // so that the largest group has room in one member's share
	receiptsPart  = 4       // of the reserve, which receipts may use
	entryMemory   = 512     // bytes of the machine's memory for each entry: the index takes a fraction of it
	unknownMemory = 1 << 30 // of a machine that does not say
	unknownVolume = 4 << 30 // that may wait on a volume that does not say
)

// How full the node or an organization's share may be, in percent, for what is shed in this order. [RV-131]
const (
	shedGuests        = 80 // guests' posts and joins, applications
	shedIntroductions = 90
	shedPosts         = 95 // the rest is for receipts and returns, by which room is made
	shedNothing       = 100
)

// WithDefaults returns the quotas with what stands for fields that are zero.
func (q Quotas) WithDefaults() Quotas { return q.withDefaults() }

func (q Quotas) withDefaults() Quotas {
	fill := func(field *int64, standard int64) {
		if *field == 0 {
			*field = standard
		}
	}
	fill(&q.Entries, max(leastEntries, machineMemory()/entryMemory))
	fill(&q.DeviceEntries, 1<<17)
	fill(&q.DeviceBytes, 1<<30)
	fill(&q.MemberBodies, max(1, q.DeviceEntries/4))
	fill(&q.MemberBytes, max(1, q.DeviceBytes/4))
	if q.OrgShare == 0 {
		q.OrgShare = DefaultOrgShare
	}
	if q.MemberShare == 0 {
		q.MemberShare = DefaultMemberShare
	}
	return q
}

// reserve returns what stays free of a volume.
func (q Quotas) reserve(size int64) int64 {
	if q.Reserve != 0 {
		return q.Reserve
	}
	return min(max(leastReserve, size/reservePart), mostReserve)
}

// machineMemory returns how much memory the machine has.
func machineMemory() int64 {
	memory, err := machine.Memory()
	if err != nil {
		return unknownMemory
	}
	return memory
}
