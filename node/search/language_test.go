package search

import (
	"strings"
	"testing"
)

// What a person types finds what another person wrote, in the language and spelling of each.
func TestFindsInManyLanguages(t *testing.T) {
	for _, c := range []struct{ language, text, subject, queries string }{
		{"German", "Die Straße führt zum Bäcker in Österreich", "Große Fahrt", "strasse|STRASSE|straße|baecker!|backer|bäck|österreich|osterr|subject:grosse"},
		{"French", "L'été à la crème brûlée, œuvre d'Éric", "Noël", "ete|créme|brule|oeuvre|eric|\"crème brûlée\"|l'été|subject:noel"},
		{"Turkish", "İstanbul'da ılık bir akşam; IŞIK", "İğne", "istanbul|ıstanbul|ilik|ılık|aksam|isik|ışık|subject:igne"},
		{"Polish", "Zażółć gęślą jaźń w Łodzi", "Łąka", "zazolc|gesla|lodzi|łódzi|subject:laka"},
		{"Vietnamese", "Tôi nói tiếng Việt", "", "tieng viet|tiếng|toi noi"},
		{"Greek", "Ο δρόμος και οι ΟΔΟΙ της ΑΘΉΝΑΣ", "", "δρομος|δρόμος|οδοι|αθηνας"},
		{"Russian", "Ёлка и лёд", "", "елка|ЛЕД|ёлк"},
		{"Arabic", "ذهب أَحمدُ إلى المدرسة في ٢٠٢٦", "كـــتاب", "احمد|أحمد|الى|إلي|المدرسه|2026|subject:كتاب|المد"},
		{"Persian", "می\u200cخواهم کتاب بخوانم", "", "میخواهم|می\u200cخواهم|كتاب|کتا"},
		{"Hebrew", "שָׁלוֹם לכל הילדים", "", "שלום|שלו|הילדים|ילד!"},
		{"Hindi", "मुझे हिन्दी में लिखना", "", "हिन्दी|हिन्|लिखना"},
		{"Bengali", "আমি বাংলায় লিখি", "", "বাংলায়|বাং"},
		{"Chinese", "我们明天去北京大学图书馆", "会议", "北京|大学|北京大学|图书馆|馆|subject:会|京北!"},
		{"Japanese", "明日は東京タワーに行きます。ｶﾞｲﾄﾞ", "", "東京|タワー|行きます|ガイド|京タ"},
		{"Korean", "내일 서울에서 만나요", "", "서울|서울에서|만나|울에"},
		{"Thai", "ผมไปที่นี่ทุกวัน", "", "ที่นี่|ทุกวัน|ไป"},
		{"Khmer", "ខ្ញុំរៀនភាសាខ្មែរ", "", "ភាសា|ខ្មែរ"},
		{"emoji", "well done 👍🏽 🎉 and 👩‍👩‍👧", "", "👍|🎉|👩|done 🎉|🐟!"},
	} {
		m := letter(1, c.text)
		m.Subject = c.subject
		x := newIndex(t, m, letter(2, "something else altogether"))
		for _, query := range splitQueries(c.queries) {
			want := []int{1}
			if query.none {
				want = nil
			}
			wants(t, x, query.text, want...)
		}
	}
}

// Words behind subject: stand in the subject, others anywhere.
func TestFindsBySubject(t *testing.T) {
	m := []Message{letter(1, "tide table"), letter(2, "harbour map"), letter(3, "tide and tide again")}
	m[1].Subject, m[2].Subject = "Low tide", "Harbour"
	x := newIndex(t, m...)
	wants(t, x, "subject:tide", 2)
	wants(t, x, `subject:"low tide"`, 2)
	wants(t, x, `subject:"tide low"`)
	wants(t, x, "subject:harbour tide", 3)
	wants(t, x, "subject:low map", 2)
	wants(t, x, "subject:table")
	wants(t, x, "tide", 2, 3, 1)
}

// query is a query of a table; none: it finds nothing.
type query struct {
	text string
	none bool
}

// splitQueries reads queries with | between them and ! behind those that find nothing.
func splitQueries(text string) (all []query) {
	for part := range strings.SplitSeq(text, "|") {
		text, none := strings.CutSuffix(part, "!")
		all = append(all, query{text, none})
	}
	return all
}
