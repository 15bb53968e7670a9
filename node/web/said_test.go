package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"muster.example/node/api"
)

var verb = regexp.MustCompile(`%[0-9.]*[a-zA-Z]`)

// Each kind of error and each phrase that a person can meet on a page has words in every language, which put in no more than the
// node tells.
func TestErrorsHaveWords(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range w.dictionaries {
		v := &visit{words: d, r: httptest.NewRequest("GET", "/", nil)}
		for english, reason := range api.Reasons() {
			e := &api.Error{Message: english, Reason: reason}
			for range verb.FindAllString(english, -1) {
				e.Values = append(e.Values, "x")
			}
			said := v.Said(e)
			if !d.knows("error."+reason) || said.Lang != "" || strings.Contains(said.Text, "<no value>") {
				t.Errorf("%s: %q (%s) is said as %+v", d.tag, english, reason, said)
			}
			if regexp.MustCompile("muster [a-z]|--|`").MatchString(said.Text + said.Hint) {
				t.Errorf("%s: %s names a command: %+v", d.tag, reason, said)
			}
		}
		for _, kind := range api.Phrases() {
			if !d.knows("phrase." + kind) {
				t.Errorf("%s: there are no words for the phrase %q", d.tag, kind)
			}
		}
	}
}

// Every error of the node is one of those, or is known to be met by programs alone; and none of those is forgotten.
func TestErrorsAreForeseen(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "unmet.txt"))
	if err != nil {
		t.Fatal(err)
	}
	unmet := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(list)), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	foreseen, used := api.Reasons(), make(map[string]bool)
	for _, folder := range []string{"..", ".", filepath.Join("..", "guard")} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, english := range told(t, name) {
				used[english] = true
				if _, ok := foreseen[english]; !ok && !slices.Contains(unmet, strconv.Quote(english)) {
					t.Errorf("%s: %q has no kind in node/api/reason.go; if no page can meet it, a line of testdata/unmet.txt says so", name, english)
				}
			}
		}
	}
	for english := range foreseen {
		if !used[english] && english != foreseenElsewhere {
			t.Errorf("node/api/reason.go lists %q, which nobody says", english)
		}
	}
	for _, quoted := range unmet {
		if english, err := strconv.Unquote(quoted); err != nil || !used[english] {
			t.Errorf("testdata/unmet.txt lists %s, which nobody says", quoted)
		}
	}
}

// foreseenElsewhere is said by node/localapi.
const foreseenElsewhere = "the folder is locked"

// told returns the formats of errors in a file, and those of hints that tell a kind.
func told(t *testing.T, name string) (formats []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := -1
		switch function.Sel.Name {
		case "Errorf":
			if from, ok := function.X.(*ast.Ident); ok && from.Name == "api" {
				at = 1
			}
		case "WithHint":
			at = 0
		}
		if at < 0 || at >= len(call.Args) {
			return true
		}
		if literal, ok := call.Args[at].(*ast.BasicLit); ok {
			format, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if _, hint := api.Reasons()[format]; at == 1 || hint {
				formats = append(formats, format)
			}
		}
		return true
	})
	return formats
}

// What nobody foresaw is told in English, which the page says, and names no command.
func TestErrorsAreSaidInTheLanguageOfThePage(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	german := &visit{words: w.dictionaries[slices.IndexFunc(w.dictionaries, func(d *dictionary) bool { return d.tag == "de" })]}
	for _, c := range []struct {
		e    *api.Error
		want said
	}{
		{api.Errorf(api.CodeRefused, "you have blocked %s", "Bo {{.x}}").WithHint("let them write with `muster unblock`"),
			said{Text: "Sie haben Bo {{.x}} blockiert.", Hint: "Heben Sie zuerst auf der Seite der Person die Blockierung auf."}},
		{api.Errorf(api.CodeRefused, "%s: %s", "Bo", "has not let you write"), said{Text: "Bo: hat Sie nicht schreiben lassen"}},
		{api.AsError(api.Errorf(api.CodeUsage, "%v", "not a link").WithHint("copy the whole link, from muster:join/ on")),
			said{Text: "Das ist kein Einladungslink.", Hint: "Fügen Sie die ganze Zeile ein, ab muster:join/."}},
		{api.Errorf(api.CodeFailed, "the disk is full").WithHint("see `muster status`"), said{Text: "the disk is full", Lang: "en"}},
		{api.Errorf(api.CodeFailed, "the disk is full").WithHint("make room"), said{Text: "the disk is full", Hint: "make room", Lang: "en"}},
	} {
		if got := german.Said(c.e); got != c.want {
			t.Errorf("%v is said as %+v, want %+v", c.e, got, c.want)
		}
	}
	if got := german.Why("was removed from Lighthouse"); got.Text != "wurde aus Lighthouse entfernt" || got.Lang != "" {
		t.Errorf("a phrase with a name: %+v", got)
	}
}

// Each clause that the node puts entries of the roll together from has words in every language.
func TestClausesHaveWords(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	clause := regexp.MustCompile(`w\.put\("([a-z.]+)", "((?:[^"\\]|\\.)*)"`)
	found := 0
	for _, name := range []string{"rolltext.go", "rolltext_group.go"} {
		source, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range clause.FindAllStringSubmatch(string(source), -1) {
			found++
			one := api.Clause{Kind: match[1]}
			for range verb.FindAllString(match[2], -1) {
				one.Values = append(one.Values, "x")
			}
			for _, d := range w.dictionaries {
				says := (&visit{words: d}).Says(api.RollEntry{What: "-", Clauses: []api.Clause{one}})
				if says.Lang != "" || says.Text == "-" || strings.Contains(says.Text, "<no value>") {
					t.Errorf("%s: %q is said as %+v", d.tag, match[1], says)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d clauses were found", found)
	}
}

func TestEntriesAreSaidInTheLanguageOfThePage(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	german := &visit{words: w.dictionaries[slices.IndexFunc(w.dictionaries, func(d *dictionary) bool { return d.tag == "de" })]}
	e := api.RollEntry{What: "made invitation …x as desk, 3 uses until 2026-01-01 00:00", Clauses: []api.Clause{
		{Kind: "invite", Values: []string{"…x", "desk"}}, {Kind: "invite.uses", Values: []string{"3", "2026-01-01 00:00"}}}}
	if got, want := german.Says(e), (said{Text: "hat die Einladung …x als Schalter gemacht, 3-mal verwendbar bis 2026-01-01 00:00 UTC"}); got != want {
		t.Errorf("said as %+v, want %+v", got, want)
	}
	e.Clauses = append(e.Clauses, api.Clause{Kind: "of.a.later.version"})
	if got, want := german.Says(e), (said{Text: e.What, Lang: "en"}); got != want {
		t.Errorf("with a clause that has no words: %+v, want %+v", got, want)
	}
}
