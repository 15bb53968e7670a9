package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// atRest returns the configuration of a node with a message, a fork found and its evidence, that does not run any more.
func atRest(t *testing.T) (Config, keys.OrgID) {
	t.Helper()
	p, n := forkedPair(t, []string{"dora"}, []string{"eve"})
	chain, announced := p.chain(t)
	if opened, _ := p.to.deliver(t, announced, p.text(t, chain, "hello"), p.text(t, chain, "again")); opened != 3 {
		t.Fatal("not opened")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	return n.config, p.org.ID
}

func check(t *testing.T, config Config) api.CheckResult {
	t.Helper()
	result, err := Check(config)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestCheck reads a whole folder, and finds it whole.
func TestCheck(t *testing.T) {
	config, org := atRest(t)
	result := check(t, config)
	if len(result.Damage) != 0 || len(result.Orgs) != 1 || result.Proofs != 1 {
		t.Fatalf("%+v", result)
	}
	got := result.Orgs[0]
	if got.Org != org.String() || got.Name != "Example" || got.Entries != 6 || got.Messages != 2 || got.Records != 3 ||
		got.Alarms != 1 || !got.Distrusted || got.Checkpoint.IsZero() {
		t.Errorf("%+v", got)
	}
	again := check(t, config)
	if again.Values != result.Values {
		t.Errorf("%d values, then %d: checking changes something", result.Values, again.Values)
	}
}

// TestCheckNamesDamage damages one thing at a time.
func TestCheckNamesDamage(t *testing.T) {
	stranger := keys.Generate()
	for name, c := range map[string]struct {
		damage func(tx *store.Tx, org keys.OrgID) error
		want   string
	}{
		"an entry that is none": {func(tx *store.Tx, org keys.OrgID) error { return tx.PutEntry(org, 3, []byte{0}) }, "the roll of organization"},
		"an entry beyond a gap": {func(tx *store.Tx, org keys.OrgID) error { return tx.PutEntry(org, 9, []byte{0}) }, "the roll of organization"},
		"a checkpoint that is none": {func(tx *store.Tx, org keys.OrgID) error {
			return tx.PutCheckpoint(org, store.Checkpoint{Note: []byte("x")})
		}, "the roll of organization"},
		"a roll shorter than its distrust says": {func(tx *store.Tx, org keys.OrgID) error {
			return tx.PutDistrust(org, store.Distrust{Size: 99})
		}, "6 entries where 99 count"},
		"a message that its author did not sign": {func(tx *store.Tx, org keys.OrgID) error {
			_, err := tx.AppendRecord(org, keys.FromSeed([32]byte{9}), time.Now().UnixMilli(), history.Record{
				Kind: history.RecordMessage, Message: &history.Message{
					Author: stranger.Public(), Member: keys.MemberID{1}, Conversation: keys.ConversationID{1},
					Text:   history.Text{Nonce: [16]byte{1}, To: []keys.MemberID{{1}}, Text: "forged"},
					Signed: history.Proof{Content: []byte("x")}.Encode(),
				},
			})
			return err
		}, "record "},
	} {
		t.Run(name, func(t *testing.T) {
			config, org := atRest(t)
			db, err := store.Open(config.Dir, config.Key)
			if err != nil {
				t.Fatal(err)
			}
			update(t, db, func(tx *store.Tx) error { return c.damage(tx, org) })
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			result := check(t, config)
			if len(result.Damage) != 1 || !strings.Contains(result.Damage[0], c.want) {
				t.Errorf("damage %q, want %q", result.Damage, c.want)
			}
		})
	}
}

// TestCheckReadsEveryValue puts a value of no known form into each kind of thing that the store holds.
func TestCheckReadsEveryValue(t *testing.T) {
	config, _ := atRest(t)
	db, err := kv.Open(config.Dir, config.Key, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	buckets := []byte{1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 25, 26, 30, 31, 32, 33, 34, 35, 36, 37}
	err = db.Update(func(tx *kv.Tx) error {
		for _, bucket := range buckets {
			if err := tx.Put([]byte{bucket, 0xff}, []byte{0xff}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if result := check(t, config); len(result.Damage) != len(buckets) {
		t.Errorf("%d of %d damages named: %q", len(result.Damage), len(buckets), result.Damage)
	}
}

// TestCheckEvidenceFiles damages a file of evidence, and adds what is none.
func TestCheckEvidenceFiles(t *testing.T) {
	config, _ := atRest(t)
	files, err := os.ReadDir(config.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config.Evidence, files[0].Name())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := membership.ParseEvidence(data)
	if err != nil {
		t.Fatal(err)
	}
	evidence.Fork.Smaller[119] ^= 1
	for name, data := range map[string][]byte{files[0].Name(): evidence.Marshal(), "garbage": []byte("garbage")} {
		if err := os.WriteFile(filepath.Join(config.Evidence, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := check(t, config)
	if len(result.Damage) != 2 || result.Proofs != 0 {
		t.Errorf("%d proofs, damage %q", result.Proofs, result.Damage)
	}
}

// TestCheckMakesNoStore checks a folder whose store is gone.
func TestCheckMakesNoStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if _, err := Check(Config{Dir: dir}); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a store was made")
	}
}
