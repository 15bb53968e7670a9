package web

import (
	"strings"

	"muster.example/node/api"
)

// said is what a page says of an error.
type said struct {
	Text, Hint string
	Lang       string // of both, if it is not that of the page
}

// Said puts an error into the page's language. One that nobody foresaw is told as the node tells it, in English; a hint of how to
// help oneself on a command line is left out.
func (v *visit) Said(e *api.Error) said {
	if e.Reason != "" {
		if text, err := v.words.text("error."+e.Reason, v.values(e.Values)...); err == nil {
			hint := ""
			if key := "error." + e.Reason + ".hint"; v.words.knows(key) {
				hint, _ = v.words.text(key) //nolint:errcheck // then there is none
			}
			return said{Text: text, Hint: hint}
		}
	}
	told := said{Text: e.Message, Hint: e.Hint, Lang: v.foreign()}
	if strings.Contains(e.Hint, "muster ") || strings.Contains(e.Hint, "--") || strings.Contains(e.Hint, "`") {
		told.Hint = ""
	}
	return told
}

// Why puts a phrase of the node into the page's language: why something may not be done.
func (v *visit) Why(english string) said {
	if text, ok := v.phrase(english); ok {
		return said{Text: text}
	}
	return said{Text: english, Lang: v.foreign()}
}

func (v *visit) phrase(english string) (string, bool) {
	kind, name := api.Phrase(english)
	if kind == "" {
		return english, false
	}
	text, err := v.words.text("phrase."+kind, "a", name)
	return text, err == nil
}

// Says puts an entry of the roll into the page's language, clause by clause. One with a clause that the app does not know yet is told
// in English.
func (v *visit) Says(e api.RollEntry) said {
	comma, err := v.words.text("roll.comma")
	if err != nil || len(e.Clauses) == 0 {
		return said{Text: e.What, Lang: v.foreign()}
	}
	var clauses []string
	for _, clause := range e.Clauses {
		var arguments []any
		for i, value := range clause.Values {
			if key := "roll.value." + value; v.words.knows(key) {
				value, _ = v.words.text(key) //nolint:errcheck // known
			}
			arguments = append(arguments, string(rune('a'+i)), value)
		}
		text, err := v.words.text("roll.clause."+clause.Kind, arguments...)
		if err != nil {
			return said{Text: e.What, Lang: v.foreign()}
		}
		clauses = append(clauses, text)
	}
	return said{Text: strings.Join(clauses, comma)}
}

// values are what an error puts in, under the names a, b and so on; those that are phrases in the page's language.
func (v *visit) values(all []string) (arguments []any) {
	for i, value := range all {
		value, _ = v.phrase(value)
		arguments = append(arguments, string(rune('a'+i)), value)
	}
	return arguments
}

// foreign is the language of what the node says, empty on a page that is in it.
func (v *visit) foreign() string {
	if v.words.tag == "en" {
		return ""
	}
	return "en"
}
