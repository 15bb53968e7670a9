package audit_test

import (
	"bytes"
	"crypto/hpke"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/segment"
)

var (
	org     = keys.OrgID{7}
	service = keys.FromSeed([32]byte{1})
	other   = keys.FromSeed([32]byte{2})
)

// store is an archive of five segments with two items each, in a folder.
type store struct {
	dir   string
	place *folder.Folder
	heads []segment.SignedHead
	files []string // of the segments, from 1
}

func key(t *testing.T) []byte {
	t.Helper()
	private, err := hpke.MLKEM768X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return private.PublicKey().Bytes()
}

func write(t *testing.T, identity keys.PrivateKey, after segment.Head, number uint64, text string) ([]byte, segment.SignedHead) {
	t.Helper()
	var items []segment.Named
	for i := range 2 {
		body := fmt.Appendf(nil, "%s %d", text, i)
		items = append(items, segment.Named{ID: keys.Hash[keys.Envelope](keys.DomainEnvelope, body), Item: segment.Item{Kind: 1, Body: body}})
	}
	data, head, err := segment.Write(identity, segment.Writing{After: after, Number: number, Made: int64(number * 1000), Key: key(t), Items: items})
	if err != nil {
		t.Fatal(err)
	}
	return data, head
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{dir: t.TempDir(), files: []string{""}}
	place, err := folder.OpenToWrite(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { place.Close() })
	s.place = place
	head := segment.Begin(org, service.Public())
	for number := uint64(1); number <= 5; number++ {
		data, next := write(t, service, head, number, fmt.Sprint("words ", number))
		name := audit.Name(service.Public(), number)
		if err := place.Create(t.Context(), name, data); err != nil {
			t.Fatal(err)
		}
		head = next.Head
		s.heads, s.files = append(s.heads, next), append(s.files, filepath.Join(s.dir, name))
	}
	return s
}

// audit returns what is found, and what the chain has.
func (s *store) audit(t *testing.T, options audit.Options) (found []audit.Finding, summary audit.Summary) {
	t.Helper()
	options.Report = func(f audit.Finding) { found = append(found, f) }
	summary, err := audit.Walk(t.Context(), s.place, service.Public(), options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return found, summary
}

func (s *store) read(t *testing.T, number int) []byte {
	t.Helper()
	data, err := os.ReadFile(s.files[number])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put writes a file, as who has the folder can.
func (s *store) put(t *testing.T, number int, data []byte) {
	t.Helper()
	_ = os.Remove(s.files[number])
	if err := os.WriteFile(s.files[number], data, 0o400); err != nil {
		t.Fatal(err)
	}
}

func (s *store) change(t *testing.T, number, at int) {
	data := s.read(t, number)
	data[(at+len(data))%len(data)] ^= 1
	s.put(t, number, data)
}

func TestAWholeChain(t *testing.T) {
	s := newStore(t)
	found, summary := s.audit(t, audit.Options{Heads: s.heads})
	if len(found) != 0 || summary.Segments != 5 || summary.Items != 10 || summary.End.Text() != s.heads[4].Text() || summary.Org != org {
		t.Errorf("%v, %+v", found, summary)
	}
	services, err := audit.Services(t.Context(), s.place, func(name string) { t.Errorf("stray %s", name) })
	if err != nil || len(services) != 1 || services[0] != service.Public() {
		t.Errorf("%v, %v", services, err)
	}
}

// One fault a case, and what names it. [ARC-45] [ARC-48]
func TestEachFaultIsNamed(t *testing.T) {
	type kinds []string // "kind segments items"
	for name, c := range map[string]struct {
		fault func(t *testing.T, s *store)
		heads bool // held against the heads that were kept
		want  kinds
	}{
		"a segment is gone":      {func(t *testing.T, s *store) { os.Remove(s.files[3]) }, false, kinds{"missing 3-3 5-6"}},
		"two segments are gone":  {func(t *testing.T, s *store) { os.Remove(s.files[2]); os.Remove(s.files[3]) }, false, kinds{"missing 2-3 3-6"}},
		"the first is gone":      {func(t *testing.T, s *store) { os.Remove(s.files[1]) }, false, kinds{"missing 1-1 1-2"}},
		"the last is gone":       {func(t *testing.T, s *store) { os.Remove(s.files[5]) }, true, kinds{"truncated 5-5 9-10"}},
		"the last three":         {func(t *testing.T, s *store) { os.Remove(s.files[3]); os.Remove(s.files[4]); os.Remove(s.files[5]) }, true, kinds{"truncated 3-5 5-10"}},
		"all are gone":           {func(t *testing.T, s *store) { os.RemoveAll(filepath.Dir(s.files[1])) }, true, kinds{"truncated 1-5 1-10"}},
		"an item is changed":     {func(t *testing.T, s *store) { s.change(t, 3, -1) }, false, kinds{"altered 3-0 6-0"}},
		"an index is changed":    {func(t *testing.T, s *store) { s.change(t, 3, 100) }, false, kinds{"altered 3-0 0-0", "missing 3-3 5-6"}},
		"a signature is changed": {func(t *testing.T, s *store) { s.put(t, 5, s.read(t, 5)[:200]) }, false, kinds{"altered 5-0 0-0"}},
		"an item is cut off":     {func(t *testing.T, s *store) { s.put(t, 3, s.read(t, 3)[:len(s.read(t, 3))-1]) }, false, kinds{"missing 3-0 6-0"}},
		"bytes are added":        {func(t *testing.T, s *store) { s.put(t, 3, append(s.read(t, 3), 0)) }, false, kinds{"foreign 3-0 0-0"}},
		"two are swapped": {func(t *testing.T, s *store) {
			second, third := s.read(t, 2), s.read(t, 3)
			s.put(t, 2, third)
			s.put(t, 3, second)
		}, false, kinds{"reordered 2-0 0-0", "reordered 3-0 0-0", "missing 2-3 3-6"}},
		"one is there twice": {func(t *testing.T, s *store) { s.put(t, 3, s.read(t, 2)) }, false, kinds{"reordered 3-0 0-0", "missing 3-3 5-6"}},
		"another's segment": {func(t *testing.T, s *store) {
			data, _ := write(t, other, segment.Begin(org, other.Public()), 3, "other")
			s.put(t, 3, data)
		}, false, kinds{"foreign 3-0 0-0", "missing 3-3 5-6"}},
		"another organization's": {func(t *testing.T, s *store) {
			data, _ := write(t, service, segment.Begin(keys.OrgID{8}, service.Public()), 3, "other")
			s.put(t, 3, data)
		}, false, kinds{"foreign 3-0 0-0", "missing 3-3 5-6"}},
		"another of the service itself": {func(t *testing.T, s *store) {
			data, _ := write(t, service, s.heads[1].Head, 3, "other")
			s.put(t, 3, data)
		}, false, kinds{"forked 4-0 0-0"}},
		"another end of the service itself": {func(t *testing.T, s *store) {
			data, _ := write(t, service, s.heads[3].Head, 5, "other")
			s.put(t, 5, data)
		}, true, kinds{"forked 5-0 0-0"}},
		"a file of another name": {func(t *testing.T, s *store) {
			os.WriteFile(filepath.Join(filepath.Dir(s.files[1]), "notes"), nil, 0o400)
		}, false, kinds{"foreign 0-0 0-0"}},
		"garbage behind the end": {func(t *testing.T, s *store) {
			os.WriteFile(filepath.Join(s.dir, audit.Name(service.Public(), 6)), []byte("no"), 0o400)
		}, true, kinds{"altered 6-0 0-0"}},
		"a file that can be written": {func(t *testing.T, s *store) { os.Chmod(s.files[2], 0o600) }, false, kinds{"touched 2-0 0-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			c.fault(t, s)
			var options audit.Options
			if c.heads {
				options.Heads = s.heads
			}
			found, summary := s.audit(t, options)
			var got kinds
			for _, f := range found {
				got = append(got, fmt.Sprintf("%s %d-%d %d-%d", f.Kind, f.FirstSegment, f.LastSegment, f.FirstItem, f.LastItem))
				if f.Service != service.Public() || f.What == "" {
					t.Errorf("%+v", f)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || summary.Findings != len(found) {
				t.Error(diff, found)
			}
		})
	}
}

// Without a head that was kept elsewhere nobody sees that the end is gone: it is why heads are kept. [ARC-44]
func TestTheEndIsSeenByAHeadAlone(t *testing.T) {
	s := newStore(t)
	if err := os.Remove(s.files[5]); err != nil {
		t.Fatal(err)
	}
	if found, _ := s.audit(t, audit.Options{}); len(found) != 0 {
		t.Errorf("%v", found)
	}
	if found, _ := s.audit(t, audit.Options{Heads: s.heads[:4]}); len(found) != 0 {
		t.Errorf("an earlier head: %v", found)
	}
}

// What nobody had to keep longer is let go up to a head, and everything behind it is held against that head. [ARC-49]
func TestAChainThatWasLetGoUpToAHead(t *testing.T) {
	s := newStore(t)
	for _, name := range s.files[1:3] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if found, summary := s.audit(t, audit.Options{Since: &s.heads[1], Heads: s.heads}); len(found) != 0 || summary.Items != 6 {
		t.Errorf("%v, %+v", found, summary)
	}
	if found, _ := s.audit(t, audit.Options{Since: &s.heads[0]}); len(found) != 1 || found[0].Kind != audit.Missing || found[0].FirstSegment != 2 {
		t.Errorf("%v", found)
	}
}

// The name of a segment that others took is passed over. [ARC-45]
func TestANumberThatWasPassedOver(t *testing.T) {
	s := newStore(t)
	data, _ := write(t, service, s.heads[4].Head, 7, "behind the stranger")
	if err := s.place.Create(t.Context(), audit.Name(service.Public(), 6), []byte("a stranger's")); err != nil {
		t.Fatal(err)
	}
	if err := s.place.Create(t.Context(), audit.Name(service.Public(), 7), data); err != nil {
		t.Fatal(err)
	}
	found, summary := s.audit(t, audit.Options{})
	if len(found) != 1 || found[0].Kind != audit.Altered || found[0].FirstSegment != 6 || summary.Items != 12 {
		t.Errorf("%v, %+v", found, summary)
	}
}

// Several services share a storage; what is under other names is told.
func TestServices(t *testing.T) {
	s := newStore(t)
	data, _ := write(t, other, segment.Begin(org, other.Public()), 1, "other")
	for name, data := range map[string][]byte{audit.Name(other.Public(), 1): data, "stray": {1}, "a/b": {2}} {
		if err := s.place.Create(t.Context(), name, data); err != nil {
			t.Fatal(err)
		}
	}
	var stray []string
	services, err := audit.Services(t.Context(), s.place, func(name string) { stray = append(stray, name) })
	if err != nil || len(services) != 2 {
		t.Errorf("%v, %v", services, err)
	}
	if diff := cmp.Diff([]string{"a/b", "stray"}, stray); diff != "" {
		t.Error(diff)
	}
}

func TestNames(t *testing.T) {
	name := audit.Name(service.Public(), 12)
	if got, ok := audit.NumberOf(service.Public(), name); !ok || got != 12 {
		t.Errorf("%d, %t", got, ok)
	}
	for _, bad := range []string{"", name + "x", name[1:], audit.Prefix(service.Public()) + "12.segment", audit.Name(service.Public(), 0), audit.Name(other.Public(), 12)} {
		if _, ok := audit.NumberOf(service.Public(), bad); ok {
			t.Errorf("%q is taken for a segment", bad)
		}
	}
}
