package membership_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// benchmarkOrgs are organizations of members with a second device each, by their number of events: making them costs more
// than what is measured.
var benchmarkOrgs = make(map[int]*membershiptest.Org)

func benchmarkOrg(b *testing.B, events int) *membershiptest.Org {
	b.Helper()
	if o := benchmarkOrgs[events]; o != nil {
		return o
	}
	o := membershiptest.New(b, 1)
	invitation := o.Invite(o.Founder, membership.RoleMember, membership.MaxUses)
	for len(o.Entries) < events {
		o.AddDevice(o.JoinBy(invitation, fmt.Sprintf("member %d", len(o.Entries))))
	}
	benchmarkOrgs[events] = o
	return o
}

const (
	oneOrg  = 20_000  // events of an organization of 10,000 members
	bigRoll = 100_000 // events
)

// perEvent reports the time of each of a number of events in each iteration.
func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N)/float64(events), "µs/event")
}

// Verifying and folding a roll of 100,000 events from the first, as a new device does. Two signatures an event; one core.
func BenchmarkFold(b *testing.B) {
	o := benchmarkOrg(b, bigRoll)
	note := o.Checkpoint()
	for b.Loop() {
		if _, err := membership.NewRoll(o.ID).Extend(note, o.Node.Public(), o.Entries, nil); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, len(o.Entries))
}

// The parts of that: reading the bytes and verifying both signatures.
func BenchmarkOpenEvent(b *testing.B) {
	o := benchmarkOrg(b, oneOrg)
	for b.Loop() {
		for _, e := range o.Entries[:2000] {
			if _, _, err := membership.OpenEvent(e.Event); err != nil {
				b.Fatal(err)
			}
		}
	}
	perEvent(b, 2000)
}

// The parts of that: what an event must hash to.
func BenchmarkLeaf(b *testing.B) {
	o := benchmarkOrg(b, oneOrg)
	for b.Loop() {
		for _, e := range o.Entries {
			e.Leaf()
		}
	}
	perEvent(b, len(o.Entries))
}

// One event more on a roll of 100,000: a sequencer's dry run and append.
func BenchmarkAppendOne(b *testing.B) {
	o := benchmarkOrg(b, bigRoll)
	roll, device := o.Replica(), o.Founder.Device()
	events := make([]membership.Entry, 0, 2000)
	for i := range uint64(cap(events)) {
		e := o.Event(device)
		e.Counter, e.Cancel = e.Counter+i, &membership.Cancel{}
		events = append(events, o.Entry(membership.SignEvent(e, device, nil)))
	}
	taken := 0
	for b.Loop() {
		if taken == len(events) {
			b.StopTimer()
			roll, taken = o.Replica(), 0
			b.StartTimer()
		}
		if err := roll.Check(events[taken].Event, events[taken].Time); err != nil {
			b.Fatal(err)
		}
		if err := roll.Append(events[taken]); err != nil {
			b.Fatal(err)
		}
		taken++
	}
}

// One event more on a roll of 100,000, with its checkpoint and proof: what a device does that stays connected.
func BenchmarkExtendByOne(b *testing.B) {
	o := benchmarkOrg(b, bigRoll)
	last := len(o.Entries) - 1
	answers := make([]answer, 500)
	roll := membership.NewRoll(o.ID)
	reset := func() {
		from := uint64(last + 1 - len(answers))
		roll = membership.NewRoll(o.ID)
		if err := roll.Restore(o.Entries[:from], o.RootAt(from)); err != nil {
			b.Fatal(err)
		}
	}
	for i := range answers {
		size := uint64(last + 1 - len(answers) + i)
		proof, err := o.Roll.ProveConsistency(size, size+1)
		if err != nil {
			b.Fatal(err)
		}
		answers[i] = answer{o.CheckpointAt(size + 1), o.Node.Public(), o.Entries[size : size+1], proof}
	}
	reset()
	taken := 0
	for b.Loop() {
		if taken == len(answers) {
			b.StopTimer()
			reset()
			taken = 0
			b.StartTimer()
		}
		a := answers[taken]
		if _, err := roll.Extend(a.note, a.node, a.entries, a.proof); err != nil {
			b.Fatal(err)
		}
		taken++
	}
}

// Opening an organization of 10,000 members from what a device stored: reading the bytes of 20,000 entries, holding them
// against the root that it kept, and folding them.
func BenchmarkRestore(b *testing.B) {
	o := benchmarkOrg(b, oneOrg)
	root, note := o.RootAt(uint64(len(o.Entries))), o.Checkpoint()
	stored := make([][]byte, len(o.Entries))
	for i, e := range o.Entries {
		stored[i] = e.Marshal()
	}
	parsing := time.Duration(0)
	for b.Loop() {
		start := time.Now()
		entries := make([]membership.Entry, len(stored))
		for i, data := range stored {
			var err error
			if entries[i], err = membership.ParseEntry(data); err != nil {
				b.Fatal(err)
			}
		}
		parsing += time.Since(start)
		roll := membership.NewRoll(o.ID)
		if err := roll.Restore(entries, root); err != nil {
			b.Fatal(err)
		}
		if _, err := roll.Extend(note, keys.PublicKey{}, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(parsing.Milliseconds())/float64(b.N), "ms-parsing/op")
	perEvent(b, len(o.Entries))
}

// What a roll takes in memory, for each of 50,000 members with two devices.
func BenchmarkMemory(b *testing.B) {
	o := benchmarkOrg(b, bigRoll)
	root := o.RootAt(uint64(len(o.Entries)))
	var roll *membership.Roll
	var before, after runtime.MemStats
	for b.Loop() {
		roll = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		roll = membership.NewRoll(o.ID)
		if err := roll.Restore(o.Entries, root); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(o.Members)), "B/member")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(o.Entries)), "B/event")
	runtime.KeepAlive(roll)
}

// Making a checkpoint and a proof from an old size on a large roll: what a sequencer does for every device that asks.
func BenchmarkProve(b *testing.B) {
	o := benchmarkOrg(b, oneOrg)
	for b.Loop() {
		o.Consistency(o.Roll.Size() / 3)
	}
}
