package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type speaker string

// String implements fmt.Stringer.
func (s speaker) String() string { return string(s) + ".example" }

func TestWhatIsPrintedIsPlainUnlessItIsText(t *testing.T) {
	const bad = "\x1b www.x"
	const plain = `\u{1b} www[.]x`
	for _, c := range []struct {
		format string
		arg    any
		want   string
	}{
		{"a.b %s", bad, "a.b " + plain},
		{"%v", errors.New(bad), plain},
		{"%v", []string{bad}, "[" + plain + "]"},
		{"%v", struct{ Name string }{bad}, "{" + plain + "}"},
		{"%s", speaker(bad), plain + "[.]example"},
		{"%s", Line(bad), `\u{1b} www.x`},
		{"%-6s|", "a.b", "a[.]b |"},
		{"%3d", 7, "  7"},
		{"%t", true, "true"},
		{"%s", 90 * time.Second, "1m30s"},
		{"%v", nil, "<nil>"},
	} {
		var out bytes.Buffer
		if _, err := Printf(&out, c.format, c.arg); err != nil || out.String() != c.want {
			t.Errorf("%q of %#v: %q, want %q", c.format, c.arg, out.String(), c.want)
		}
	}
	var out bytes.Buffer
	Println(&out, bad, 1, Line("a.b"))
	table := NewTable(&out, "A\tB")
	table.Row(bad, "two\ttabs\nlines")
	table.Row(Line("a.b"), 12)
	table.Flush()
	want := plain + " 1 a.b\nA" + strings.Repeat(" ", 15) + "B\n" + plain + "  two\\u{9}tabs\\u{a}lines\na.b" + strings.Repeat(" ", 13) + "12\n"
	if out.String() != want {
		t.Errorf("printed\n%s, want\n%s", out.String(), want)
	}
}

func TestJSONMeansTheSameWhenEscaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := []string{rapid.String().Draw(t, "text"), "\u202e\u009b\U000e0041\x7f\u2028 <&> https://x.example"}
		var out bytes.Buffer
		if err := JSON(&out, want); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsFunc(line, Deceptive) || !strings.Contains(line, "<&> https://x.example") {
			t.Fatalf("printed %q", line)
		}
		var got []string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("%q became %q, %v", want, got, err)
		}
	})
}
