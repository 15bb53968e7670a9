package repotest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/repotest/vector"
)

var (
	definition = regexp.MustCompile(`(?m)^\*\*\[([A-Z]+-[0-9]+)\]\*\*`)
	citation   = regexp.MustCompile(`\[([A-Z]{2,}-[0-9]+)\]`)
)

func isSpec(f *file) bool { return path.Dir(f.path) == "docs/spec" && strings.HasSuffix(f.path, ".md") }

// rules returns where each numbered rule of the specs is defined.
func rules(t *testing.T) map[string]string {
	defined := make(map[string]string)
	each(t, isSpec, func(f *file) {
		for _, match := range definition.FindAllSubmatch(f.data, -1) {
			rule := string(match[1])
			if earlier, twice := defined[rule]; twice {
				t.Errorf("%s defines [%s], which %s has defined", f.path, rule, earlier)
			}
			defined[rule] = f.path
		}
	})
	if len(defined) == 0 {
		t.Fatal("the specs define no rule")
	}
	return defined
}

// A spec that no code cites drifts from the code; a citation that leads nowhere lies.
func TestCodeAndSpecsNameTheSameRules(t *testing.T) {
	defined, cited, dead := rules(t), make(map[string]bool), make(map[string]bool)
	each(t, func(f *file) bool { return f.isGo() || isSpec(f) }, func(f *file) {
		for _, match := range citation.FindAllSubmatch(f.data, -1) {
			rule := string(match[1])
			if _, known := defined[rule]; !known && !dead[rule] && !f.in("internal/repotest") {
				dead[rule] = true // once is enough
				t.Errorf("%s cites [%s], which no spec defines", f.path, rule)
			}
			cited[rule] = cited[rule] || programGo(f)
		}
	})
	for rule, spec := range defined {
		if !cited[rule] {
			t.Errorf("%s defines [%s], which no code cites", spec, rule)
		}
	}
}

// Readers of another implementation need every spec from one page.
func TestSpecsAreListed(t *testing.T) {
	var table string
	each(t, func(f *file) bool { return f.path == "docs/spec/README.md" }, func(f *file) { table = string(f.data) })
	each(t, isSpec, func(f *file) {
		if name := path.Base(f.path); name != "README.md" && !strings.Contains(table, "("+name+")") {
			t.Errorf("docs/spec/README.md does not link %s", name)
		}
	})
}

// Every vector can be read by a stranger's program: one form, one rule that exists, and the layer that must refuse it.
func TestVectorFilesAreWellFormed(t *testing.T) {
	defined := rules(t)
	each(t, func(f *file) bool { return f.in("docs/spec/testdata") }, func(f *file) {
		v, err := vector.Parse(f.data)
		if err != nil {
			t.Errorf("%s: %v", f.path, err)
			return
		}
		for rule := range strings.FieldsSeq(strings.NewReplacer("[", " ", "]", " ", ",", " ").Replace(v.Rule)) {
			if _, known := defined[rule]; !known {
				t.Errorf("%s tests %q, which no spec defines", f.path, v.Rule)
			}
		}
		if !slices.Contains([]string{"docs/spec/testdata"}, path.Dir(path.Dir(f.path))) ||
			!strings.Contains(path.Base(f.path), "_") || path.Ext(f.path) != ".txt" {
			t.Errorf("%s is not named <spec>/<group>_<case>.txt", f.path)
		}
	})
}
