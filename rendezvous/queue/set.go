package queue

import (
	"crypto/sha256"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// Set is a list of devices that many items share, such as those of a group: an item for it costs as much as one for a
// single device. It never changes. Sets with the same devices are the same to an engine.
type Set struct {
	devices []keys.PublicKey // in order
	sum     [sha256.Size]byte
}

// NewSet makes a set of devices, 1 to MaxSet of them, in any order.
func NewSet(devices []keys.PublicKey) *Set {
	sorted := slices.Clone(devices)
	slices.SortFunc(sorted, keys.PublicKey.Compare)
	return newSet(slices.Compact(sorted))
}

// newSet makes a set of devices in order, and keeps the list.
func newSet(sorted []keys.PublicKey) *Set {
	hash := sha256.New()
	for i := range sorted {
		hash.Write(sorted[i][:])
	}
	return &Set{devices: sorted, sum: [sha256.Size]byte(hash.Sum(nil))}
}

// Devices returns the devices in the order of their keys. The list is shared: nobody changes it.
func (s *Set) Devices() []keys.PublicKey { return s.devices }

// set is a Set of which something waits, or did a moment ago.
type set struct {
	*Set
	index   uint32
	members []*device // as Devices
	list    list
	all     bitmap    // a bit for each member
	pins    int       // writes that need it
	low     []uint64  // for each member, a number below which nothing waits for it
	hints   []int     // for each member, the place of what it acknowledged last
	used    time.Time // of the last item

	// The committer's alone: where the record of the set lies that is in the segment written last.
	segment uint64
	offset  int64
}

// membership is a device's place in a set.
type membership struct {
	set *set
	at  int
}

// setLocked returns the index's set, making it.
func (e *Embedded) setLocked(s *Set) *set {
	if found := e.setsBySum[s.sum]; found != nil {
		return found
	}
	made := &set{Set: s, members: make([]*device, len(s.devices))}
	made.low, made.hints = make([]uint64, len(s.devices)), make([]int, len(s.devices))
	made.list.stride, made.all = wordsFor(len(s.devices)), fullBitmap(len(s.devices))
	for i := range s.devices {
		d := e.deviceLocked(&s.devices[i])
		d.sets = append(d.sets, membership{made, i})
		made.members[i] = d
	}
	if n := len(e.freeSets); n > 0 {
		made.index, e.freeSets = e.freeSets[n-1], e.freeSets[:n-1]
		e.sets[made.index] = made
	} else {
		made.index = uint32(len(e.sets))
		e.sets = append(e.sets, made)
	}
	e.setsBySum[s.sum] = made
	return made
}

// forgetSetsLocked forgets the sets for which nothing waits and nothing has come for a while.
func (e *Embedded) forgetSetsLocked(now time.Time) {
	for _, s := range e.setsBySum {
		if len(s.list.refs) > 0 || s.pins > 0 || now.Sub(s.used) < quietTime {
			continue
		}
		for _, d := range s.members {
			d.sets = slices.DeleteFunc(d.sets, func(m membership) bool { return m.set == s })
			e.forgetLocked(d)
		}
		delete(e.setsBySum, s.sum)
		e.sets[s.index] = nil
		e.freeSets = append(e.freeSets, s.index)
	}
}

// placeOf returns a device's place in a set, -1 if it is not in it.
func (d *device) placeOf(s *set) int {
	for _, m := range d.sets {
		if m.set == s {
			return m.at
		}
	}
	return -1
}

// firstFor returns the index of the first entry of a set's list that waits for a member and has at least that number, or
// the length.
func (s *set) firstFor(n numberer, at int, number uint64) int {
	low := number <= s.low[at]
	i := s.list.find(n, max(number, s.low[at]))
	i = s.nextFor(i, at)
	if low && i < len(s.list.refs) {
		s.low[at] = n.numberOf(s.list.refs[i])
	}
	return i
}

// nextFor returns the first index at or behind i that waits for a member, or the length.
func (s *set) nextFor(i, at int) int {
	word, bit := at/64, uint64(1)<<(at%64)
	for ; i < len(s.list.refs); i++ {
		if s.list.refs[i] != 0 && s.list.bits[i*s.list.stride+word]&bit != 0 {
			return i
		}
	}
	return i
}

// indexOf returns where in the list a ref is, -1 if it is not there. Members acknowledge in order: one looks behind the
// last place first.
func (s *set) indexOf(n numberer, at int, r ref, number uint64) int {
	for i := s.hints[at] - s.list.trims; i < s.hints[at]-s.list.trims+4; i++ {
		if i >= 0 && i < len(s.list.refs) && s.list.refs[i] == r {
			s.hints[at] = i + s.list.trims
			return i
		}
	}
	i := s.list.at(n, r, number)
	if i >= 0 {
		s.hints[at] = i + s.list.trims
	}
	return i
}
