package membership_test

import (
	"fmt"
	"runtime"
	"testing"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// benchmarkEvents is the roll of an organization of 5,000 members with a second device each.
const benchmarkEvents = 10000

func benchmarkOrg(b *testing.B) *membershiptest.Org {
	b.Helper()
	o := membershiptest.New(b, 1)
	invitation := o.Invite(o.Founder, membership.RoleMember, membership.MaxUses)
	for len(o.Entries) < benchmarkEvents {
		o.AddDevice(o.JoinBy(invitation, fmt.Sprintf("member %d", len(o.Entries))))
	}
	return o
}

// Verifying and folding a roll from the first entry, as a new device does. Two signatures an entry; one core.
func BenchmarkFold(b *testing.B) {
	o := benchmarkOrg(b)
	note, node := o.Checkpoint(), o.Node.Public()
	members := len(o.Members)
	var roll *membership.Roll
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		roll = membership.NewRoll(o.ID)
		if _, err := roll.Extend(note, node, o.Entries, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(o.Entries)), "µs/event")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(members), "heap-B/member")
	runtime.KeepAlive(roll)
}

// A roll that comes entry by entry, each with its own checkpoint and proof: what a device does that stays connected.
func BenchmarkExtendByOne(b *testing.B) {
	o := grown(b, 1, 500)
	answers := make([]answer, len(o.Entries))
	for i := range answers {
		size := uint64(i)
		proof, err := o.Roll.ProveConsistency(size, size+1)
		if err != nil {
			b.Fatal(err)
		}
		answers[i] = answer{o.CheckpointAt(size + 1), o.Node.Public(), o.Entries[i : i+1], proof}
	}
	for b.Loop() {
		roll := membership.NewRoll(o.ID)
		for _, a := range answers {
			if _, err := roll.Extend(a.note, a.node, a.entries, a.proof); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(answers)), "µs/entry")
}

// Making a checkpoint and a proof from an old size on a large roll: what a sequencer does for every device that asks.
func BenchmarkProve(b *testing.B) {
	o := benchmarkOrg(b)
	for b.Loop() {
		o.Consistency(o.Roll.Size() / 3)
	}
}
