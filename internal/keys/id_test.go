package keys

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

func TestHashSeparatesDomainsAndParts(t *testing.T) {
	seen := make(map[OrgID]string)
	for name, id := range map[string]OrgID{
		"no part":        Hash[Org](DomainOrg),
		"an empty part":  Hash[Org](DomainOrg, nil),
		"two empty":      Hash[Org](DomainOrg, nil, nil),
		"one part":       Hash[Org](DomainOrg, []byte("ab")),
		"two parts":      Hash[Org](DomainOrg, []byte("a"), []byte("b")),
		"a moved border": Hash[Org](DomainOrg, []byte("ab"), nil),
		"another domain": Hash[Org](DomainMember, []byte("ab")),
	} {
		if other, double := seen[id]; double {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[id] = name
	}
}

func TestIDText(t *testing.T) {
	id := Hash[Org](DomainOrg, []byte("x"))
	text := id.String()
	if len(text) != 52 || text != strings.ToLower(text) {
		t.Errorf("text form %q", text)
	}
	if back, err := ParseID[Org](text); err != nil || back != id {
		t.Errorf("%q read as %v, %v", text, back, err)
	}
	if !strings.HasPrefix(text, id.Short()) || len(id.Short()) != 8 {
		t.Errorf("short form %q of %q", id.Short(), text)
	}
	stray := text[:51] + "b" // one of the last character's four bits beyond the 256th
	for _, bad := range []string{
		"", text[:51], text + "a", strings.ToUpper(text), stray, text[:51] + "=", text[:51] + "1", text[:25] + "\n" + text[26:],
		text[:26] + "\r\n" + text[26:], strings.Repeat("a", 1<<20),
	} {
		if got, err := ParseID[Org](bad); err == nil {
			t.Errorf("%.60q read as %v", bad, got)
		}
	}
	var again OrgID
	if err := again.UnmarshalText([]byte(text)); err != nil || again != id {
		t.Errorf("UnmarshalText gave %v, %v", again, err)
	}
	if err := again.UnmarshalText([]byte("x")); err == nil || again != id {
		t.Error("UnmarshalText of nonsense changed the identifier")
	}
}

func TestIDOrderAndZero(t *testing.T) {
	a, b := OrgID{1}, OrgID{2}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
		t.Error("identifiers are not ordered by their bytes")
	}
	if !(OrgID{}).IsZero() || a.IsZero() {
		t.Error("IsZero is wrong")
	}
}

// domains reads the list from the source, since Go cannot enumerate constants.
func domains(t *testing.T) (list []Domain) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "domain.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, Domain(text))
		}
		return true
	})
	if len(list) < 10 {
		t.Fatalf("%d domains found", len(list))
	}
	return list
}

func TestDomainsAreDistinctAndVersioned(t *testing.T) {
	seen := make(map[Domain]bool)
	for _, domain := range domains(t) {
		parts := strings.Split(string(domain), "/")
		if seen[domain] || len(parts) != 3 || parts[0] != "muster" || parts[1] == "" || parts[2] == "" {
			t.Errorf("domain %q is there twice or not muster/NAME/VERSION", domain)
		}
		seen[domain] = true
	}
	// One that began another could be mistaken for it, were it not for the zero byte: [KEY-3].
	if bytes.HasPrefix(signedBytes("muster/event/10", OrgID{}, nil), signedBytes("muster/event/1", OrgID{}, nil)[:15]) {
		t.Error("nothing ends the domain")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(Hash[Org](DomainOrg).String())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParseID[Org](text); err == nil && id.String() != text {
			t.Errorf("%q and %q are one identifier", text, id)
		}
	})
}
