package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	tags "golang.org/x/text/language"
)

//go:embed locales
var localeFiles embed.FS

// language is one that the app speaks, by its BCP 47 tag and its own name.
type language struct{ Tag, Name, Direction string }

// languages are all, the first of which is spoken where a browser asks for none of them. A new one needs a folder in locales
// with the same files and keys as en: the tests say what is missing.
var languages = []language{
	{"en", "English", "ltr"},
	{"de", "Deutsch", "ltr"},
	{"ar", "العربية", "rtl"},
}

// words are those of all languages.
type words struct {
	matcher      tags.Matcher
	dictionaries []*dictionary // in the order of languages
}

// dictionary has the words of one language. Words are text, never markup.
type dictionary struct {
	tag, direction string
	localizer      *i18n.Localizer
	keys           map[string]bool
}

// readWords reads locales/LANGUAGE/AREA.json: keys to a text, or to texts by plural category (CLDR).
func readWords() (*words, error) {
	w := &words{}
	var supported []tags.Tag
	for _, l := range languages {
		tag, err := tags.Parse(l.Tag)
		if err != nil {
			return nil, fmt.Errorf("reading the words: %w", err)
		}
		supported = append(supported, tag)
		d := &dictionary{tag: l.Tag, direction: l.Direction, keys: make(map[string]bool)}
		bundle := i18n.NewBundle(tag)
		bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
		files, err := localeFiles.ReadDir(path.Join("locales", l.Tag))
		if err != nil {
			return nil, fmt.Errorf("reading the words of %s: %w", l.Tag, err)
		}
		for _, file := range files {
			name := path.Join("locales", l.Tag, file.Name())
			data, err := localeFiles.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			read, err := bundle.ParseMessageFileBytes(data, l.Tag+".json")
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			for _, m := range read.Messages {
				if d.keys[m.ID] {
					return nil, fmt.Errorf("reading %s: %q is there already", name, m.ID)
				}
				d.keys[m.ID] = true
			}
		}
		d.localizer = i18n.NewLocalizer(bundle, l.Tag)
		w.dictionaries = append(w.dictionaries, d)
	}
	w.matcher = tags.NewMatcher(supported)
	return w, nil
}

// of returns the words for a request: in the language that the person chose, or that the browser asks for.
func (w *words) of(r *http.Request) *dictionary {
	chosen := preferencesOf(r).language
	_, at := tags.MatchStrings(w.matcher, chosen, r.Header.Get("Accept-Language"))
	return w.dictionaries[at]
}

func (d *dictionary) knows(key string) bool { return d.keys[key] }

// text returns the words for a key. Arguments are names and values in turn; the name count chooses the plural.
func (d *dictionary) text(key string, arguments ...any) (string, error) {
	values, err := pairs(arguments...)
	if err != nil {
		return "", fmt.Errorf("words for %q: %w", key, err)
	}
	return d.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: values, PluralCount: values["count"]})
}
