package membership_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	spec "muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// numberOf returns the safety number of the founder and the first other member.
func numberOf(t testing.TB, org *membershiptest.Org) membership.SafetyNumber {
	t.Helper()
	state := org.Roll.State()
	one, ok := state.SafetyNumber(org.Founder.ID, org.Members[1].ID)
	other, _ := state.SafetyNumber(org.Members[1].ID, org.Founder.ID)
	if !ok || one != other {
		t.Fatalf("%v and %v, %t", one, other, ok)
	}
	return one
}

// The number changes exactly when somebody who holds no device of the account comes to speak for it. [ROLL-130]
func TestSafetyNumberChangesWithWhoSpeaks(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(*membershiptest.Org, *membershiptest.Member)
		changes bool
	}{
		"a device of a device": {func(o *membershiptest.Org, m *membershiptest.Member) { o.AddDevice(m) }, false},
		"a bar": {func(o *membershiptest.Org, m *membershiptest.Member) {
			added := o.AddDevice(m)
			o.Bar(m.Device(), added.Public(), 5)
		}, false},
		"a freeze":     {func(o *membershiptest.Org, m *membershiptest.Member) { o.Freeze(m.Device()) }, false},
		"a suspension": {func(o *membershiptest.Org, m *membershiptest.Member) { o.Suspend(o.Founder.Device(), m) }, false},
		"a role": {func(o *membershiptest.Org, m *membershiptest.Member) {
			o.SetRole(o.Founder.Device(), m, membership.RoleDesk)
		}, false},
		"a name":         {func(o *membershiptest.Org, m *membershiptest.Member) { o.Rename(o.Founder.Device(), m, "Another") }, false},
		"another member": {func(o *membershiptest.Org, _ *membershiptest.Member) { o.ReplaceRecovery(o.Join("Dora")) }, false},
		"a re-admission that waits": {func(o *membershiptest.Org, m *membershiptest.Member) {
			o.Readmit(o.Founder.Device(), m, o.Key().Public(), o.Key().Public(), false)
		}, false},
		"a device of the recovery key": {func(o *membershiptest.Org, m *membershiptest.Member) { o.AddBy(m, m.Recovery) }, true},
		"another recovery key":         {func(o *membershiptest.Org, m *membershiptest.Member) { o.ReplaceRecovery(m) }, true},
		"one's own recovery key":       {func(o *membershiptest.Org, _ *membershiptest.Member) { o.ReplaceRecovery(o.Founder) }, true},
		"a re-admission": {func(o *membershiptest.Org, m *membershiptest.Member) {
			device := o.Key()
			id := o.Readmit(o.Founder.Device(), m, device.Public(), o.Key().Public(), false)
			o.Wait()
			o.Enter(device, id)
		}, true},
	} {
		org := membershiptest.New(t, 7)
		m := org.Join("Ben")
		before := numberOf(t, org)
		c.do(org, m)
		if changed := numberOf(t, org) != before; changed != c.changes {
			t.Errorf("%s: changed %t, want %t", name, changed, c.changes)
		}
	}
	org := membershiptest.New(t, 7)
	if _, ok := org.Roll.State().SafetyNumber(org.Founder.ID, org.Founder.ID); ok {
		t.Error("a member has a number with themself")
	}
}

// verifyCases are the vectors of testdata/verify.
func verifyCases(t testing.TB) map[string]spec.Vector {
	org := membershiptest.New(t, 130)
	ben := org.Join("Ben")
	number := numberOf(t, org)
	inputs := []string{"org: " + org.ID.String(), "one: " + org.Founder.ID.String(), "other: " + ben.ID.String()}
	var entries [][]byte
	for _, e := range org.Entries {
		entries = append(entries, e.Marshal())
		inputs = append(inputs, "entry: "+hexOf(e.Marshal()))
	}
	line := membership.Verification{Org: org.ID, Member: ben.ID, Number: number}.Link()
	file := membership.NewRollFile(org.ID, org.Checkpoint(), entries)
	move := membership.MoveLink(org.MoveEvent(org.Founder.Device(), org.Key().Public(), 2))
	changed := func(change func(*membership.RollFile)) []byte {
		f := membership.NewRollFile(org.ID, org.Checkpoint(), append([][]byte(nil), entries...))
		change(&f)
		return f.Marshal()
	}
	v := func(expect, rule, comment string, data []byte, inputs ...string) spec.Vector {
		return spec.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Data: data, Inputs: inputs}
	}
	return map[string]spec.Vector{
		"number_ok":    v("ok", "ROLL-131", "the safety number of the founder and a member", []byte(number.String()), inputs...),
		"line_ok":      v("ok", "ROLL-132", "what the member's device shows", []byte(line)),
		"line_prefix":  v("decode", "ROLL-132", "another prefix", []byte(strings.Replace(line, "verify", "verity", 1))),
		"line_cut":     v("decode", "ROLL-132", "a character less", []byte(line[:len(line)-1])),
		"line_padded":  v("decode", "ROLL-132", "padding", []byte(line+"=")),
		"file_ok":      v("ok", "ROLL-120", "a roll of four entries", file.Marshal()),
		"file_version": v("decode", "ROLL-120", "an unknown version", changed(func(f *membership.RollFile) { f.Version = 2 })),
		"file_page":    v("decode", "ROLL-120", "an empty page", changed(func(f *membership.RollFile) { f.Pages = append(f.Pages, [][]byte{}) })),
		"file_short":   v("decode", "ROLL-120", "a short page before the last", changed(func(f *membership.RollFile) { f.Pages = [][][]byte{entries[:1], entries[1:]} })),
		"file_trail":   v("decode", "ROLL-120", "a byte behind the file", append(file.Marshal(), 0)),
		"file_less":    v("state", "ROLL-121", "an entry less than the checkpoint covers", changed(func(f *membership.RollFile) { f.Pages[0] = entries[:len(entries)-1] })),
		"file_swap":    v("state", "ROLL-121", "two entries swapped", changed(func(f *membership.RollFile) { f.Pages[0][2], f.Pages[0][3] = entries[3], entries[2] })),
		"file_org":     v("state", "ROLL-121", "another organization's name", changed(func(f *membership.RollFile) { f.Org[0] ^= 1 })),
		"move_ok":      v("ok", "ROLL-122", "a move of the sequencing duty", []byte(move)),
		"move_cut":     v("decode", "ROLL-122", "a character less", []byte(move[:len(move)-1])),
	}
}

func hexOf(data []byte) string { return strings.ReplaceAll(string(vectorHex(data)), "\n", "") }

// vectorHex is the form in which vectors write bytes.
func vectorHex(data []byte) []byte {
	text := spec.Vector{Data: data}.Marshal()
	return text[bytes.Index(text, []byte("\n\n"))+2:]
}

// [ROLL-120] [ROLL-121] [ROLL-122] [ROLL-131] [ROLL-132]
func TestVerifyVectors(t *testing.T) {
	spec.Run(t, "../docs/spec/testdata/verify", *update, verifyCases(t), func(t *testing.T, v spec.Vector) {
		group, _, _ := strings.Cut(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:], "_")
		got := "ok"
		switch group {
		case "line":
			if _, err := membership.ParseVerification(string(v.Data)); err != nil {
				got = "decode"
			}
		case "move":
			if _, err := membership.ParseMoveLink(string(v.Data)); err != nil {
				got = "decode"
			}
		case "file":
			got = foldFile(v.Data)
		}
		if got != v.Expect {
			t.Errorf("%s, want %s", got, v.Expect)
		}
	})
}

func foldFile(data []byte) string {
	file, err := membership.ParseRollFile(data)
	if err != nil {
		return "decode"
	}
	if _, _, err := file.Fold(); err != nil {
		return "state"
	}
	return "ok"
}

// What is read is written again as the same bytes, and nothing that is read makes the fold panic. [ROLL-120]
func FuzzParseRollFile(f *testing.F) {
	for name, v := range verifyCases(f) {
		if strings.HasPrefix(name, "file") {
			f.Add(v.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := membership.ParseRollFile(data)
		if err != nil {
			if !errors.Is(err, membership.ErrRollFile) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(wire.Encode(file), data) {
			t.Fatal("it has a second form")
		}
		_, _, _ = file.Fold()
	})
}
