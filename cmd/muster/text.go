package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean makes text of another person's safe to print on one line of a terminal: control characters, which could move
// the cursor or change colors, and bidirectional and invisible ones, which could make one name look like another, are
// shown as escapes.
func clean(text string) string { return escapeText(text, "") }

// cleanLines does the same for a text of several lines, each indented so that none looks like the program's own.
func cleanLines(text, indent string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = escapeText(strings.TrimRight(text, "\n"), "\n\t")
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent)
}

func escapeText(text, allowed string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strings.ContainsRune(allowed, r) || !deceptive(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// deceptive reports whether a character does something else than show itself. The two joiners are let through: Persian,
// Indic scripts and emoji need them.
func deceptive(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029', '\u3164', '\u115f', '\u1160', '\uffa0':
		return true
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs)
}

// escapeJSON escapes deceptive characters in encoded JSON, where they occur only within strings.
func escapeJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || !deceptive(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// person names a member so that two with like names can be told apart.
func person(name, id string) string {
	if id == "" {
		return clean(name)
	}
	return clean(name) + " (" + shortID(id) + ")"
}

// quote returns a name as one argument of a command line. A name has no character that quotes do not hold.
func quote(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}) {
		return `"` + clean(name) + `"`
	}
	return clean(name)
}

// shortID is the start of a member's, organization's or message's id.
func shortID(id string) string { return clean(id[:min(8, len(id))]) }

// shortDevice is the end of a device's id: the starts are all alike.
func shortDevice(id string) string { return "…" + clean(id[max(0, len(id)-8):]) }

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func fileSize(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1024, 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
