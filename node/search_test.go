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
	"muster.example/node/search"
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
	var r history.Record
	update(t, s.node.store, func(tx *store.Tx) (err error) {
		r, err = tx.AppendRecord(s.org.ID, s.organization.self, time.Now().UnixMilli(), history.Record{Kind: history.RecordMessage, Message: &m})
		return err
	})
	s.view.Apply(r)
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

// Messages from before there was an index are indexed from the history, the oldest first, and Indexing says how many lack.
func TestSearchFillsFromHistory(t *testing.T) {
	s := newSearcher(t)
	s.organization.fill(t, s.ada, s.bob, search.MaxBatch+5, 10)
	count := func() (found, lack int) {
		t.Helper()
		query := api.SearchQuery{Text: "ladder"}
		for {
			page, err := s.node.Search(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			found += len(page.Found)
			if query.Cursor = page.Next; page.Next == "" {
				return found, page.Indexing
			}
		}
	}
	one := func() {
		t.Helper()
		if _, err := s.node.indexSome(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	one()
	if found, _ := count(); found != search.MaxBatch+5 { // the last of them, which are noted, by the search
		t.Errorf("%d found", found)
	}
	s.fill(t)
	if err := s.node.resetIndex(); err != nil {
		t.Fatal(err)
	}
	one()
	if found, lack := count(); found != search.MaxBatch || lack != 5 {
		t.Errorf("%d found, %d lack", found, lack)
	}
	s.fill(t)
	if found, lack := count(); found != search.MaxBatch+5 || lack != 0 {
		t.Errorf("%d found, %d lack", found, lack)
	}
	page, err := s.node.Search(t.Context(), api.SearchQuery{Text: "ladder", Limit: 20})
	if err != nil || !slices.IsSortedFunc(page.Found, func(a, b api.Found) int { return b.Message.Time.Compare(a.Message.Time) }) {
		t.Errorf("of one rank the newest are not first: %v", err)
	}
}

// What is sent from here is indexed at once, without anybody searching. [STO-40]
func TestSentIsIndexedAtOnce(t *testing.T) {
	s := newSearcher(t)
	s.organization.acquainted(t, s.org, s.ada, s.bob)
	s.fill(t)
	select {
	case <-s.node.index.wake:
	default:
	}
	s.saved(t, "a letter of my own", nil, s.bob)
	select {
	case <-s.node.index.wake:
	default:
		t.Error("the index was not woken")
	}
}

// What a blocked member wrote to several is not found.
func TestSearchHidesBlocked(t *testing.T) {
	s := newSearcher(t)
	cy := s.org.Members[0]
	several := func(m *history.Message) {
		m.Text.To = []keys.MemberID{s.ada.ID, cy.ID}
		m.Conversation = placeOf(*m).ID(s.org.ID)
	}
	s.gets(t, "porpoise for all", several)
	s.gets(t, "porpoise for ada")
	s.organization.acquainted(t, s.org, s.ada, s.bob)
	if got := s.finds(t, api.SearchQuery{Text: "porpoise"}); len(got) != 2 {
		t.Fatalf("%q", got)
	}
	if _, err := s.node.Block(t.Context(), api.ContactRequest{Member: s.bob.ID.String()}); err != nil {
		t.Fatal(err)
	}
	s.wants(t, "porpoise", "porpoise for ada") // as the inbox has it [API-24]
	s.wants(t, "porpoise from:bob", "porpoise for ada")
}

// What bears a tag is found by it, in whatever case and wherever among the others, and with other words. [HIST-20]
func TestSearchByTag(t *testing.T) {
	s := newSearcher(t)
	id := s.gets(t, "a tagged ladder")
	s.organization.fill(t, s.ada, s.bob, hitsAtOnce+50, 10)
	s.fill(t)
	if _, err := s.node.Tag(t.Context(), api.TagRequest{IDs: []string{id.String()}, Tag: "Soon"}); err != nil {
		t.Fatal(err)
	}
	s.wants(t, "tag:soon", "a tagged ladder")
	s.wants(t, "tag:SOON ladd", "a tagged ladder")
	s.wants(t, "tag:soon nothing")
	s.wants(t, "tag:soo")
	if _, err := s.node.Tag(t.Context(), api.TagRequest{IDs: []string{id.String()}, Tag: "soon", Off: true}); err != nil {
		t.Fatal(err)
	}
	s.wants(t, "tag:soon")
}

// A message is found by the words of what it forwards.
func TestSearchFindsForwarded(t *testing.T) {
	s := newSearcher(t)
	text := history.Text{To: []keys.MemberID{s.ada.ID}, Subject: "Cetaceans", Text: "narwhal ahead", Time: 1000, Files: []history.File{{Name: "tusk.png", Size: 1}}}
	quote := pair{org: s.org, from: s.bob, to: s.organization, meta: envelope.Meta{Expires: time.Now().Add(time.Hour).Unix()}}.quote(t, s.bob.Device(), text)
	s.gets(t, "look at this", func(m *history.Message) { m.Text.Forwarded = []history.Signed{quote} })
	for _, text := range []string{"narwhal", "cetacean", "tusk", "look narw"} {
		s.wants(t, text, "look at this")
	}
}

// When an organization's data is removed, the index holds nothing of it any more, and all of the others again.
func TestSearchAfterWipe(t *testing.T) {
	s := newSearcher(t)
	s.gets(t, "wipeable words")
	s.fill(t)
	s.wants(t, "wipeable", "wipeable words")
	stamp := s.node.index.file.Stamp()
	other := newRollWith(t, membershiptest.Config{Seed: 2}, "ada")
	stays := addOrganization(t, s.node, other, other.Members[1])
	stays.fill(t, other.Members[1], other.Founder, 3, 1)
	s.fill(t)
	if err := s.node.wipe(s.org.ID); err != nil {
		t.Fatal(err)
	}
	if now := s.node.index.file.Stamp(); now.ID == stamp.ID || now.Batch != 0 {
		t.Errorf("the file was not made anew: %v, then %v", stamp, now)
	}
	found, err := s.node.index.file.Find(t.Context(), search.Request{Orgs: []keys.OrgID{s.org.ID, other.ID}, Limit: 10})
	if err != nil || len(found.Hits) > 0 {
		t.Errorf("%d messages are in it: %v", len(found.Hits), err)
	}
	s.fill(t)
	s.wants(t, "wipeable")
	if got := s.finds(t, api.SearchQuery{Text: "ladder"}); len(got) != 3 {
		t.Errorf("%d messages of the other organization are found, want 3", len(got))
	}
}
