package carrying

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// lastWritten is until when is written: what is written later could not live to its end.
	lastWritten = 5 * 24 * time.Hour
	// Life is how long a message lives here: after it, its sender is told that it was not delivered.
	Life = 2 * 24 * time.Hour

	groups, leastGroup, mostGroup = 10, 5, 15
)

// Message is one envelope: who wrote it when, to whom, and how large it is.
type Message struct {
	From    int
	To      []int // increasing
	Written time.Duration
	Size    uint64 // bytes
}

// NewLoad makes the messages of a week from a seed, in the order in which they are written: each person so many a day, most to one
// of four people, two of whom work at the same place, the rest to a group.
func NewLoad(t Trace, perDay int, seed uint64) (all []Message) {
	gap := awake / time.Duration(perDay)
	random := rand.New(rand.NewPCG(seed, 2))
	friends := make([][]int, Devices)
	for d := range Devices {
		for tries := 0; len(friends[d]) < 4; tries++ {
			f := random.IntN(Devices)
			near := t.Works[f] == t.Works[d] || tries > 1000
			if f != d && !slices.Contains(friends[d], f) && (near || len(friends[d]) >= 2) {
				friends[d] = append(friends[d], f)
			}
		}
	}
	var members [groups][]int
	in := make([][]int, Devices)
	for g := range groups {
		members[g] = random.Perm(Devices)[:leastGroup+random.IntN(mostGroup-leastGroup+1)]
		for _, d := range members[g] {
			in[d] = append(in[d], g)
		}
	}
	for d := range Devices {
		for at := exponential(random, gap); at < lastWritten; at += exponential(random, gap) {
			if hour := at % (24 * time.Hour); hour < 7*time.Hour || at >= t.Lost[d] {
				continue
			}
			to := []int{friends[d][random.IntN(len(friends[d]))]}
			if len(in[d]) > 0 && random.Float64() < 0.25 {
				to = slices.Clone(members[in[d][random.IntN(len(in[d]))]])
				to = slices.DeleteFunc(to, func(x int) bool { return x == d })
				slices.Sort(to)
			}
			all = append(all, Message{From: d, To: to, Written: at, Size: size(random)})
		}
	}
	slices.SortFunc(all, func(a, b Message) int { return cmp.Or(cmp.Compare(a.Written, b.Written), cmp.Compare(a.From, b.From)) })
	return all
}

// awake is how long people write a day.
const awake = 17 * time.Hour

// size draws the size of an envelope: texts of a few KiB, of which the least is what sealing and padding add; one in twelve a picture
// or a voice message, one in fifty a large file.
func size(random *rand.Rand) uint64 {
	between := func(least, most float64) uint64 {
		return uint64(least * math.Pow(most/least, random.Float64()))
	}
	switch draw := random.Float64(); {
	case draw < 0.02:
		return between(2<<20, 16<<20)
	case draw < 0.10:
		return between(60<<10, 1<<20)
	default:
		return between(1100, 6<<10)
	}
}
