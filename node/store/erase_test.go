package store

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Everything of one organization goes, and nothing of another.
func TestErase(t *testing.T) {
	s, err := Open(t.TempDir(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gone, stays := keys.OrgID{1}, keys.OrgID{2}
	identity := keys.FromSeed([32]byte{3})
	device := identity.Public()
	received := FileID{Author: device, Nonce: [history.NonceSize]byte{7}}
	err = s.Update(func(tx *Tx) error {
		for _, org := range []keys.OrgID{gone, stays} {
			for _, b := range ofOrganization { // any value: what is erased is not read
				if b.prefix()[0] == records.id {
					continue
				}
				for i := range byte(3) {
					if err := tx.kv.Put(append(append(b.prefix(), org[:]...), i), []byte{0}); err != nil {
						return err
					}
				}
			}
			record := history.Record{Kind: history.RecordMessage, Message: &history.Message{
				Author: device, Member: keys.MemberID{org[0]}, Conversation: keys.ConversationID{org[0]}, Signed: []byte{1},
				Text: history.Text{
					To: []keys.MemberID{{9}}, Text: "x", Time: 1, Nonce: [history.NonceSize]byte{org[0]},
					Files: []history.File{{Nonce: [history.NonceSize]byte{6 + org[0]}, Name: "f", Size: 1}},
				},
			}}
			if err := histories.delete(tx, org[:]); err != nil {
				return err
			}
			if _, err := tx.AppendRecord(org, identity, 1, record); err != nil {
				return err
			}
			file := FileID{Author: device, Nonce: [history.NonceSize]byte{6 + org[0]}}
			if err := tx.PutChunk(file, 0, []byte("piece")); err != nil {
				return err
			}
		}
		if err := tx.PutChunk(FileID{Nonce: received.Nonce}, 0, []byte("an own file under a nonce that another chose")); err != nil {
			return err
		}
		return tx.PutEntrance([32]byte{5}, Entrance{Org: gone})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Erase(gone); err != nil {
		t.Fatal(err)
	}
	err = s.View(func(tx *Tx) error {
		for _, b := range ofOrganization {
			for org, want := range map[keys.OrgID]bool{gone: false, stays: true} {
				found := false
				err := tx.kv.Range(append(b.prefix(), org[:]...), nil, false, func([]byte, []byte) (bool, error) {
					found = true
					return false, nil
				})
				if err != nil || found != want {
					t.Errorf("bucket %d of organization %d: there %v, %v", b.prefix()[0], org[0], found, err)
				}
			}
		}
		if _, err := tx.Chunk(received, 0); err != ErrNotFound {
			t.Errorf("a file of the organization is there: %v", err)
		}
		if _, err := tx.Chunk(FileID{Author: device, Nonce: [history.NonceSize]byte{8}}, 0); err != nil {
			t.Errorf("a file of the other organization is gone: %v", err)
		}
		if _, err := tx.Chunk(FileID{Nonce: received.Nonce}, 0); err != nil {
			t.Errorf("an own file of the same nonce is gone: %v", err)
		}
		if _, err := tx.Entrance([32]byte{5}); err != ErrNotFound {
			t.Errorf("an entrance is there: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A bucket that is added later is surveyed by `muster check` too.
func TestSurveyKnowsEveryBucket(t *testing.T) {
	surveyed := make(map[string]bool)
	for _, b := range surveyedBuckets() {
		surveyed[fmt.Sprint(reflect.ValueOf(b).FieldByName("id").Uint())] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`= bucket\[.+\]\{(\d+), "(.+)"\}`).FindAllStringSubmatch(string(source), -1) {
			if declared++; !surveyed[found[1]] {
				t.Errorf("bucket %s, %s, of %s is not surveyed", found[1], found[2], name)
			}
		}
	}
	if declared < 30 {
		t.Errorf("%d buckets are declared: the pattern does not find them", declared)
	}
}

// A bucket that is added later is erased too, or is named here with the reason why not.
func TestEraseKnowsEveryBucket(t *testing.T) {
	known := map[byte]string{
		profiles.id: "the person's", entrances.id: "found by their organization", parts.id: "found by records", files.id: "found by records",
		uploads.id: "of no organization yet", applications.id: "of who is not in", candidacies.id: "of who is not in", pairings.id: "of who is not in", wipes.id: "says that it was erased", indexing.id: "of no organization",
		backupKeys.id: "the person's", backupDrives.id: "of this device", backupChoices.id: "of this device", linkChoices.id: "of this device",
	}
	for _, b := range ofOrganization {
		known[b.prefix()[0]] = "erased"
	}
	for _, b := range surveyedBuckets() {
		id := byte(reflect.ValueOf(b).FieldByName("id").Uint())
		if known[id] == "" {
			t.Errorf("bucket %d, %s, is not erased with its organization", id, reflect.ValueOf(b).FieldByName("name"))
		}
	}
}
