package names_test

import (
	"errors"
	"strings"
	"testing"

	"muster.example/membership/names"
)

// People's names as they write them. [ROLL-30]
func TestNamesOfManyScriptsAreGood(t *testing.T) {
	for _, c := range []struct{ script, name string }{
		{"Latin", "Anna"},
		{"Latin", "anna2"},
		{"Latin", "2pac"},
		{"Latin", "Anne-Marie O'Neill"},
		{"Latin", "Martin L. King Jr."},
		{"Latin", "first.last_name"},
		{"Latin", "Jürgen Groß"},
		{"Latin", "François Çelik"},
		{"Latin", "Nguyễn Thị Ánh"},
		{"Latin", "Łukasz Żółć"},
		{"Latin", "İsmail Iğdır"},
		{"Latin", "Ørsted Åse Þór"},
		{"Latin", "ʻIolani"},
		{"Latin", "Stʼatʼimc"},
		{"Latin", "Ọlúwa Ṣẹ̀yí"},
		{"Cyrillic", "Юрий Йовович"},
		{"Cyrillic", "Ђорђе Љубић"},
		{"Cyrillic", "Дар'я Їжак"},
		{"Cyrillic", "Қайрат Ұлы"},
		{"Greek", "Γιώργος Ἀχιλλεύς"},
		{"Armenian", "Սևակ Արև"},
		{"Georgian", "გიორგი"},
		{"Georgian", "ᲒᲘᲝᲠᲒᲘ"},
		{"Hebrew", "דוד בן-גוריון"},
		{"Hebrew", "ג'ורג'"},
		{"Hebrew", "שָׁלוֹם"},
		{"Arabic", "محمد الأمين"},
		{"Arabic", "محمّد"},
		{"Arabic", "پرویز ۱۲"},
		{"Arabic", "علي ٣"},
		{"Arabic", "علي 3"},
		{"Syriac", "ܝܘܚܢܢ"},
		{"Thaana", "އިބްރާހީމް"},
		{"NKo", "ߞߊ߲ߕߍ"},
		{"Devanagari", "प्रिया श्री"},
		{"Devanagari", "राम २"},
		{"Bengali", "রবীন্দ্রনাথ"},
		{"Gurmukhi", "ਗੁਰਪ੍ਰੀਤ"},
		{"Gujarati", "મોહનદાસ"},
		{"Oriya", "ଓଡ଼ିଆ"},
		{"Tamil", "தமிழ்செல்வி"},
		{"Telugu", "శ్రీనివాస్"},
		{"Kannada", "ಕೃಷ್ಣ"},
		{"Malayalam", "ഉണ്ണികൃഷ്ണൻ"},
		{"Sinhala", "සිංහල"},
		{"Thai", "สมชาย น้ำใส"},
		{"Lao", "ຄຳໝູ"},
		{"Tibetan", "བསྟན འཛིན"},
		{"Myanmar", "အောင်ဆန်းစုကြည်"},
		{"Khmer", "ស្រីមុំ"},
		{"Mongolian", "ᠲᠡᠮᠦᠵᠢᠨ"},
		{"Ethiopic", "ኃይለ ሥላሴ"},
		{"Tifinagh", "ⵜⵉⴼⵉⵏⴰⵖ"},
		{"Cherokee", "ᏎᏉᏯ"},
		{"Canadian Aboriginal", "ᐃᓄᒃᑎᑐᑦ"},
		{"Adlam", "𞤀𞤣𞤤𞤢𞤥"},
		{"Javanese", "ꦗꦮ"},
		{"Han", "王小明"},
		{"Han", "歐陽 娜娜"},
		{"Han with Bopomofo", "王ㄒㄧㄠˇ"},
		{"Japanese", "山田 はなこ"},
		{"Japanese", "佐々木ジョー"},
		{"Hiragana", "さくら"},
		{"Katakana", "スミス ジョン"},
		{"Korean", "김철수 金"},
		{"Yi", "ꆈꌠ"},
		{"Lisu", "ꓡꓲ-ꓢꓴ"},
		{"Vai", "ꕙꔤ"},
		{"none", "4711"},
		{"Latin", strings.Repeat("a", names.MaxName)},
		{"Adlam", strings.Repeat("𞤀", names.MaxName)},
	} {
		if err := names.Check(c.name, names.Tables); err != nil {
			t.Errorf("%s %q: %v", c.script, c.name, err)
		}
	}
}

// Each with one fault. [ROLL-30]
func TestBadNamesAreRefused(t *testing.T) {
	for _, c := range []struct {
		fault, name string
		index       int    // of the character at fault, -1 for none
		says        string // part of the text
	}{
		{"empty", "", -1, "0 characters"},
		{"too long", strings.Repeat("a", names.MaxName+1), -1, "65 characters"},
		{"too long in bytes", strings.Repeat("a", names.MaxBytes+1), -1, "more than 64"},
		{"not UTF-8", "ann\xff", -1, "UTF-8"},
		{"surrogate", "a\xed\xa0\x80", -1, "UTF-8"},
		{"decomposed", "Jose\u0301", -1, "NFC"},
		{"canonical singleton", "\u212B", -1, "NFC"},
		{"space first", " anna", 0, "start with"},
		{"dot first", ".anna", 0, "start with"},
		{"apostrophe first", "'anna", 0, "start with"},
		{"mark first", "\u0301anna", 0, "start with"},
		{"space last", "anna ", 4, "ends with a space"},
		{"two spaces", "anna  b", 5, "two spaces"},
		{"mark on a space", "anna \u0301b", 5, "stands on no letter"},
		{"mark on a dot", "anna.\u0323b", 5, "stands on no letter"},
		{"five marks", "x\u0323\u0302\u0304\u0308\u030C", 5, "more than 4"},
		{"one mark twice", "x\u0323\u0323", -1, "twice"},
		{"one mark twice, once composed", "é\u0301", -1, "twice"},
		{"slash", "anna/b", 4, "U+002F"},
		{"at sign", "anna@b", 4, "U+0040"},
		{"colon", "a:b", 1, "U+003A"},
		{"newline", "anna\nb", 4, "cannot be seen"},
		{"tab", "anna\tb", 4, "cannot be seen"},
		{"no-break space", "anna\u00A0b", 4, "cannot be seen"},
		{"ideographic space", "山田\u3000花", 2, "U+3000"},
		{"soft hyphen", "an\u00ADna", 2, "cannot be seen"},
		{"zero width space", "an\u200Bna", 2, "cannot be seen"},
		{"zero width joiner", "an\u200Dna", 2, "cannot be seen"},
		{"zero width non-joiner", "می\u200Cخواهم", 2, "cannot be seen"},
		{"right to left override", "an\u202Ena", 2, "cannot be seen"},
		{"right to left isolate", "an\u2067na", 2, "cannot be seen"},
		{"variation selector", "王\uFE00", 1, "cannot be seen"},
		{"variation selector of the supplement", "王\U000E0100", 1, "cannot be seen"},
		{"tag", "a\U000E0061", 1, "cannot be seen"},
		{"Mongolian variation selector", "ᠲ\u180B", 1, "U+180B"},
		{"combining grapheme joiner", "a\u034F\u0301", 1, "U+034F"},
		{"Hangul filler", "김\u3164", 1, "U+3164"},
		{"Egyptian blank", "\U00013000\U00013441", 1, "U+13441"},
		{"Khitan filler", "\U00018B00\U00016FE4", 1, "U+16FE4"},
		{"Old Hangul Jamo", "\u1100\u1101", 0, "U+1100"},
		{"ligature", "oﬃce", 1, `"ffi"`},
		{"fullwidth letter", "Ａnna", 0, `"A"`},
		{"halfwidth kana", "ｱ", 0, `"ア"`},
		{"mathematical letter", "𝐚nna", 0, `"a"`},
		{"Roman numeral", "ⅷ", 0, `"viii"`},
		{"superscript", "a²", 1, `"2"`},
		{"long s", "ſam", 0, `"s"`},
		{"Arabic presentation form", "\uFE8D", 0, `"ا"`},
		{"enclosing mark", "a\u20DD", 1, "U+20DD"},
		{"emoji", "anna😀", 4, "U+1F600"},
		{"private use", "a\uE000", 1, "U+E000"},
		{"not a character", "a\uFFFF", 1, "U+FFFF"},
		{"assigned after Unicode 15.0.0", "\U0002EBF0", 0, "U+2EBF0"},
		{"Garay, assigned after Unicode 15.0.0", "\U00010D4A", 0, "U+10D4A"},
		{"Latin assigned after Unicode 15.0.0", "a\uA7CB", 1, "U+A7CB"},
		{"tatweel", "محـمد", 2, "U+0640"},
		{"middle dot", "col·lega", 3, "U+00B7"},
		{"katakana middle dot", "ジョン・スミス", 3, "U+30FB"},
		{"geresh", "ג׳ורג", 1, "U+05F3"},
		{"Cyrillic in Latin", "аlice", 1, "Latin script and what is before it of the Cyrillic"},
		{"Latin in Cyrillic", "Алиcа", 3, "Latin"},
		{"Greek in Latin", "annα", 3, "Greek"},
		{"Latin in Han", "王Wang", 1, "Latin"},
		{"Han in Latin", "Wang 王", 5, "Han"},
		{"Bopomofo in Japanese", "さㄅ", 1, "Bopomofo"},
		{"Hangul in Japanese", "はな김", 2, "Hangul"},
		{"Cyrillic mark in Latin", "a\u0483", 1, "script"},
		{"Hebrew mark in Arabic", "م\u05B8", 1, "script"},
		{"digits of Bengali in Devanagari", "राম", 2, "script"},
		{"Bengali digit in Latin", "anna ৪", 5, "script"},
		{"two systems of digits", "علي 3٣", 5, "another system"},
		{"two systems of Arabic digits", "علي ٣۳", 5, "another system"},
		{"Latin in Hebrew", "דוד b", 4, "script"},
		{"letter of no script in Hebrew", "דודʼ", 3, "another direction"},
		{"digit before Hebrew", "1דוד", 1, "must start with a letter of that direction"},
		{"Arabic digit first", "٣علي", 0, "must start with a letter of that direction"},
		{"stacker last", "က္", 1, "joins letters"},
		{"stacker before a space", "က္ က", 2, "joins letters"},
		{"stacker before a digit", "က္၁", 2, "joins letters"},
		{"stacker before a mark", "ស្ុ", 2, "joins letters"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			err := names.Check(c.name, names.Tables)
			fault, ok := errors.AsType[*names.Error](err)
			if !ok {
				t.Fatalf("%+q: %v", c.name, err)
			}
			if fault.Index != c.index || !strings.Contains(fault.Text, c.says) {
				t.Errorf("%+q: at %d: %s", c.name, fault.Index, fault.Text)
			}
			if fault.Index >= 0 && []rune(c.name)[fault.Index] != fault.Rune {
				t.Errorf("%+q has no %U at %d", c.name, fault.Rune, fault.Index)
			}
		})
	}
}

func TestUnknownTablesAreRefused(t *testing.T) {
	for _, tables := range []uint64{0, 14, 16, 1 << 63} {
		if err := names.Check("anna", tables); !errors.Is(err, names.ErrTables) {
			t.Errorf("tables %d: %v", tables, err)
		}
		if got := names.Skeletons("anna", tables); got != nil {
			t.Errorf("tables %d: skeletons %q", tables, got)
		}
		if !names.IsReserved("anna", nil, tables) || !names.Alike("anna", "berta", tables) {
			t.Errorf("tables %d: a name is free", tables)
		}
	}
}
