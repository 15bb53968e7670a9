package membership

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster.example/internal/keys"
)

// CheckName returns nil if the rule allows name for a member or an organization, else a *Refusal with ReasonNameRule.
// [ROLL-30]
func CheckName(name string) error {
	if !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) {
		return refuse(ReasonNameRule, "it is not in Unicode's composed form (NFC)")
	}
	length := utf8.RuneCountInString(name)
	if length == 0 || length > MaxName {
		return refuse(ReasonNameRule, "it has %d characters, not from 1 to %d", length, MaxName)
	}
	if err := checkRunes(name); err != nil {
		return err
	}
	return notAnID(name)
}

// checkRunes: a letter or digit first, then letters, marks, digits and single spaces, and . - _ ' between them.
func checkRunes(name string) error {
	previous, marks := ' ', 0
	for i, r := range name {
		first := i == 0
		mark := unicode.IsMark(r)
		if mark {
			marks++
		} else {
			marks = 0
		}
		switch {
		case invisible(r):
			return refuse(ReasonNameRule, "%U cannot be seen", r)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
		case first:
			return refuse(ReasonNameRule, "it must start with a letter or digit")
		case mark && marks <= MaxMarks && !strings.ContainsRune(" .-_'", previous):
		case mark:
			return refuse(ReasonNameRule, "%U stands where no mark can", r)
		case r == ' ' && previous != ' ':
		case strings.ContainsRune(".-_'", r):
		default:
			return refuse(ReasonNameRule, "%U is not allowed here", r)
		}
		previous = r
	}
	if previous == ' ' {
		return refuse(ReasonNameRule, "it ends with a space")
	}
	return nil
}

// invisible reports letters and marks that show as nothing, under which two names would look alike.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// notAnID: a name that reads as the id of a member or device could catch what is meant for them.
func notAnID(name string) error {
	_, errID := keys.ParseID[keys.Member](strings.ToLower(name))
	_, errKey := keys.ParsePublicKey(name)
	if errID == nil || errKey == nil {
		return refuse(ReasonNameRule, "it reads as the id of a member or device")
	}
	return nil
}

// foldName returns what two names must not share: the name in lower case, composed. [ROLL-31]
func foldName(name string) string { return norm.NFC.String(strings.ToLower(name)) }
