//go:build browser

package browser

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/node/vault"
	"muster.example/sync/history"
)

const (
	rareWord   = "kittiwake" // in one message of each hundredth thread
	commonWord = "harbour"   // in two of three messages
	seedTag    = "todo"      // on one message of each fiftieth thread
	seedUnread = 60          // how many of the newest received messages are not read
	wordsInUse = 20_000
)

// seeding writes a history into the store of a person whose node does not run, as the node's own code stores it: as if it had
// come and been sent over two years. A twentieth of all messages are in the first thread, the rest in all threads alike, half of
// them by the person, half by others, each thread with one of these.
type seeding struct {
	messages, threads int
	aged              bool   // the records are as old as what they hold
	last              uint64 // number of the last such record

	org    keys.OrgID
	self   keys.MemberID
	device keys.PrivateKey
	others []keys.MemberID
	random *rand.Rand
	zipf   *rand.Zipf
	first  int64 // the time of the first message
	roots  []keys.MessageID

	rare, common, files, long int // messages that hold the words, that have a file, that are in the first thread
}

func seed(t *testing.T, p *person, messages, threads int, others ...*person) *seeding {
	t.Helper()
	return seedAs(t, p, false, messages, threads, others...)
}

// seedAged is seed, but the records are as old as what they hold: as they would be had the node run for two years.
func seedAged(t *testing.T, p *person, messages, threads int, others ...*person) *seeding {
	t.Helper()
	return seedAs(t, p, true, messages, threads, others...)
}

func seedAs(t *testing.T, p *person, aged bool, messages, threads int, others ...*person) *seeding {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	s := &seeding{
		messages: messages, threads: threads, aged: aged, last: 1000, random: random, zipf: rand.NewZipf(random, 1.1, 8, wordsInUse),
		first: time.Now().AddDate(-2, 0, 0).UnixMilli(), roots: make([]keys.MessageID, threads),
	}
	for _, other := range others {
		id, err := keys.ParseID[keys.Member](muster[[]api.OrgSummary](other, "org", "list")[0].Member)
		if err != nil {
			t.Fatal(err)
		}
		s.others = append(s.others, id)
	}
	p.client.Close()
	p.stop()
	v, err := vault.Open(p.dir, vault.Unlock{KeyFile: p.key})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	db, err := store.Open(v.Path("store"), v.Key("store"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *store.Tx) error {
		all, err := tx.Organizations()
		if err == nil {
			s.org, s.self, s.device = all[0].Org, all[0].Member, keys.FromSeed(all[0].Identity)
		}
		return err
	})
	const atOnce = 200 // what one transaction holds
	for at := 0; at < messages && err == nil; at += atOnce {
		err = db.Update(func(tx *store.Tx) error {
			for i := at; i < min(at+atOnce, messages); i++ {
				if err := s.put(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		t.Fatalf("writing the history: %v", err)
	}
	return s
}

// put stores message i, with its mark and its tag.
func (s *seeding) put(tx *store.Tx, i int) error {
	thread := i % s.threads
	if i >= s.threads && i%20 == 0 {
		thread = 0
	}
	if thread == 0 {
		s.long++
	}
	m := s.message(i, thread)
	now := s.first + int64(i)*int64(2*365*24*time.Hour/time.Millisecond)/int64(s.messages)
	m.Text.Time = now
	if root := &s.roots[thread]; i < s.threads {
		m.Text.Subject = s.text(2 + s.random.IntN(5))
		*root = m.ID()
	} else {
		m.Text.Thread, m.Text.Reply = root, root
	}
	records := []history.Record{{Kind: history.RecordMessage, Message: &m}}
	if m.Member != s.self && i < s.messages-seedUnread*2 {
		records = append(records, history.Record{Kind: history.RecordRead, Read: &history.Read{Message: m.ID()}})
	}
	if i < s.threads && i%50 == 0 {
		records = append(records, history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: m.ID(), Tag: seedTag}})
	}
	for _, r := range records {
		if err := s.add(tx, now, r); err != nil {
			return err
		}
	}
	return nil
}

// add stores a record. The node's own clock never goes back, so an aged one comes as if another device had kept it.
func (s *seeding) add(tx *store.Tx, now int64, r history.Record) error {
	if !s.aged {
		_, err := tx.AppendRecord(s.org, s.device, now, r)
		return err
	}
	s.last++
	r.Device, r.Sequence, r.Clock = s.device.Public(), s.last, history.Clock{Wall: now}
	_, err := tx.Merge(s.org, r.Sign(s.org, s.device), history.Limits{})
	return err
}

func (s *seeding) message(i, thread int) history.Message {
	other := s.others[thread%len(s.others)]
	m := history.Message{Author: s.device.Public(), Member: s.self, Text: history.Text{To: []keys.MemberID{other}}}
	if i%2 == 0 {
		m.Author, m.Member, m.Text.To = keys.PublicKey{byte(thread)}, other, []keys.MemberID{s.self}
	}
	copy(m.Text.Nonce[:], fmt.Sprintf("seed %d", i))
	length := 8 + s.random.IntN(40)
	if s.random.IntN(10) == 0 {
		length += s.random.IntN(400)
	}
	m.Text.Text = s.text(length)
	if i%3 != 0 {
		m.Text.Text += " " + commonWord
		s.common++
	}
	if i < s.threads && i%100 == 0 {
		m.Text.Text += "\n\nA " + rareWord + "!"
		s.rare++
	}
	if i%25 == 7 {
		m.Text.Files = []history.File{{Name: s.text(1) + ".pdf", Size: 20_000, Nonce: m.Text.Nonce}}
		s.files++
	}
	m.Conversation = envelope.ConversationID(s.org, append(slices.Clone(m.Text.To), m.Member))
	return m
}

// text are so many words, of which few are frequent and most are rare, as in a language.
func (s *seeding) text(words int) string {
	all := make([]string, words)
	for i := range all {
		for n := s.zipf.Uint64() + 20; n > 0; n /= 20 {
			all[i] += string("bdfgklmnprstvzaeiouy"[n%20]) + string("aeiou"[n%5])
		}
	}
	return strings.Join(all, " ")
}
