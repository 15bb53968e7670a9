package carrying

import (
	"slices"
	"time"
)

// Bandwidth of a link in each direction, bytes a second: two megabits.
const Bandwidth = 250_000

// transfer is how long a link needs for so many bytes.
func transfer(size uint64) time.Duration {
	return time.Duration(float64(size) / Bandwidth * float64(time.Second))
}

// never is a time that does not come.
const never = time.Duration(1<<63 - 1)

// Best knows how soon anything could be anywhere: the arrival of a flood that nothing bounds but the size of the message on each link.
type Best struct {
	between [][][]Contact // by device, by the other device: contacts in order
}

// NewBest prepares a trace.
func NewBest(t Trace) *Best {
	b := &Best{between: make([][][]Contact, Devices)}
	for d := range Devices {
		b.between[d] = make([][]Contact, Devices)
	}
	for _, c := range t.Contacts {
		b.between[c.A][c.B] = append(b.between[c.A][c.B], c)
		b.between[c.B][c.A] = append(b.between[c.B][c.A], c)
	}
	return b
}

// Arrivals returns when a message could first be at each of those whom it is for, in their order; never if not within its life. It is
// Dijkstra's way with arrival for distance: exact, since who has a message earlier never passes it on later.
func (b *Best) Arrivals(m Message) []time.Duration {
	at := slices.Repeat([]time.Duration{never}, Devices)
	settled := make([]bool, Devices)
	at[m.From] = m.Written
	for missing := len(m.To); missing > 0; {
		next := -1
		for d := range Devices {
			if !settled[d] && at[d] <= m.Written+Life && (next < 0 || at[d] < at[next]) {
				next = d
			}
		}
		if next < 0 {
			break
		}
		settled[next] = true
		if slices.Contains(m.To, next) {
			missing--
		}
		for d, contacts := range b.between[next] {
			if !settled[d] && len(contacts) > 0 {
				at[d] = min(at[d], arrival(contacts, at[next], transfer(m.Size)))
			}
		}
	}
	var of []time.Duration
	for _, d := range m.To {
		if at[d] > m.Written+Life {
			at[d] = never
		}
		of = append(of, at[d])
	}
	return of
}

// arrival returns when what needs so long on the links between two devices is across, if it is on one side from a time on. What one link
// does not finish the next goes on with.
func arrival(contacts []Contact, from, need time.Duration) time.Duration {
	first, _ := slices.BinarySearchFunc(contacts, from, func(c Contact, at time.Duration) int {
		if c.To <= at {
			return -1
		}
		return 1
	})
	for _, c := range contacts[first:] {
		begin := max(c.From, from)
		if begin+need <= c.To {
			return begin + need
		}
		need -= c.To - begin
	}
	return never
}
