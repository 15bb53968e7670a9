package names_test

import (
	"slices"
	"testing"

	"muster.example/membership/names"
)

// [ROLL-31]
func TestAlikeNamesShareASkeleton(t *testing.T) {
	for _, c := range []struct{ trick, a, b string }{
		{"same", "anna", "anna"},
		{"case", "Anna", "aNNA"},
		{"capital I for l", "paypaI", "paypal"},
		{"capital I for l among capitals", "PaypaI", "paypal"},
		{"capital I for l against capitals", "paypaI", "PAYPAL"},
		{"capital I for l in the middle", "AIice", "alice"},
		{"capital I for l in the middle, same case", "AIice", "Alice"},
		{"digit one for l", "a1ice", "alice"},
		{"digit one for capital I", "1da", "Ida"},
		{"zero for capital O", "B0B", "BOB"},
		{"zero for small o", "b0b", "bob"},
		{"zero and one", "O0l1I", "0OIl1"},
		{"rn for m", "rnary", "mary"},
		{"rn for capital m", "rnary", "Mary"},
		{"Cyrillic a in Latin", "аlice", "alice"},
		{"all Cyrillic for Latin", "сор", "cop"},
		{"Cyrillic capitals for Latin", "АННА", "AHHA"},
		{"Cyrillic capitals for small Latin", "РАУРА", "paypa"},
		{"Greek for Latin", "ΑΝΝΑ", "ANNA"},
		{"Greek omicron", "οο", "oo"},
		{"Cherokee for Latin", "ᎪᎳ", "AW"},
		{"Armenian for Latin", "օօ", "oo"},
		{"Lisu for Latin", "ꓮꓠꓠꓮ", "Anna"},
		{"script small capitals", "ᴏ", "o"},
		{"script g", "ɡina", "gina"},
		{"dotless i", "lıly", "lily"},
		{"Turkish dotted capital I", "İsmail", "ismail"},
		{"Turkish dotted capital I against Latin", "İsmail", "Ismail"},
		{"dot above on i", "i\u0307da", "ida"},
		{"dot above and below on i", "ị\u0307da", "ịda"},
		{"sharp s", "Strauß", "Strauss"},
		{"capital sharp s", "STRAUẞ", "strauss"},
		{"final sigma", "Νίκος", "ΝΊΚΟΣ"},
		{"Greek iota subscript", "ᾳ", "ΑΙ"},
		{"Cherokee case", "ᏎᏉᏯ", "ꮞꮙꮿ"},
		{"Georgian case", "გიორგი", "ᲒᲘᲝᲠᲒᲘ"},
		{"Armenian ligature", "Սևակ", "Սեւակ"},
		{"Thai sara am", "คำ", "คํา"},
		{"Lao digraph", "ໝູ", "ຫມູ"},
		{"Devanagari zero", "०", "o"},
		{"Arabic digits of two systems", "علي١", "علي۱"},
		{"Arabic kaf of two languages", "كمال", "کمال"},
		{"Arabic yeh of two languages", "علی", "على"},
		{"katakana ni and Han two", "ニ", "二"},
		{"katakana ro and Han mouth", "ロ", "口"},
		{"long vowel and Han one", "ー", "一"},
		{"hiragana and katakana he", "へ", "ヘ"},
		{"Hebrew yod and apostrophe", "אבי", "אב'"},
		{"space and dot", "anna b", "anna.b"},
		{"space and none", "anna b", "annab"},
		{"hyphen and none", "Anne-Marie", "Annemarie"},
		{"underscore and hyphen", "a_b", "a-b"},
		{"dots", "a.b.", "ab"},
		{"apostrophe and none", "O'Neill", "ONeill"},
		{"apostrophe as a letter", "Oʼneill", "O'Neill"},
		{"apostrophe as a letter and none", "Oʻneill", "oneill"},
		{"separators and look", "pay.pa I", "Paypal"},
		{"one caron, two marks", "ǎ", "ă"},
		{"order of marks after a prototype with one", "Б\u0323", "ḅ\u0304"},
		{"order of marks", "q\u0323\u0301", "q\u0301\u0323"},
	} {
		if !names.Alike(c.a, c.b, names.Tables) || !names.Alike(c.b, c.a, names.Tables) {
			t.Errorf("%s: %q %+q and %q %+q", c.trick, c.a, names.Skeletons(c.a, names.Tables), c.b, names.Skeletons(c.b, names.Tables))
		}
	}
}

func TestOtherNamesShareNone(t *testing.T) {
	for _, c := range []struct{ difference, a, b string }{
		{"a letter", "anna", "anne"},
		{"small i is not l", "Kari", "Karl"},
		{"small i is not one", "mia", "m1a"},
		{"accent", "José", "Jose"},
		{"umlaut", "Müller", "Muller"},
		{"umlaut written out", "Müller", "Mueller"},
		{"Cyrillic that looks like no Latin", "Юрий", "Yuri"},
		{"Arabic zero is no separator", "علي٠", "علي"},
		{"Hebrew yod is no separator", "אבי", "אב"},
		{"Lisu tone is no separator", "ꓡꓲꓸ", "ꓡꓲ"},
		{"digits", "anna 2", "anna 3"},
		{"Han", "王", "玉"},
		{"Hangul", "김", "감"},
		{"order", "ab", "ba"},
		{"length", "ana", "anna"},
	} {
		if names.Alike(c.a, c.b, names.Tables) {
			t.Errorf("%s: %q %+q and %q %+q", c.difference, c.a, names.Skeletons(c.a, names.Tables), c.b, names.Skeletons(c.b, names.Tables))
		}
	}
}

func TestSkeletonsAreWhatTheSpecSays(t *testing.T) {
	for _, c := range []struct {
		name string
		want []string
	}{
		{"anna", []string{"anna"}},
		{"Ida", []string{"lda", "ida"}},
		{"mary b", []string{"rnary b", "rnaryb"}},
		{"O'I", []string{"o'l", "o'i", "ol", "oi"}},
		{"ʻ", []string{"'"}},
	} {
		if got := names.Skeletons(c.name, names.Tables); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, not %q", c.name, got, c.want)
		}
	}
}

func TestReservedNames(t *testing.T) {
	reserved := []string{"admin", "Help Desk", "root"}
	for name, want := range map[string]bool{
		"admin": true, "ADMIN": true, "adrnin": true, "a.d.m.i.n": true, "аdmin": true, "helpdesk": true, "HeIp-Desk": true, "r00t": true,
		"administrator": false, "help": false, "anna": false,
	} {
		if got := names.IsReserved(name, reserved, names.Tables); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
