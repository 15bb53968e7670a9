package terminal

import (
	"net/netip"
	"slices"
	"strings"
)

// Text is text that is safe to print as it is. Only this package makes Text of what is not a constant.
type Text string

// Plain returns one line that holds nothing but its characters: no link, no control, no bidirectional or invisible
// character. Of what Plain returned it makes the same again.
func Plain(text string) Text { return Text(breakLinks(escape(text, ""), nil)) }

// PlainLines is Plain for text of several lines, each indented so that none looks like the program's own.
func PlainLines(text, indent string) Text {
	return indented(breakLinks(escape(unix(text), "\n\t"), nil), indent)
}

// Line returns one line in which links stay as they are.
func Line(text string) Text { return Text(escape(text, "")) }

// Lines is Line for text of several lines, each indented so that none looks like the program's own.
func Lines(text, indent string) Text { return indented(escape(unix(text), "\n\t"), indent) }

// Diagnosis returns an error's text as one line: plain, but for the paths of local files, which people copy, and for words
// that the person typed: typed is the command line.
func Diagnosis(text string, typed ...string) Text {
	spared := func(word string) bool {
		word = strings.Trim(word, `"'(),;:.`)
		return isPath(word) || !linkLike(word) && slices.Contains(typed, word)
	}
	return Text(breakLinks(escape(strings.ReplaceAll(text, "\n", "; "), ""), spared))
}

// Address returns a multiaddr so that it can be copied if it holds an IP address, and a host's name so that it is no link.
func Address(text string) Text {
	if parts := strings.SplitN(text, "/", 4); len(parts) >= 3 && parts[0] == "" && (parts[1] == "ip4" || parts[1] == "ip6") {
		ip, err := netip.ParseAddr(parts[2])
		if err == nil && ip.Zone() == "" {
			return Text("/"+parts[1]+"/"+ip.String()) + Plain(strings.TrimPrefix(text, "/"+parts[1]+"/"+parts[2]))
		}
	}
	return Plain(text)
}

// Join puts sep between texts.
func Join(texts []Text, sep Text) Text {
	var all Text
	for i, text := range texts {
		if i > 0 {
			all += sep
		}
		all += text
	}
	return all
}

func unix(text string) string { return strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") }

func indented(text, indent string) Text {
	return Text(indent + strings.ReplaceAll(text, "\n", "\n"+indent))
}
