package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

var (
	orgA     = keys.OrgID{1}
	orgB     = keys.OrgID{1, 1} // its keys sort directly behind those of orgA
	identity = keys.FromSeed([32]byte{7})
	self     = identity.Public()
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s *Store, change func(tx *Tx) error) {
	t.Helper()
	if err := s.Update(change); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *Store, read func(tx *Tx) error) {
	t.Helper()
	if err := s.View(read); err != nil {
		t.Fatal(err)
	}
}

// TestBuckets puts a value of each kind under two organizations: no listing of one shows what is another's.
func TestBuckets(t *testing.T) {
	s := open(t)
	for _, org := range []keys.OrgID{orgA, orgB} {
		update(t, s, func(tx *Tx) error {
			_, err := tx.AddWaiting(org, Waiting{ID: keys.EnvelopeID{org[1]}}, []byte("sealed"))
			return errors.Join(err,
				tx.PutOrganization(Organization{Org: org}),
				tx.PutEntry(org, 0, []byte{org[1]}), tx.PutEntry(org, 1, []byte{2}),
				tx.PutAlarm(org, Alarm{Kind: "a"}), tx.PutPrekey(org, Prekey{ID: keys.PrekeyID{org[1]}}),
				tx.PutHeard(org, keys.ConversationID{1}, self, Heard{Gaps: []Span{{First: 1, Last: 1 + uint64(org[1])}}}),
				tx.PutGrant(org, keys.MemberID{1}, []byte("grant")), tx.AddJob(org, Job{Kind: 1}),
				tx.PutDelivery(org, keys.MessageID{1}, Delivery{Device: self, State: StateHeld}),
				tx.PutSeen(org, keys.EnvelopeID{1}, 100),
			)
		})
	}
	view(t, s, func(tx *Tx) error {
		count := 0
		for _, err := range []error{
			tx.Entries(orgA, func([]byte) error { count++; return nil }),
			tx.Jobs(orgA, func(Job) (bool, error) { count++; return true, nil }),
			tx.Waiting(orgA, 0, func(Waiting) (bool, error) { count++; return true, nil }),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		alarms, err1 := tx.Alarms(orgA)
		prekeys, err2 := tx.Prekeys(orgA)
		grants, err3 := tx.Grants(orgA)
		deliveries, err4 := tx.Deliveries(orgA, keys.MessageID{1})
		if got := count + len(alarms) + len(prekeys) + len(grants) + len(deliveries); got != 8 {
			t.Errorf("%d values of one organization, where 8 were put", got)
		}
		missing, _, err5 := tx.Missing(orgA)
		if missing != 1 {
			t.Errorf("%d missing, where 1 is", missing)
		}
		organizations, err6 := tx.Organizations()
		if len(organizations) != 2 {
			t.Errorf("%d organizations", len(organizations))
		}
		return errors.Join(err1, err2, err3, err4, err5, err6)
	})
}

// TestUndelivered finds the deliveries that failed, of one organization.
func TestUndelivered(t *testing.T) {
	s := open(t)
	update(t, s, func(tx *Tx) (err error) {
		for i := range StateRefused + 1 {
			for _, org := range []keys.OrgID{orgA, orgB} {
				err = errors.Join(err, tx.PutDelivery(org, keys.MessageID{byte(i), org[1]}, Delivery{Device: self, Member: keys.MemberID{3}, State: i}))
			}
		}
		return err
	})
	view(t, s, func(tx *Tx) error {
		var found []keys.MessageID
		err := tx.Undelivered(orgA, func(m keys.MessageID, member keys.MemberID) {
			if found = append(found, m); member != (keys.MemberID{3}) {
				t.Errorf("of member %s", member.Short())
			}
		})
		if !slices.Equal(found, []keys.MessageID{{byte(StateReturned)}, {byte(StateRefused)}}) {
			t.Errorf("%v failed", found)
		}
		return err
	})
}

// TestUpdateIsAllOrNothing fails a change after its first writes.
func TestUpdateIsAllOrNothing(t *testing.T) {
	s := open(t)
	broken := errors.New("broken off")
	err := s.Update(func(tx *Tx) error {
		if _, err := tx.AddWaiting(orgA, Waiting{ID: keys.EnvelopeID{1}}, []byte("sealed")); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	view(t, s, func(tx *Tx) error {
		if _, err := tx.WaitingByID(orgA, keys.EnvelopeID{1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("what was broken off is there: %v", err)
		}
		bytes, err := tx.Unposted(orgA, 1)
		if bytes != 0 {
			t.Errorf("%d bytes unposted", bytes)
		}
		return err
	})
	err = s.Update(func(tx *Tx) error {
		for i := range uint64(50) {
			if err := tx.PutEntry(orgA, i, make([]byte, 32<<10)); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("a transaction of 1,600 KiB: %v", err)
	}
	view(t, s, func(tx *Tx) error {
		return tx.Entries(orgA, func([]byte) error { return errors.New("a part of what was too large is there") })
	})
}

// TestWaiting follows envelopes through the outbox: numbers go up and are never used again, the sealed bytes lie apart,
// and what is accepted or gone no longer counts as unposted.
func TestWaiting(t *testing.T) {
	s := open(t)
	var all []Waiting
	for i := range 3 {
		update(t, s, func(tx *Tx) error {
			w, err := tx.AddWaiting(orgA, Waiting{ID: keys.EnvelopeID{byte(i)}, Pending: []keys.PublicKey{self}}, bytes.Repeat([]byte{byte(i)}, 100))
			all = append(all, w)
			return err
		})
	}
	unposted := func(want uint64) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			got, err := tx.Unposted(orgA, 1<<20)
			if got != want {
				t.Errorf("%d bytes unposted, want %d", got, want)
			}
			return err
		})
	}
	unposted(300)
	all[1].Accepted = true
	update(t, s, func(tx *Tx) error { return tx.PutWaiting(orgA, all[1]) })
	unposted(200)
	update(t, s, func(tx *Tx) error { return tx.PutWaiting(orgA, all[1]) })
	update(t, s, func(tx *Tx) error { return tx.DeleteWaiting(orgA, all[2]) })
	unposted(100)
	view(t, s, func(tx *Tx) error {
		data, err := tx.Envelope(orgA, all[1])
		if !bytes.Equal(data, bytes.Repeat([]byte{1}, 100)) {
			t.Errorf("the envelope's bytes are %v", data)
		}
		if _, err := tx.Envelope(orgA, all[2]); !errors.Is(err, ErrNotFound) {
			t.Errorf("the bytes of an envelope that is gone: %v", err)
		}
		got, err2 := tx.WaitingByID(orgA, keys.EnvelopeID{1})
		if diff := cmp.Diff(all[1], got); diff != "" {
			t.Error(diff)
		}
		var numbers []uint64
		err3 := tx.Waiting(orgA, all[0].Number, func(w Waiting) (bool, error) { numbers = append(numbers, w.Number); return true, nil })
		if !slices.Equal(numbers, []uint64{all[1].Number}) {
			t.Errorf("behind the first: %v", numbers)
		}
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx *Tx) error {
		w, err := tx.AddWaiting(orgA, Waiting{ID: keys.EnvelopeID{9}}, nil)
		if w.Number <= all[2].Number {
			t.Errorf("number %d after %d", w.Number, all[2].Number)
		}
		return err
	})
}

// text returns a message's record.
func text(nonce byte, signed string) history.Record {
	return history.Record{Kind: history.RecordMessage, Message: &history.Message{
		Author: keys.PublicKey{3}, Signed: []byte(signed),
		Text: history.Text{Nonce: [16]byte{nonce}, To: []keys.MemberID{{1}}, Text: fmt.Sprint("text ", nonce)},
	}}
}

// TestMessages indexes messages by id, by its beginning and by time, each once.
func TestMessages(t *testing.T) {
	s := open(t)
	var first history.Record
	update(t, s, func(tx *Tx) (err error) {
		for i, now := range []int64{100, 50, 300} { // a clock that was set back
			r, err := tx.AppendRecord(orgA, identity, now, text(byte(i+1), "signed"))
			if err != nil {
				return err
			}
			if i == 0 {
				first = r
			}
		}
		_, err = tx.AppendRecord(orgA, identity, 400, text(1, "signed again"))
		return err
	})
	view(t, s, func(tx *Tx) error {
		var texts []string
		var second []byte
		err := tx.Messages(orgA, nil, func(at []byte, r history.Record) (bool, error) {
			if texts = append(texts, r.Message.Text.Text); len(texts) == 2 {
				second = bytes.Clone(at)
			}
			return true, nil
		})
		if !slices.Equal(texts, []string{"text 1", "text 2", "text 3"}) {
			t.Errorf("the timeline is %q", texts)
		}
		texts = nil
		err2 := tx.Messages(orgA, second, func(_ []byte, r history.Record) (bool, error) {
			texts = append(texts, r.Message.Text.Text)
			return true, nil
		})
		if !slices.Equal(texts, []string{"text 3"}) {
			t.Errorf("behind the second: %q", texts)
		}
		got, err3 := tx.Message(orgA, first.Message.ID())
		if got.Sequence != first.Sequence || string(got.Message.Signed) != "signed" {
			t.Errorf("of two records the later stands: %+v", got)
		}
		id := first.Message.ID()
		found, err4 := tx.MessagesByPrefix(orgA, id.String()[:8], 2)
		if !slices.Equal(found, []keys.MessageID{id}) {
			t.Errorf("by its beginning: %v", found)
		}
		for n := range len(id.String()) + 1 {
			if found, err := tx.MessagesByPrefix(orgA, id.String()[:n], 3); err != nil || !slices.Contains(found, id) {
				t.Errorf("by %d characters: %v, %v", n, found, err)
			}
		}
		for _, none := range []string{id.String() + "aaaa", "a\n" + id.String()[1:], "1111111111", strings.ToUpper(id.String())} {
			if found, err := tx.MessagesByPrefix(orgA, none, 3); err != nil || len(found) > 0 {
				t.Errorf("by %q: %v, %v", none, found, err)
			}
		}
		all, err5 := tx.MessagesByPrefix(orgA, "", 2)
		if len(all) != 2 {
			t.Errorf("%d messages of at most 2", len(all))
		}
		if _, err := tx.Message(orgB, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("a message of another organization: %v", err)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
}

// TestRecordThatCannotBeRead appends what no reader takes: it must not be stored, or the store could not be opened again.
func TestRecordThatCannotBeRead(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		now    int64
		record history.Record
	}{
		"a clock beyond the year 9999": {history.MaxTime + 1, text(1, "")},
		"a text that is too long": {1, func() history.Record {
			r := text(1, "")
			r.Message.Text.Text = strings.Repeat("x", history.MaxText+1)
			return r
		}()},
		"no part": {1, history.Record{Kind: history.RecordRead}},
	} {
		err := s.Update(func(tx *Tx) error { _, err := tx.AppendRecord(orgA, identity, c.now, c.record); return err })
		if err == nil {
			t.Errorf("%s is stored", name)
		}
	}
	view(t, s, func(tx *Tx) error {
		_, err := tx.Fold(orgA, keys.MemberID{}, func(history.Record) bool { return true })
		return err
	})
}

// TestChunks stores chunks of a file in any order and more than once, and deletes it in parts.
func TestChunks(t *testing.T) {
	s := open(t)
	file := FileID{Author: self, Nonce: [16]byte{1}}
	other := FileID{Author: self, Nonce: [16]byte{1, 1}}
	chunk := func(index uint64, size int) []byte { return bytes.Repeat([]byte{byte(index) + 1}, size) }
	sizes := map[uint64]int{0: history.ChunkSize, 1: partSize, 2: partSize + 1, 9: 1}
	for _, index := range []uint64{9, 1, 0, 2, 1} {
		update(t, s, func(tx *Tx) error { return tx.PutChunk(file, index, chunk(index, sizes[index])) })
	}
	update(t, s, func(tx *Tx) error { return tx.PutChunk(other, 0, []byte("other")) })
	view(t, s, func(tx *Tx) error {
		for index, size := range sizes {
			if got, err := tx.Chunk(file, index); err != nil || !bytes.Equal(got, chunk(index, size)) {
				t.Errorf("chunk %d: %d bytes, %v", index, len(got), err)
			}
		}
		if _, err := tx.Chunk(file, 3); !errors.Is(err, ErrNotFound) {
			t.Errorf("a chunk that did not come: %v", err)
		}
		progress, err := tx.FileProgress(file)
		if progress.Count() != 4 || !slices.Equal(progress.Have, []byte{0b111, 0b10}) {
			t.Errorf("progress %b", progress.Have)
		}
		return err
	})
	rounds := 0
	for gone := false; !gone; rounds++ {
		update(t, s, func(tx *Tx) (err error) { gone, err = tx.DeleteFile(file, 3); return err })
	}
	if rounds != 3 { // 4 + 1 + 2 + 1 pieces
		t.Errorf("deleted in %d rounds", rounds)
	}
	view(t, s, func(tx *Tx) error {
		progress, err := tx.FileProgress(file)
		if progress.Count() != 0 {
			t.Error("a deleted file has chunks")
		}
		got, err2 := tx.Chunk(other, 0)
		if string(got) != "other" {
			t.Error("another file was deleted with it")
		}
		return errors.Join(err, err2)
	})
}

// TestShorterChunk sends a chunk again that is shorter: nothing of the longer one may be left behind it.
func TestShorterChunk(t *testing.T) {
	s := open(t)
	file := FileID{Author: self}
	update(t, s, func(tx *Tx) error { return tx.PutChunk(file, 0, make([]byte, history.ChunkSize)) })
	update(t, s, func(tx *Tx) error { return tx.PutChunk(file, 0, []byte("short")) })
	view(t, s, func(tx *Tx) error {
		got, err := tx.Chunk(file, 0)
		if string(got) != "short" {
			t.Errorf("a chunk of %d bytes", len(got))
		}
		return err
	})
}

// TestIncomingMakesRoom announces more chains of one device than are kept: the one unused for longest goes.
func TestIncomingMakesRoom(t *testing.T) {
	s := open(t)
	for i := range MaxIncoming + 1 {
		update(t, s, func(tx *Tx) error {
			return tx.PutIncoming(orgA, self, keys.ChainID{byte(i), byte(i >> 8), 1}, Incoming{Used: int64(1000 - i)})
		})
	}
	view(t, s, func(tx *Tx) error {
		if _, err := tx.Incoming(orgA, self, keys.ChainID{MaxIncoming - 1, 0, 1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("the chain unused for longest is there: %v", err)
		}
		_, err := tx.Incoming(orgA, self, keys.ChainID{0, 0, 1})
		return err
	})
}

// TestSeen forgets the notes of envelopes that can no longer come, a bounded number at a time.
func TestSeen(t *testing.T) {
	s := open(t)
	update(t, s, func(tx *Tx) error {
		for i := range byte(5) {
			if err := tx.PutSeen(orgA, keys.EnvelopeID{i}, int64(i)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int{2, 1, 0} {
		update(t, s, func(tx *Tx) error {
			n, err := tx.ForgetSeen(orgA, 3, 2)
			if n != want {
				t.Errorf("%d forgotten, want %d", n, want)
			}
			return err
		})
	}
	view(t, s, func(tx *Tx) error {
		for i, want := range []bool{false, false, false, true, true} {
			if got, err := tx.Seen(orgA, keys.EnvelopeID{byte(i)}); err != nil || got != want {
				t.Errorf("envelope %d seen: %v, %v", i, got, err)
			}
		}
		return nil
	})
}

// TestAlarms keeps one alarm of a kind and text, and the first ones of many.
func TestAlarms(t *testing.T) {
	s := open(t)
	for i := range MaxAlarms + 5 {
		update(t, s, func(tx *Tx) error {
			alarm := Alarm{Kind: "split", Text: fmt.Sprint("member ", i)}
			return errors.Join(tx.PutAlarm(orgA, alarm), tx.PutAlarm(orgA, alarm))
		})
	}
	view(t, s, func(tx *Tx) error {
		all, err := tx.Alarms(orgA)
		if len(all) != MaxAlarms || all[0].Text != "member 0" || all[MaxAlarms-1].Text != fmt.Sprint("member ", MaxAlarms-1) {
			t.Errorf("%d alarms", len(all))
		}
		return err
	})
}
