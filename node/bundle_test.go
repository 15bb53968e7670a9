package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// islands is three members' devices that no network connects, and that know each other's prekeys.
type islands struct {
	org              *membershiptest.Org
	ann, bob, carol  *organization
	annM, bobM, carM *membershiptest.Member
}

func newIslands(t *testing.T, prepare ...func(org *membershiptest.Org)) *islands {
	t.Helper()
	org := newRoll(t, "bob", "carol")
	for _, prepare := range prepare {
		prepare(org)
	}
	w := &islands{org: org, annM: org.Founder, bobM: org.Members[1], carM: org.Members[2]}
	all := []*membershiptest.Member{w.annM, w.bobM, w.carM}
	for i, o := range []**organization{&w.ann, &w.bob, &w.carol} {
		*o = newDevice(t, org, all[i])
		others := slices.Delete(slices.Clone(all), i, i+1)
		(*o).acquainted(t, org, all[i], others...)
	}
	for _, from := range []*organization{w.ann, w.bob, w.carol} {
		parts, _ := exportBundle(t, from, api.BundleRequest{})
		for _, to := range []*organization{w.ann, w.bob, w.carol} {
			if to != from {
				if got := importBundle(t, to, parts[0]); got.Prekeys != 1 || !got.Whole {
					t.Fatalf("prekeys: %+v", got)
				}
			}
		}
	}
	return w
}

// exportBundle makes a bundle and returns its parts.
func exportBundle(t testing.TB, o *organization, request api.BundleRequest) (parts [][]byte, result api.BundleWritten) {
	t.Helper()
	var files []*bytes.Buffer
	result, err := o.node.ExportBundle(context.Background(), request, func(uint64) (io.Writer, error) {
		files = append(files, new(bytes.Buffer))
		return files[len(files)-1], nil
	})
	if err != nil {
		t.Fatalf("exporting: %v", err)
	}
	for _, file := range files {
		parts = append(parts, file.Bytes())
	}
	return parts, result
}

func importBundle(t testing.TB, o *organization, part []byte) api.BundleImport {
	t.Helper()
	got, err := o.node.ImportBundle(context.Background(), api.BundleImportRequest{}, bytes.NewReader(part))
	if err != nil {
		t.Fatalf("importing: %v", err)
	}
	return got
}

// texts returns the texts that a device has, by others.
func (o *organization) texts(t testing.TB) (all []string) {
	t.Helper()
	page, err := o.node.Inbox(context.Background(), api.InboxQuery{Limit: api.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		all = append(all, m.Text)
	}
	slices.Sort(all)
	return all
}

// states returns how a message stands, a word a device.
func (o *organization) stateOf(t testing.TB, job store.Job) (words []string) {
	t.Helper()
	recipients, err := o.recipients(*job.Message)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recipients {
		words = append(words, string(r.State))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// TestStickBetweenTwoIslands carries a message and its receipt in files, each twice, and then has a rendezvous node bring the same
// envelopes. [CAR-5] [CAR-6] [CAR-22]
func TestStickBetweenTwoIslands(t *testing.T) {
	w := newIslands(t)
	job := w.ann.saved(t, "no server here", []string{strings.Repeat("x", 3*history.ChunkSize)}, w.bobM)
	out, said := exportBundle(t, w.ann, api.BundleRequest{For: api.List[string]{"bob"}})
	if said.Own != 5 || said.Unsealed != 0 || len(out) != 1 || said.Messages != 1 || said.Receivers != 1 {
		t.Fatalf("%d parts: %+v", len(out), said)
	}
	if got := w.ann.stateOf(t, job); !slices.Equal(got, []string{"held"}) {
		t.Errorf("before it is written: %v", got)
	}
	if kept, err := w.ann.node.BundleKept(t.Context(), api.BundleKeptRequest{Bundle: said.Bundle}); err != nil || kept.Messages != 1 {
		t.Fatal(kept, err)
	}
	if got := w.ann.stateOf(t, job); !slices.Equal(got, []string{"carried"}) {
		t.Errorf("once it is written: %v", got)
	}
	for i := range 2 {
		got := importBundle(t, w.bob, out[0])
		if want := []int{5, 0}[i]; got.Opened != want || got.Already != 5-want || !got.Whole || got.Carried != 0 || got.Maker == "" {
			t.Fatalf("import %d: %+v", i, got)
		}
	}
	if got := w.bob.texts(t); !slices.Equal(got, []string{"no server here"}) {
		t.Fatalf("bob has %q", got)
	}
	back, said := exportBundle(t, w.bob, api.BundleRequest{})
	if said.Receipts == 0 || said.Own != 0 {
		t.Fatalf("the way back: %+v", said)
	}
	for range 2 {
		if got := importBundle(t, w.ann, back[0]); got.Receipts == 0 {
			t.Fatalf("%+v", got)
		}
	}
	if got := w.ann.stateOf(t, job); !slices.Equal(got, []string{"delivered"}) {
		t.Errorf("with the receipts: %v", got)
	}
	if left := w.ann.waiting(t, envelope.KindMessage); len(left) != 0 {
		t.Errorf("%d envelopes wait still", len(left))
	}
	var sealed [][]byte
	eachItem(t, w.ann, out[0], func(item bundle.Item) {
		if item.Kind == bundle.KindCarried {
			c, err := envelope.ParseCarried(item.Body, envelope.MaxEnvelope)
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, c.EnvelopeBytes())
		}
	})
	if opened, failed := w.bob.deliver(t, sealed...); opened != 5 || failed != 0 || len(w.bob.texts(t)) != 1 {
		t.Errorf("from the node again: %d opened, %d failed, %d messages", opened, failed, len(w.bob.texts(t)))
	}
}

func eachItem(t testing.TB, o *organization, part []byte, visit func(bundle.Item)) {
	t.Helper()
	key, err := o.bundleKey()
	if err != nil {
		t.Fatal(err)
	}
	for in := bundle.NewReader(bytes.NewReader(part), key); ; {
		item, err := in.Next()
		if err != nil {
			return
		}
		visit(item)
	}
}

// TestThirdMemberPassesOn: carol carries what is for bob, and the receipts back, and reads none of it. What bob has is carried no
// longer.
func TestThirdMemberPassesOn(t *testing.T) {
	w := newIslands(t)
	job := w.ann.saved(t, "pass it on", nil, w.bobM)
	out, _ := exportBundle(t, w.ann, api.BundleRequest{})
	if got := importBundle(t, w.carol, out[0]); got.Carried != 2 || got.Opened != 0 || len(w.carol.texts(t)) != 0 {
		t.Fatalf("carol: %+v", got)
	}
	if got := importBundle(t, w.carol, out[0]); got.Carried != 0 {
		t.Fatalf("again: %+v", got)
	}
	on, said := exportBundle(t, w.carol, api.BundleRequest{})
	if said.Carried != 2 || said.Own != 0 {
		t.Fatalf("carol's: %+v", said)
	}
	if got := importBundle(t, w.bob, on[0]); got.Opened != 2 || !slices.Equal(w.bob.texts(t), []string{"pass it on"}) {
		t.Fatalf("bob: %+v", got)
	}
	back, _ := exportBundle(t, w.bob, api.BundleRequest{})
	if got := importBundle(t, w.carol, back[0]); got.Passed != 1 {
		t.Fatalf("the receipts at carol's: %+v", got)
	}
	if all := w.carol.carrying(t); len(all) != 0 {
		t.Errorf("carol still carries %d envelopes", len(all))
	}
	if got := importBundle(t, w.carol, out[0]); got.Carried != 0 {
		t.Errorf("what bob has is carried again: %+v", got)
	}
	home, _ := exportBundle(t, w.carol, api.BundleRequest{})
	importBundle(t, w.ann, home[0])
	if got := w.ann.stateOf(t, job); !slices.Equal(got, []string{"delivered"}) {
		t.Errorf("at home: %v", got)
	}
}

func (o *organization) carrying(t testing.TB) (all []store.Carry) {
	t.Helper()
	err := o.node.store.View(func(tx *store.Tx) (err error) { all, err = tx.Carries(o.org); return err })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPartsInAnyOrder splits a bundle, has one part come later, and the rest in any order: nothing is reported as unopenable.
// [CAR-17] [CAR-21]
func TestPartsInAnyOrder(t *testing.T) {
	w := newIslands(t)
	for i := range 12 {
		w.ann.saved(t, fmt.Sprintf("message %02d %s", i, strings.Repeat("x", 9<<10)), nil, w.bobM)
	}
	parts, said := exportBundle(t, w.ann, api.BundleRequest{Split: bundle.MinSplit})
	if len(parts) < 3 || said.TooLarge != 0 || said.Parts != len(parts) {
		t.Fatalf("%d parts: %+v", len(parts), said)
	}
	for i, part := range parts {
		if len(part) > bundle.MinSplit {
			t.Errorf("part %d has %d bytes", i+1, len(part))
		}
	}
	missing := 1
	for _, i := range slices.Backward(slices.Collect(intsBelow(len(parts)))) {
		if i == missing {
			continue
		}
		if got := importBundle(t, w.bob, parts[i]); got.Unopened != 0 || !got.Whole || got.Part != i+1 || got.Last != (i == len(parts)-1) {
			t.Fatalf("part %d: %+v", i+1, got)
		}
	}
	before := len(w.bob.texts(t))
	if before == 0 || before == 12 {
		t.Fatalf("%d of 12 without a part", before)
	}
	importBundle(t, w.bob, parts[missing])
	if got := w.bob.texts(t); len(got) != 12 || len(w.bob.carrying(t)) != 0 {
		t.Errorf("%d of 12 messages, %d envelopes are kept", len(got), len(w.bob.carrying(t)))
	}
}

func intsBelow(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// TestDamagedBundleGivesWhatIsWhole cuts a bundle in many places and changes bytes of it. [CAR-17]
func TestDamagedBundleGivesWhatIsWhole(t *testing.T) {
	w := newIslands(t)
	for i := range 5 {
		w.ann.saved(t, fmt.Sprintf("message %d", i), nil, w.bobM)
	}
	parts, _ := exportBundle(t, w.ann, api.BundleRequest{})
	bad := bytes.Clone(parts[0])
	bad[len(bad)*3/4] ^= 1
	got := importBundle(t, w.bob, bad)
	if got.Whole || got.Damage != 1 || len(got.Damaged) != 1 || got.Opened != 5 {
		t.Fatalf("one byte: %+v", got)
	}
	for n := 0; n < len(parts[0]); n += 97 {
		got, err := w.bob.node.ImportBundle(t.Context(), api.BundleImportRequest{}, bytes.NewReader(parts[0][:n]))
		if known, ok := errors.AsType[*api.Error](err); err != nil && (!ok || known.Code != api.CodeUsage) || got.Whole || got.Unopened > 0 {
			t.Fatalf("%d bytes: %+v, %v", n, got, err)
		}
	}
	if got := importBundle(t, w.bob, parts[0]); !got.Whole || len(w.bob.texts(t)) != 5 {
		t.Errorf("the whole one: %+v, %d messages", got, len(w.bob.texts(t)))
	}
}

// TestResumedExport goes on with a bundle that broke off anywhere: both together hold everything once. [CAR-18]
func TestResumedExport(t *testing.T) {
	w := newIslands(t)
	for i := range 6 {
		w.ann.saved(t, fmt.Sprintf("message %d", i), nil, w.bobM)
	}
	whole, _ := exportBundle(t, w.ann, api.BundleRequest{})
	for n := 0; n < len(whole[0]); n += len(whole[0]) / 7 {
		outline, err := bundle.ReadOutline(bytes.NewReader(whole[0][:n]))
		if err != nil {
			t.Fatal(err)
		}
		resume := &api.BundleResume{Part: 1, Size: outline.Size, Items: uint64(len(outline.Tags)), First: outline.First}
		for _, tag := range outline.Tags {
			resume.Tags = append(resume.Tags, tag[:]...)
		}
		if len(outline.Tags) == 0 {
			continue
		}
		rest, said := exportBundle(t, w.ann, api.BundleRequest{Resume: resume})
		joined := append(bytes.Clone(whole[0][:outline.Size]), rest[0]...)
		if len(joined) != len(whole[0]) || said.Own != 7 {
			t.Fatalf("from %d on: %d bytes, want %d; %+v", n, len(joined), len(whole[0]), said)
		}
		if n > len(whole[0])/2 {
			if got := importBundle(t, w.bob, joined); !got.Whole || len(w.bob.texts(t)) != 6 {
				t.Fatalf("%+v", got)
			}
		}
	}
	foreign, err := bundle.ReadOutline(bytes.NewReader(whole[0]))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.carol.node.ExportBundle(t.Context(), api.BundleRequest{Resume: &api.BundleResume{Part: 1, First: foreign.First}}, nil)
	if known, ok := errors.AsType[*api.Error](err); !ok || known.Code != api.CodeUsage {
		t.Errorf("carol goes on with ann's: %v", err)
	}
}

// TestBarredGetNothingFromBundles: what is for a barred device is left out, what is of one is refused, by whoever knows of the bar,
// and the bar travels in the bundle itself. [CAR-20]
func TestBarredGetNothingFromBundles(t *testing.T) {
	w := newIslands(t)
	w.ann.saved(t, "for bob", nil, w.bobM)
	early, _ := exportBundle(t, w.ann, api.BundleRequest{})
	w.ann.saved(t, "for bob, on a stick that nobody plugs in until later", nil, w.bobM)
	lost, said := exportBundle(t, w.ann, api.BundleRequest{})
	if said.Own < 3 {
		t.Fatalf("on the stick that is left are %+v", said)
	}
	w.bob.saved(t, "of bob", nil, w.annM)
	ofBob, _ := exportBundle(t, w.bob, api.BundleRequest{})
	importBundle(t, w.carol, early[0])
	importBundle(t, w.carol, ofBob[0])
	if got := len(w.carol.carrying(t)); got != 4 {
		t.Fatalf("carol carries %d envelopes", got)
	}

	w.bar(t, w.ann, w.bobM)
	late, said := exportBundle(t, w.ann, api.BundleRequest{})
	if said.Own != 0 || said.Bars != 1 {
		t.Errorf("ann exports for a barred device: %+v", said)
	}
	if got := importBundle(t, w.ann, ofBob[0]); got.Opened != 0 || got.Refused != 2 || len(w.ann.texts(t)) != 0 {
		t.Errorf("ann imports of a barred device: %+v", got)
	}
	if got := importBundle(t, w.carol, late[0]); got.Bars != 1 || len(w.carol.carrying(t)) != 0 {
		t.Errorf("carol hears of the bar: %+v, carries %d", got, len(w.carol.carrying(t)))
	}
	if _, said := exportBundle(t, w.carol, api.BundleRequest{}); said.Carried != 0 || said.Receipts != 0 {
		t.Errorf("carol hands on of or for a barred device: %+v", said)
	}
	// A stick of before the bar, which somebody plugs in who has heard of it.
	if got := importBundle(t, w.carol, lost[0]); got.Carried != 0 || len(w.carol.carrying(t)) != 0 {
		t.Errorf("carol carries what was written for a barred device before its bar: %+v", got)
	}
	if _, said := exportBundle(t, w.carol, api.BundleRequest{}); said.Carried != 0 {
		t.Errorf("carol hands that on: %+v", said)
	}
}

// bar has a member's device barred, which one device hears ahead of the roll.
func (w *islands) bar(t *testing.T, at *organization, m *membershiptest.Member) {
	t.Helper()
	if err := at.hearBar(w.org.BarEvent(w.org.Founder.Device(), m.Device().Public(), 0)); err != nil {
		t.Fatal(err)
	}
}

// TestForgedIsRefused: what its sender did not sign is neither opened nor carried. [CAR-2]
func TestForgedIsRefused(t *testing.T) {
	w := newIslands(t)
	w.ann.saved(t, "hello", nil, w.bobM)
	out, _ := exportBundle(t, w.ann, api.BundleRequest{})
	key, err := w.carol.bundleKey()
	if err != nil {
		t.Fatal(err)
	}
	var forged bytes.Buffer
	to := bundle.NewWriter(&forged, key, [16]byte{1}, 0)
	eachItem(t, w.ann, out[0], func(item bundle.Item) {
		if item.Kind != bundle.KindCarried {
			return
		}
		c, err := envelope.ParseCarried(item.Body, envelope.MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		c, err = envelope.Carry(c.Envelope, c.EnvelopeBytes(), w.org.ID, c.Label.Wanted, w.carol.self)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Put(bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()}); err != nil {
			t.Fatal(err)
		}
	})
	for _, o := range []*organization{w.bob, w.carol} {
		if got := importBundle(t, o, forged.Bytes()); got.Refused != 2 || got.Opened+got.Carried != 0 {
			t.Errorf("%+v", got)
		}
	}
}

// keepsWithin has a device carry no more than that.
func (o *organization) keepsWithin(bounds carriedBounds) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.node.bounds = bounds
}

// TestCarriedWithinBounds: the largest and oldest go first, and it is said how many; they are not taken again. [CAR-7]
func TestCarriedWithinBounds(t *testing.T) {
	w := newIslands(t)
	for i := range 6 {
		w.ann.saved(t, fmt.Sprintf("message %d %s", i, strings.Repeat("x", i<<12)), nil, w.bobM)
	}
	out, _ := exportBundle(t, w.ann, api.BundleRequest{})
	w.carol.keepsWithin(carriedBounds{bytes: 32 << 10, count: 5, age: maxCarriedAge})
	got := importBundle(t, w.carol, out[0])
	kept := w.carol.carrying(t)
	var size uint64
	for _, c := range kept {
		size += c.Size
	}
	if got.Carried != 7 || got.Dropped != 7-len(kept) || len(kept) == 0 || len(kept) > 5 || size > 32<<10 {
		t.Fatalf("%d kept of %d bytes: %+v", len(kept), size, got)
	}
	if again := importBundle(t, w.carol, out[0]); again.Carried != 0 || again.Dropped != 0 {
		t.Errorf("again: %+v", again)
	}
	w.carol.keepsWithin(carriedBounds{bytes: 32 << 10, count: 5, age: time.Nanosecond})
	if got := importBundle(t, w.carol, out[0]); got.Dropped != len(kept) || len(w.carol.carrying(t)) != 0 {
		t.Errorf("what is old stays: %+v", got)
	}
}

// brokenFile is a file of which the end cannot be read.
type brokenFile struct{ io.Reader }

func (f brokenFile) Read(data []byte) (int, error) {
	n, err := f.Reader.Read(data)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestBoundsWhereAnImportBreaksOff: a stick that is pulled out leaves no more than may be carried. [CAR-7]
func TestBoundsWhereAnImportBreaksOff(t *testing.T) {
	w := newIslands(t)
	for i := range 6 {
		w.ann.saved(t, fmt.Sprintf("message %d", i), nil, w.bobM)
	}
	out, _ := exportBundle(t, w.ann, api.BundleRequest{})
	w.carol.keepsWithin(carriedBounds{bytes: 1 << 20, count: 3, age: maxCarriedAge})
	got, err := w.carol.node.ImportBundle(t.Context(), api.BundleImportRequest{}, brokenFile{bytes.NewReader(out[0])})
	if err == nil || got.Carried != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	if left := len(w.carol.carrying(t)); left != 3 || got.Dropped != 4 {
		t.Errorf("%d envelopes are carried, %d went", left, got.Dropped)
	}
}

// TestBundleBringsTheRoll: who was away learns of a member who came meanwhile, and can write to them. [CAR-19]
func TestBundleBringsTheRoll(t *testing.T) {
	w := newIslands(t)
	away := newDevice(t, w.org, w.carM)
	before := away.roll.Size()
	invitation := w.org.Invite(w.org.Founder, membership.RoleMember, 1)
	dora := w.org.JoinBy(invitation, "dora")
	there := newDevice(t, w.org, w.bobM)
	out, said := exportBundle(t, there, api.BundleRequest{})
	if said.Entries == 0 {
		t.Fatalf("%+v", said)
	}
	got := importBundle(t, away, out[0])
	if got.Entries == 0 || got.Behind || away.roll.Size() <= before {
		t.Fatalf("%+v: the roll has %d of %d", got, away.roll.Size(), there.roll.Size())
	}
	if _, ok := away.roll.State().MemberOf(dora.Device().Public()); !ok {
		t.Error("dora is nobody there")
	}
	if again := importBundle(t, away, out[0]); again.Entries != 0 || again.Behind {
		t.Errorf("again: %+v", again)
	}
	if _, err := there.node.ImportBundle(t.Context(), api.BundleImportRequest{}, strings.NewReader("not a bundle at all")); err == nil {
		t.Error("anything is a bundle")
	}
}
