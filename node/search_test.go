package node

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// searcher is a device with an index, whose folder and clock the test has.
type searcher struct {
	*organization
	org    *membershiptest.Org
	ada    *membershiptest.Member
	bob    *membershiptest.Member
	config Config
	number uint64
}

func newSearcher(t *testing.T) *searcher {
	t.Helper()
	org := newRoll(t, "ada", "bob")
	ada, bob := org.Members[1], org.Members[2]
	dir := t.TempDir()
	s := &searcher{org: org, ada: ada, bob: bob, config: Config{
		Dir: filepath.Join(dir, "store"), Key: [32]byte{1}, Index: filepath.Join(dir, "index"), IndexKey: [32]byte{2},
	}}
	n, err := New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.organization = addOrganization(t, n, org, ada)
	t.Cleanup(func() { s.node.Close() })
	return s
}

// restart closes the node and opens it again, after doing something to its files.
func (s *searcher) restart(t *testing.T, between func()) {
	t.Helper()
	if err := s.node.Close(); err != nil {
		t.Fatal(err)
	}
	between()
	n, err := New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.organization = n.organizations[s.org.ID]
}

// gets stores a message of bob's to ada, as if it had come.
func (s *searcher) gets(t *testing.T, text string, change ...func(*history.Message)) keys.MessageID {
	t.Helper()
	s.number++
	m := history.Message{
		Author: s.bob.Device().Public(), Member: s.bob.ID, Conversation: envelope.ConversationID(s.org.ID, []keys.MemberID{s.ada.ID, s.bob.ID}),
		Text: history.Text{Nonce: [history.NonceSize]byte{byte(s.number), 1}, Text: text, Time: time.Now().UnixMilli() + int64(s.number), To: []keys.MemberID{s.ada.ID}},
	}
	for _, c := range change {
		c(&m)
	}
	update(t, s.node.store, func(tx *store.Tx) error {
		_, err := tx.AppendRecord(s.org.ID, s.device, time.Now().UnixMilli(), history.Record{Kind: history.RecordMessage, Message: &m})
		return err
	})
	return m.ID()
}

// fill does what keepIndexing does, until there is nothing to do.
func (s *searcher) fill(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.node.indexSome(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *searcher) finds(t *testing.T, query api.SearchQuery) (texts []string) {
	t.Helper()
	page, err := s.node.Search(t.Context(), query)
	if err != nil {
		t.Fatalf("%+v: %v", query, err)
	}
	for _, found := range page.Found {
		texts = append(texts, found.Message.Text)
	}
	return texts
}

func (s *searcher) wants(t *testing.T, text string, want ...string) {
	t.Helper()
	if got := s.finds(t, api.SearchQuery{Text: text}); !slices.Equal(got, want) {
		t.Errorf("%q: %q, want %q", text, got, want)
	}
}

func TestSearch(t *testing.T) {
	s := newSearcher(t)
	s.gets(t, "the tide table")
	s.gets(t, "our set table")
	if got := s.finds(t, api.SearchQuery{Text: "table"}); len(got) != 2 {
		t.Errorf("%q", got)
	}
	s.wants(t, "tide tabl", "the tide table")
	s.wants(t, "tabl tide")
	s.wants(t, "from:bob tide", "the tide table")
	s.wants(t, "from:ada tide")
	s.wants(t, "from:nobody tide")
	s.wants(t, "in:bob tide", "the tide table")
	s.wants(t, "is:unread tide", "the tide table")
	s.wants(t, "tag:todo tide")
	s.wants(t, "before:2001 tide")
	s.wants(t, "after:2001 tide", "the tide table")
	s.wants(t, "")
	if _, err := s.node.Search(t.Context(), api.SearchQuery{Text: "before:soon"}); code(err) != api.CodeUsage {
		t.Errorf("%v", err)
	}
	if _, err := s.node.Search(t.Context(), api.SearchQuery{Text: "x", Cursor: "nonsense"}); code(err) != api.CodeUsage {
		t.Errorf("%v", err)
	}
	first, err := s.node.Search(t.Context(), api.SearchQuery{Text: "table", Limit: 1})
	if err != nil || len(first.Found) != 1 || first.Next == "" {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := s.node.Search(t.Context(), api.SearchQuery{Text: "table", Limit: 1, Cursor: first.Next})
	if err != nil || len(second.Found) != 1 || second.Found[0].Message.ID == first.Found[0].Message.ID || second.Next != "" {
		t.Fatalf("%+v %v", second, err)
	}
	if parts := first.Found[0].Snippet; len(parts) != 2 || parts[1] != (api.Part{Text: "table", Hit: true}) {
		t.Errorf("%+v", parts)
	}
}

// What is erased is not found, though the index was not told yet, and leaves the index when it is.
func TestSearchFindsNothingErased(t *testing.T) {
	s := newSearcher(t)
	id := s.gets(t, "burn this")
	s.wants(t, "burn", "burn this")
	update(t, s.node.store, func(tx *store.Tx) error {
		_, _, err := tx.EraseMessage(s.org.ID, id, history.ErasedDeleted)
		return err
	})
	s.wants(t, "burn")
	view(t, s.node.store, func(tx *store.Tx) error {
		if left, err := tx.Unindexed(s.org.ID, 10); err != nil || len(left) > 0 {
			t.Errorf("%v not told: %v", left, err)
		}
		return nil
	})
	s.gets(t, "over soon", func(m *history.Message) { m.Text.Lifetime, m.Text.Time = 1, 1000 })
	s.wants(t, "over")
}

// However a run ends and whatever becomes of the file, everything is found again. [STO-40]
func TestSearchAfterCrash(t *testing.T) {
	old := []byte(nil)
	for name, between := range map[string]func(t *testing.T, s *searcher){
		"nothing happened": func(*testing.T, *searcher) {},
		"the file is gone": func(t *testing.T, s *searcher) {
			if err := os.Remove(s.config.Index); err != nil {
				t.Fatal(err)
			}
		},
		"an older file was put back": func(t *testing.T, s *searcher) {
			if err := os.WriteFile(s.config.Index, old, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another key": func(t *testing.T, s *searcher) { s.config.IndexKey[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSearcher(t)
			s.gets(t, "first letter")
			s.fill(t)
			s.wants(t, "letter", "first letter")
			s.restart(t, func() {
				var err error
				if old, err = os.ReadFile(s.config.Index); err != nil {
					t.Fatal(err)
				}
			})
			s.gets(t, "second letter")
			s.fill(t)
			s.gets(t, "third letter") // and the run ends before the index hears of it
			s.restart(t, func() { between(t, s) })
			s.fill(t)
			found := s.finds(t, api.SearchQuery{Text: "letter"})
			slices.Sort(found)
			if !slices.Equal(found, []string{"first letter", "second letter", "third letter"}) {
				t.Errorf("%q", found)
			}
		})
	}
}

// Messages from before there was an index are indexed from the history, and Indexing says how many lack.
func TestSearchFillsFromHistory(t *testing.T) {
	s := newSearcher(t)
	for range indexedAtOnce + 5 {
		s.gets(t, "an old one")
	}
	s.fill(t)
	if err := s.node.resetIndex(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.node.indexSome(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := s.node.Search(t.Context(), api.SearchQuery{Text: "old"})
	if err != nil || len(page.Found) != indexedAtOnce || page.Indexing != 5 {
		t.Errorf("%d found, %d lack: %v", len(page.Found), page.Indexing, err)
	}
	s.fill(t)
	page, err = s.node.Search(t.Context(), api.SearchQuery{Text: "old"})
	if err != nil || len(page.Found) != indexedAtOnce+5 || page.Indexing != 0 {
		t.Errorf("%d found, %d lack: %v", len(page.Found), page.Indexing, err)
	}
}
