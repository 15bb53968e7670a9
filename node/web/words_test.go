package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plurals are the plural categories of each language for whole numbers, by CLDR 47.
var plurals = map[string][]string{
	"en": {"one", "other"},
	"de": {"one", "other"},
	"ar": {"few", "many", "one", "other", "two", "zero"},
}

// readLocale returns the texts of a language by file and key, and by category where a key has plurals.
func readLocale(t *testing.T, tag string) map[string]map[string]any {
	t.Helper()
	files := make(map[string]map[string]any)
	entries, err := localeFiles.ReadDir(path.Join("locales", tag))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := localeFiles.ReadFile(path.Join("locales", tag, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts := make(map[string]any)
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatalf("%s/%s: %v", tag, entry.Name(), err)
		}
		files[entry.Name()] = texts
	}
	return files
}

var argument = regexp.MustCompile(`\{\{[^}]*\}\}`)

// arguments returns what a text puts in, sorted.
func arguments(text any) []string {
	found := argument.FindAllString(fmt.Sprint(text), -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Every language has the files, keys and plurals that it needs, with the same things put in.
func TestWordsAreWhole(t *testing.T) {
	english := readLocale(t, "en")
	for _, l := range languages {
		categories, known := plurals[l.Tag]
		if !known {
			t.Fatalf("the plural categories of %s are not in this test", l.Tag)
		}
		other := readLocale(t, l.Tag)
		if !slices.Equal(slices.Sorted(maps.Keys(other)), slices.Sorted(maps.Keys(english))) {
			t.Errorf("%s has the files %v", l.Tag, slices.Sorted(maps.Keys(other)))
		}
		for file, texts := range english {
			for key := range other[file] {
				if _, ok := texts[key]; !ok {
					t.Errorf("%s/%s: %q is not in English", l.Tag, file, key)
				}
			}
			for key, text := range texts {
				checkTranslation(t, l.Tag+"/"+file+": "+key, text, other[file][key], categories)
			}
		}
	}
}

func checkTranslation(t *testing.T, where string, english, other any, categories []string) {
	t.Helper()
	forms, plural := other.(map[string]any)
	switch {
	case other == nil:
		t.Errorf("%s is missing", where)
	case plural != isPlural(english):
		t.Errorf("%s: plural in one language and not in the other", where)
	case plural && !slices.Equal(slices.Sorted(maps.Keys(forms)), categories):
		t.Errorf("%s: has the categories %v, want %v", where, slices.Sorted(maps.Keys(forms)), categories)
	case !plural && !slices.Equal(arguments(english), arguments(other)):
		t.Errorf("%s: puts in %v, English %v", where, arguments(other), arguments(english))
	}
}

func isPlural(text any) bool { _, plural := text.(map[string]any); return plural }

// Every key that a template or a handler names has words.
func TestKeysHaveWords(t *testing.T) {
	w, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`\.T "([a-z0-9.-]+)"`)
	used := 0
	err = fs.WalkDir(templateFiles, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := templateFiles.ReadFile(name)
		for _, match := range literal.FindAllStringSubmatch(string(data), -1) {
			if used++; !w.dictionaries[0].knows(match[1]) {
				t.Errorf("%s: there are no words for %q", name, match[1])
			}
		}
		return err
	})
	if err != nil || used == 0 {
		t.Errorf("%d keys were found: %v", used, err)
	}
	for _, s := range (&visit{r: httptest.NewRequest("GET", "/", nil)}).Sections() {
		if !w.dictionaries[0].knows(s.Title) {
			t.Errorf("there are no words for the section %q", s.Title)
		}
	}
}

// Templates hold no script, style or event in their markup: the policy forbids them.
func TestTemplatesHoldNoScript(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)\son[a-z]+\s*=|\sstyle\s*=|<script(?: |>)[^>]*>[^<]|<style|javascript:|https?://`)
	err := fs.WalkDir(templateFiles, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := templateFiles.ReadFile(name)
		for _, line := range strings.Split(string(data), "\n") {
			if found := forbidden.FindString(line); found != "" {
				t.Errorf("%s holds %q", name, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
