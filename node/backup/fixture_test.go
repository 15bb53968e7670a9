package backup

import (
	"context"
	"crypto/rand"
	"iter"
	"os"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// fixtureItem is what the fixture holds of a kind.
func fixtureItem(kind Kind) Item {
	body := map[Kind]string{KindAccount: "account", KindRecord: "a record", KindPiece: "a piece"}[kind]
	if body == "" {
		body = "of a kind that is not known"
	}
	e := Entry{Kind: kind, ID: [32]byte{byte(kind), 31: 1}, Time: 1_700_000_000_000 + int64(kind)}
	if kind != KindAccount {
		e.Org = keys.OrgID{5, 31: byte(kind)}
	}
	return Item{Entry: e, Load: func(context.Context) ([]byte, error) { return []byte(body), nil }}
}

func fixtureSource(kinds ...Kind) Source {
	return func(context.Context) iter.Seq2[Item, error] {
		return func(yield func(Item, error) bool) {
			for _, kind := range kinds {
				if !yield(fixtureItem(kind), nil) {
					return
				}
			}
		}
	}
}

// The fixture is made once, by MUSTER_FIXTURE=testdata/NAME go test -run TestMakeFixture: what was written once must be read for ever.
func TestMakeFixture(t *testing.T) {
	dir := os.Getenv("MUSTER_FIXTURE")
	if dir == "" {
		if _, err := os.Stat(fixture); err != nil {
			t.Errorf("there is no fixture: %v", err)
		}
		return
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writer := fixtureKey().Writer()
	id, err := Create(t.Context(), Disk(dir), writer, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.UnixMilli(1_700_000_000_000)
	for i, source := range []Source{fixtureSource(1, 2, 3), fixtureSource(1, 3, 9)} {
		if _, err := Run(t.Context(), Job{Folder: Disk(dir), Repository: id, Writer: writer, Source: source, Now: begin.Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
}
