package terminal

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLineShowsDeceptiveCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"Ada Müller 日本 نرم\u200cافزار 👩‍🚀":             "Ada Müller 日本 نرم\u200cافزار 👩‍🚀",
		"see https://example.org/a?b":                  "see https://example.org/a?b",
		"\x1b[31mred\x1b[0m":                           `\u{1b}[31mred\u{1b}[0m`,
		"\x1b]8;;x\x07y":                               `\u{1b}]8;;x\u{7}y`,
		"Bo\u202eevil":                                 `Bo\u{202e}evil`,
		"\u2066x\u2069\u200f":                          `\u{2066}x\u{2069}\u{200f}`,
		"a\nb\tc\rd\x7f\u009b":                         `a\u{a}b\u{9}c\u{d}d\u{7f}\u{9b}`,
		"x\u200by\ufeff\u2028":                         `x\u{200b}y\u{feff}\u{2028}`,
		"flag\U000e0067\U000e007f":                     `flag\u{e0067}\u{e007f}`,
		"empty\u2800\u3164\u034f":                      `empty\u{2800}\u{3164}\u{34f}`,
		"bad \xff\xc3":                                 `bad \xff\xc3`,
		"kept \uFFFD":                                  "kept \uFFFD",
		"Bo\u200d":                                     `Bo\u{200d}`,
		"\u200cBo":                                     `\u{200c}Bo`,
		"ی\u200c\u200cی":                               "ی\u200c\\u{200c}ی",
		"\u0301 stands on nothing":                     `\u{301} stands on nothing`,
		"e\u0301\u0302\u0303\u0304":                    "e\u0301\u0302\u0303\u0304",
		"e\u0301\u0302\u0303\u0304\u0305\u0306e\u0301": "e\u0301\u0302\u0303\u0304\\u{305}\\u{306}e\u0301",
		"é\u200d\u0301\u200d\u0301\u0301\u0301\u200d\u0301\u200dx": "é\u200d\u0301\\u{200d}\u0301\u0301\u0301\\u{200d}\\u{301}\\u{200d}x",
	} {
		if got := string(Line(text)); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestLinesAreIndented(t *testing.T) {
	for _, show := range []func(text, indent string) Text{Lines, PlainLines} {
		if got := show("a\r\nb\n\x1b\rc\n\n", "  "); got != "  a\n  b\n  \\u{1b}\\u{d}c" {
			t.Errorf("%q", got)
		}
	}
	if got := Lines("https://x.example\n", "| "); got != "| https://x.example" {
		t.Errorf("a link of an acquaintance became %q", got)
	}
	if got := PlainLines("https://x\n.example\ny.example", "| "); got != "| https[:]//x\n| .example\n| y[.]example" {
		t.Errorf("a stranger's links became %q", got)
	}
}

// TestPlainBreaksLinks shows introductions as a terminal gets them.
func TestPlainBreaksLinks(t *testing.T) {
	for text, want := range map[string]string{
		"Bo here, from the harbour.":                "Bo here, from the harbour.",
		"At 12:30, v 1.5... or so: yes.":            "At 12:30, v 1.5... or so: yes.",
		"see https://example.org/a?b=c#d":           "see https[:]//example[.]org/a?b=c#d",
		"HTTPS://EXAMPLE.ORG":                       "HTTPS[:]//EXAMPLE[.]ORG",
		"www.example.org":                           "www[.]example[.]org",
		"evil.example":                              "evil[.]example",
		"mailto:ann@example.org":                    "mailto[:]ann[@]example[.]org",
		"tel:112 muster:join/abc file:///etc":       "tel[:]112 muster[:]join/abc file[:]///etc",
		"http://10.0.0.1:80/":                       "http[:]//10.0.0.1:80/",
		"http://[::1]/":                             "http[:]//[[:][:]1]/",
		"http[:]//x[.]example":                      "http[:]//x[.]example",
		"例え。テスト":                                    "例え[。]テスト",
		"пример.рф xn--e1afmkfd.xn--p1ai":           "пример[.]рф xn--e1afmkfd[.]xn--p1ai",
		"☃.net пример\u200d.рф":                     "☃[.]net пример\u200d[.]рф",
		"evil．example evil｡example evil․example":    "evil[．]example evil[｡]example evil[․]example",
		"https：//evil":                              "https[：]//evil",
		"1.example":                                 "1[.]example",
		"](https://x.y) <b>&amp;<a href=x.y>":       "](https[:]//x[.]y) <b>&amp;<a href=x[.]y>",
		"\x1b]8;;https://x.y\x1b\\ok\x1b]8;;\x1b\\": `\u{1b}]8;;https[:]//x[.]y\u{1b}\ok\u{1b}]8;;\u{1b}\`,
		"a\u202egro.elpmaxe":                        `a\u{202e}gro[.]elpmaxe`,
		"two\nlines\r\tand\x00":                     `two\u{a}lines\u{d}\u{9}and\u{0}`,
	} {
		if got := string(Plain(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestDiagnosisKeepsPaths(t *testing.T) {
	for text, want := range map[string]string{
		"open /srv/ann/node.sock: no such file":    "open /srv/ann/node.sock: no such file",
		`there is no file "~/a.b/c.d"`:             `there is no file "~/a.b/c.d"`,
		"there is no file missing.txt":             "there is no file missing.txt",
		"typed www.x.example, https://x.example":   "typed www[.]x[.]example, https[:]//x[.]example",
		"first\nsecond":                            "first; second",
		"the node answers: see https://x.example/": "the node answers: see https[:]//x[.]example/",
		"/www.evil.example //evil.example":         "/www[.]evil[.]example //evil[.]example",
		"/x@evil.example /http://evil.example":     "/x[@]evil[.]example /http[:]//evil[.]example",
		"no member \"evil.example\" \x1b[0m":       "no member \"evil[.]example\" \\u{1b}[0m",
	} {
		if got := string(Diagnosis(text, "send", "missing.txt", "www.x.example", "https://x.example")); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"/ip4/127.0.0.1/tcp/4001":            "/ip4/127.0.0.1/tcp/4001",
		"/ip6/fe80::1/udp/4001/quic-v1":      "/ip6/fe80::1/udp/4001/quic-v1",
		"/dns4/evil.example/tcp/443":         "/dns4/evil[.]example/tcp/443",
		"/ip4/127.0.0.1/http-path/evil.site": "/ip4/127.0.0.1/http-path/evil[.]site",
		"/ip4/127.0.0.1":                     "/ip4/127.0.0.1",
		"/ip6/::1%evil.site/tcp/1":           "/ip6/[:][:]1%evil[.]site/tcp/1",
		"https://evil.example":               "https[:]//evil[.]example",
	} {
		if got := string(Address(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// parts of text that people and terminals read wrongly.
var parts = rapid.SampledFrom([]string{"http", "https", "://", ":", "//", "/", "www", ".", "@", "example", "org", "рф", "mailto", "tel", "muster",
	"javascript", "1", "12", " ", "\n", "\x1b", "\x1b]8;;", "\x07", "\u009b", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\U000e0041", "\u0301",
	"[", "]", "[.", ".]", "[:]", "-", "é", "🙂", "\xff", "\\", "\""})

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(parts, 0, 14).Draw(t, "parts"), "") +
		rapid.OneOf(rapid.Just(""), rapid.String()).Draw(t, "text")
}

// links is what terminals make links of.
var links = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://|\bwww\.[\p{L}\p{N}]|[\p{L}\p{N}_-]\.\p{L}|[\p{L}\p{N}]@[\p{L}\p{N}]|\b(mailto|tel|sip|magnet|news|muster|xmpp|file|data|javascript):\S`)

func TestNothingDeceptiveIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		for how, got := range map[string]Text{
			"Plain": Plain(text), "Line": Line(text), "Diagnosis": Diagnosis(text), "Address": Address(text),
			"Lines": Lines(text, "  "), "PlainLines": PlainLines(text, "  "),
		} {
			line := string(got)
			if strings.HasSuffix(how, "Lines") {
				line = strings.NewReplacer("\n", "", "\t", "").Replace(line)
			}
			if !utf8.ValidString(line) || strings.ContainsFunc(line, Deceptive) {
				t.Errorf("%s shows %q as %q", how, text, got)
			}
		}
	})
}

func TestPlainHoldsNoLink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		for _, got := range []string{string(Plain(text)), string(PlainLines(text, "  ")), string(Address(text))} {
			if found := links.FindString(got); found != "" {
				t.Errorf("%q is shown as %q, where %q looks like a link", text, got, found)
			}
		}
	})
}

// Text is put together of parts that are plain already, and printed as one.
func TestPlainOfPlainIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := Plain(drawText(t))
		if twice := Plain(string(once)); twice != once {
			t.Errorf("%q became %q", once, twice)
		}
	})
}
