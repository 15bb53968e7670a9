package capacity_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"muster.example/internal/bench/capacity"
)

var update = flag.Bool("update", false, "write the tables of docs/capacity.md anew")

const page = "../../../docs/capacity.md"

// The tables of the page are those that the model makes: no figure there is written by hand.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	was := string(data)
	text := was
	for name, table := range capacity.Tables() {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed || strings.Contains(after, begin) {
			t.Fatalf("docs/capacity.md must have the lines %q and %q once each", begin, end)
		}
		text = before + begin + "\n" + table + "\n" + end + after
	}
	if text == was {
		return
	}
	if !*update {
		t.Fatal("the tables of docs/capacity.md are not those that the model makes: run `make capacity`")
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
