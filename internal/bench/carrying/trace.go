package carrying

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// Devices is how many devices there are, one of each member.
	Devices = 100
	// Places is how many places there are. Two devices see each other only where they both are.
	Places = 10
	// Week is how long it all lasts.
	Week = 7 * 24 * time.Hour

	// meanLink and meanGap are how long two devices at one place are in reach of each other, and how long then not: people sit
	// in rooms, doors close, radios sleep.
	meanLink, meanGap = 6 * time.Minute, time.Hour
	shortestLink      = 30 * time.Second
)

// Contact is a time in which two devices can speak to each other. Times are since the beginning of the week.
type Contact struct {
	A, B     int
	From, To time.Duration
}

// Trace is who could speak to whom when, and who was lost for ever when. Contacts are in the order of their beginnings.
type Trace struct {
	Contacts []Contact
	Lost     []time.Duration // by device; Week or later: never
	Homes    []int           // by device: the place where most of its nights, or its walk, begins
	Works    []int           // by device: where it is on most days
}

// stay is a time that a device spends at a place.
type stay struct {
	place    int
	from, to time.Duration
}

// Movement says where a device is for a week.
type Movement func(random *rand.Rand, home, work int) []stay

// NewTrace makes a trace from a movement and a seed.
func NewTrace(movement Movement, seed uint64) Trace {
	random := rand.New(rand.NewPCG(seed, 1))
	var t Trace
	stays := make([][]stay, Devices)
	for d := range Devices {
		home, work := Places/2+random.IntN(Places/2), random.IntN(Places/2)
		t.Homes, t.Works, t.Lost = append(t.Homes, home), append(t.Works, work), append(t.Lost, Week)
		stays[d] = movement(random, home, work)
	}
	for _, d := range random.Perm(Devices)[:Devices/20] {
		t.Lost[d] = time.Duration(random.Int64N(int64(Week)))
	}
	for a := range Devices {
		for b := a + 1; b < Devices; b++ {
			t.Contacts = append(t.Contacts, contacts(random, a, b, together(stays[a], stays[b]), min(t.Lost[a], t.Lost[b]))...)
		}
	}
	slices.SortFunc(t.Contacts, func(x, y Contact) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return t
}

// together returns the times in which two devices are at the same place.
func together(a, b []stay) (both []stay) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		from, to := max(a[i].from, b[j].from), min(a[i].to, b[j].to)
		if from < to && a[i].place == b[j].place {
			both = append(both, stay{a[i].place, from, to})
		}
		if a[i].to < b[j].to {
			i++
		} else {
			j++
		}
	}
	return both
}

// contacts has a link come and go while two devices are together, until one of them is lost.
func contacts(random *rand.Rand, a, b int, both []stay, end time.Duration) (all []Contact) {
	for _, s := range both {
		at := s.from + exponential(random, meanGap/4)
		for at < min(s.to, end) {
			to := at + shortestLink + exponential(random, meanLink-shortestLink)
			if c := (Contact{a, b, at, min(to, s.to, end)}); c.To-c.From >= time.Second {
				all = append(all, c)
			}
			at = to + exponential(random, meanGap)
		}
	}
	return all
}

// exponential draws a time with a mean.
func exponential(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-random.Float64()) * float64(mean))
}
