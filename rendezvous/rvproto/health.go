package rvproto

import (
	"unicode/utf8"

	"muster.example/internal/wire"
)

// Caps of what a node says of itself. [RV-140]
const (
	MaxVersion    = 64  // bytes
	MaxDamage     = 8   // things that are damaged; more are counted alone
	MaxDamageText = 240 // bytes of one
	MaxHealth     = 4 << 10

	MaxHealthRequest = 16
	MaxHealthAnswer  = MaxHealth + MaxEvent
	MaxHealthCount   = 1 << 53 // more than there is of anything
)

// Troubles are what keeps a node from its work, a bit each. [RV-141]
type Troubles uint8

// The troubles.
const (
	TroubleDisk  Troubles = 1 << iota // there is too little room to take anything
	TroubleQueue                      // the queue fails

	allTroubles = 1<<iota - 1
)

// How full a node is that refuses one thing more, in percent. [RV-131]
var fillSteps = [...]uint64{100, 95, 90, 80}

// FillStep returns what a node that serves several organizations says of how full it is: what its refusals show anyway.
func FillStep(percent uint64) uint64 {
	for _, step := range fillSteps {
		if percent >= step {
			return step
		}
	}
	return 0
}

// HealthRequest asks a node how it is. Only an admin's device is answered. [RV-140]
type HealthRequest struct{}

// HealthAnswer answers a HealthRequest.
type HealthAnswer struct {
	Status wire.Status `cbor:"1,keyasint"`
	Health *Health     `cbor:"2,keyasint,omitempty"` // under StatusOK
	Move   []byte      `cbor:"3,keyasint,omitempty"` // as in RollAnswer
}

// Health is how a node is, as far as one organization may know. Nothing in it says who writes to whom. Times are Unix seconds of the
// node's clock. [RV-141]
type Health struct {
	Version string `cbor:"1,keyasint"`
	Now     uint64 `cbor:"2,keyasint"`          // what its clock shows
	Since   uint64 `cbor:"3,keyasint"`          // when it was started
	Signed  uint64 `cbor:"4,keyasint"`          // when it signed its newest checkpoint
	Online  uint64 `cbor:"5,keyasint,omitzero"` // devices that are connected
	// What waits: pairs of an envelope and a device, envelopes, and their bytes.
	Entries uint64 `cbor:"6,keyasint,omitzero"`
	Bodies  uint64 `cbor:"7,keyasint,omitzero"`
	Bytes   uint64 `cbor:"8,keyasint,omitzero"`
	Free    uint64 `cbor:"9,keyasint,omitzero"` // bytes left on its disk, a power of two; zero: it does not know
	Day     Tally  `cbor:"10,keyasint"`         // of the last 24 hours, but not of before it was started
	Week    Tally  `cbor:"11,keyasint"`         // of the last 168 hours, likewise
	// Of a node that serves this organization alone:
	Oldest  uint64   `cbor:"12,keyasint,omitzero"`  // when what waits longest was accepted; zero: nothing waits
	Disk    uint64   `cbor:"13,keyasint,omitzero"`  // bytes of the queue's files
	Damaged uint64   `cbor:"14,keyasint,omitzero"`  // things that it cannot read
	Damage  []string `cbor:"15,keyasint,omitempty"` // the first of them
	// How much is used, in percent, of the organization's share of what may wait, and of all that may. Of a node that is Shared
	// it is a FillStep.
	Share    uint64   `cbor:"16,keyasint,omitzero"`
	Room     uint64   `cbor:"17,keyasint,omitzero"`
	Shared   bool     `cbor:"18,keyasint,omitzero"` // it serves other organizations too
	Troubles Troubles `cbor:"19,keyasint,omitzero"`

	Archive *ArchiveHealth `cbor:"30,keyasint,omitempty"` // of an organization that has an archive
}

// ArchiveHealth is how far an organization's archive is behind. [RV-156]
type ArchiveHealth struct {
	Connected bool   `cbor:"1,keyasint,omitzero"` // its service listens
	Behind    bool   `cbor:"2,keyasint,omitzero"` // more waits for it than may: its mode decides
	Waiting   uint64 `cbor:"3,keyasint,omitzero"` // envelopes
	Bytes     uint64 `cbor:"4,keyasint,omitzero"`
	Since     uint64 `cbor:"5,keyasint,omitzero"` // something waits, and nothing was taken since, Unix seconds; zero: nothing waits
	Missed    uint64 `cbor:"6,keyasint,omitzero"` // envelopes that went on without a copy, in all
}

// Tally counts what was not delivered in some time, by why.
type Tally struct {
	Expired   uint64 `cbor:"1,keyasint,omitzero"` // pairs of an envelope and a device whose time was over
	Full      uint64 `cbor:"2,keyasint,omitzero"` // refused for now: there was no room
	Leave     uint64 `cbor:"3,keyasint,omitzero"` // refused: no leave, by the receiver or the policy
	Allowance uint64 `cbor:"4,keyasint,omitzero"` // refused: more introductions than a day has
	Other     uint64 `cbor:"5,keyasint,omitzero"` // refused otherwise: too large, too late, from or to who is none
	Parked    uint64 `cbor:"6,keyasint,omitzero"` // pairs given up because the device stayed away for too long
	Shut      uint64 `cbor:"7,keyasint,omitzero"` // pairs given up because the device or its member is shut out
}

// Check returns nil: there is nothing in it.
func (HealthRequest) Check() error { return nil }

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a HealthAnswer) Check() error {
	switch {
	case len(a.Move) > MaxEvent:
		return malformed("an event beyond the cap")
	case (a.Health != nil) != (a.Status == wire.StatusOK):
		return malformed("health without the status for it, or that without health")
	case a.Health == nil:
		return nil
	}
	return a.Health.check()
}

func (h *Health) check() error {
	if len(h.Version) > MaxVersion || len(h.Damage) > MaxDamage || uint64(len(h.Damage)) > h.Damaged {
		return malformed("health beyond its caps")
	}
	for _, text := range append([]string{h.Version}, h.Damage...) {
		if len(text) > MaxDamageText || !utf8.ValidString(text) {
			return malformed("a text beyond the cap, or that is none")
		}
	}
	for _, n := range []uint64{
		h.Now, h.Since, h.Signed, h.Online, h.Entries, h.Bodies, h.Bytes, h.Oldest, h.Disk, h.Damaged,
		h.Day.most(), h.Week.most(), h.Archive.most(),
	} {
		if n > MaxHealthCount {
			return malformed("a number beyond the cap")
		}
	}
	if h.Free&(h.Free-1) != 0 {
		return malformed("free bytes that are no power of two")
	}
	if h.Share > 100 || h.Room > 100 || h.Troubles > allTroubles {
		return malformed("more than all, or trouble of no kind")
	}
	if h.Shared && (h.Oldest != 0 || h.Disk != 0 || h.Damaged != 0 || h.Share != FillStep(h.Share) || h.Room != FillStep(h.Room)) {
		return malformed("health that tells of other organizations")
	}
	return nil
}

func (a *ArchiveHealth) most() uint64 {
	if a == nil {
		return 0
	}
	return max(a.Waiting, a.Bytes, a.Since, a.Missed)
}

func (t Tally) most() uint64 {
	return max(t.Expired, t.Full, t.Leave, t.Allowance, t.Other, t.Parked, t.Shut)
}

// Returned returns how many pairs were given up.
func (t Tally) Returned() uint64 { return t.Expired + t.Parked + t.Shut }
