package keys

import (
	"strings"
	"testing"
)

func TestWordTypos(t *testing.T) {
	words := strings.Fields(knownWords)
	swapped := append([]string{words[1], words[0]}, words[2:]...)
	for name, c := range map[string]struct {
		text string
		want []string // a part of each fault
	}{
		"good":               {knownWords, nil},
		"a letter too many":  {strings.Replace(knownWords, "camp", "campp", 1), []string{`word 5, "campp", is not in the list: is it camp?`}},
		"two letters turned": {strings.Replace(knownWords, "void", "viod", 1), []string{`is it void?`}},
		"nothing like it":    {strings.Replace(knownWords, "camp", "qqqqqqq", 1), []string{`word 5, "qqqqqqq", is not in the list`}},
		"two words wrong":    {strings.NewReplacer("camp", "champ", "zoo", "", "ten", "tenn").Replace(knownWords), []string{"is it", "is it ten or tent?"}},
		"a word missing":     {strings.Join(words[:23], " "), []string{"23 words"}},
		"two swapped":        {strings.Join(swapped, " "), []string{"swapped"}},
		"nothing":            {"", []string{"0 words"}},
		"much":               {strings.Repeat("zzzz ", 1<<16), []string{"65536 words", "word 1,", "word 2,", "word 3,", "more"}},
		"a long word":        {strings.Replace(knownWords, "camp", strings.Repeat("é", 4000), 1), []string{"word 5"}},
	} {
		got := WordTypos(c.text)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", name, got)
			continue
		}
		for i, part := range c.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q lacks %q", name, got[i], part)
			}
		}
	}
}
