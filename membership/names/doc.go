// Package names says what the name of a member, an organization, a device or a group may be, and when two names are
// alike.
//
// It owns the profile of names (Check), what two names must not share (Skeletons), reserved names and patterns, and the
// Unicode tables behind them. It must not know who has which name, nor anything of the roll. It has no clock, network,
// disk or goroutine, and does not change what it is given: it accepts or refuses.
//
// # Pinned tables
//
// Every build that folds a roll must come to the same answer, whatever Go it was made with, so what characters are is
// data here and never asked of Go's package unicode, whose tables change with Go. The version of the data is a number
// that the policy of an organization names; there is one, Tables. The files tables_*.go are made by
//
//	go test -run '^TestTables$' -update
//
// from Go's package unicode and golang.org/x/text at Unicode 15.0.0 and from the files in testdata.
//
// Only normalization comes from golang.org/x/text. It follows the build's version of Unicode, which is safe: by the
// stability policy of Unicode the normal form of text whose characters are all assigned in one version is the same in
// all later ones, and the table of characters keeps out what was assigned later. Case folding is stable in the same way,
// but the fold of x/text differs from Unicode's for Cherokee, so folding is part of the tables.
//
// # What a name may be
//
// A name is text of the IdentifierClass of PRECIS (RFC 8264), with single spaces inside as in the Nickname profile (RFC
// 8266) and upper case kept as in UsernameCasePreserved (RFC 8265). Letters, marks and decimal digits are allowed, and
// space . - _ ' as separators. Three things are narrower: one script only, after UTS #39 but without its leave to mix
// Latin in; digits of one system; no character that shows as nothing. One is wider: five letters of living alphabets that
// PRECIS loses because they have compatibility decompositions, see the generator of the tables.
//
// The characters that RFC 5892 allows in a context only are refused: the joiners because they show as nothing, the
// others because they are punctuation. Of the Bidi rule of RFC 5893 conditions 1, 2 and 5 hold for names that have
// characters from right to left, a space being neutral, and 4 because digits are of one system. Conditions 3 and 6, about
// the last character, keep labels apart that stand in one line of text; names stand alone, and separators do not tell
// names apart anyway.
//
// # When two names are alike
//
// Two names are alike if they look alike, if they differ in case or separators only, or in both: paypaI and paypal, AIice
// and alice, anna.b and Anna B. See Skeletons.
//
// Spec: docs/spec/03-roll.md, [ROLL-30] and [ROLL-31].
package names
