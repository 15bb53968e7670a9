package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"muster.example/internal/terminal"
)

// person names a member so that two with like names can be told apart.
func person(name, id string) string {
	if id == "" || strings.HasSuffix(name, shortID(id)) { // a guest without a readable name has the id for one
		return name
	}
	return name + " (" + shortID(id) + ")"
}

// quote returns a name as one argument of a command line, or the id if the name is not shown as it is. A name has no
// character that quotes do not hold.
func quote(name, id string) string {
	switch {
	case id != "" && string(terminal.Plain(name)) != name:
		return id
	case strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}):
		return `"` + name + `"`
	}
	return name
}

// addresses joins addresses of a rendezvous node.
func addresses(all []string) terminal.Text {
	var shown []terminal.Text
	for _, address := range all {
		shown = append(shown, terminal.Address(address))
	}
	return terminal.Join(shown, " ")
}

// shortID is the start of a member's, organization's or message's id.
func shortID(id string) string { return id[:min(8, len(id))] }

// shortDevice is the end of a device's id: the starts are all alike.
func shortDevice(id string) string { return "…" + id[max(0, len(id)-8):] }

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
