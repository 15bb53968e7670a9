package bundle

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the vectors of the spec anew")

const vectorDir = "../../docs/spec/testdata/bundle"

// vectors are parts of one organization's bundle; "items" is how many come out.
func makeVectors(t *testing.T) map[string]vector.Vector {
	k := testKey(t, testOrg)
	good := write(t, k, someItems()...)
	first := int(Frame(len("one")))
	change := func(at int) []byte {
		bad := append([]byte(nil), good...)
		bad[at] ^= 1
		return bad
	}
	return map[string]vector.Vector{
		"part_good":    {Expect: "ok", Rule: "[CAR-10]", Comment: "four items, the last of a kind that nobody knows", Inputs: []string{"items: 4"}, Data: good},
		"part_cut":     {Expect: "damaged", Rule: "[CAR-17]", Comment: "cut in the second frame", Inputs: []string{"items: 1"}, Data: good[:first+20]},
		"part_length":  {Expect: "damaged", Rule: "[CAR-17]", Comment: "another length in the second frame", Inputs: []string{"items: 3"}, Data: change(first + 7)},
		"part_sealed":  {Expect: "damaged", Rule: "[CAR-17]", Comment: "another byte sealed in the first frame", Inputs: []string{"items: 3"}, Data: change(first - 1)},
		"part_between": {Expect: "damaged", Rule: "[CAR-17]", Comment: "a byte in front", Inputs: []string{"items: 4"}, Data: append([]byte{0}, good...)},
		"part_foreign": {Expect: "foreign", Rule: "[CAR-12]", Comment: "of another organization", Inputs: []string{"items: 0"},
			Data: write(t, testKey(t, [32]byte{2}), someItems()...)},
	}
}

func TestVectors(t *testing.T) {
	made := makeVectors(t)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, v := range made {
			v.Inputs = append([]string{"org: " + hex.EncodeToString(testOrg[:]), "founding: " + hex.EncodeToString([]byte("founding entry of 1"))}, v.Inputs...)
			if err := os.WriteFile(filepath.Join(vectorDir, name+".txt"), v.Marshal(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range made {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(vectorDir, name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			v, err := vector.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			founding, err := hex.DecodeString(v.Input("founding"))
			if err != nil {
				t.Fatal(err)
			}
			org, err := hex.DecodeString(v.Input("org"))
			if err != nil {
				t.Fatal(err)
			}
			k, err := NewKey([32]byte(org), founding)
			if err != nil {
				t.Fatal(err)
			}
			got, r, err := read(v.Data, k)
			_, places := r.Damage()
			layer := "ok"
			switch {
			case errors.Is(err, ErrForeign):
				layer = "foreign"
			case err != nil:
				layer = err.Error()
			case places > 0:
				layer = "damaged"
			}
			if layer != v.Expect || strconv.Itoa(len(got)) != v.Input("items") {
				t.Errorf("%s with %d items, want %s with %s", layer, len(got), v.Expect, v.Input("items"))
			}
		})
	}
}
