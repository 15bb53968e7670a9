package main

import (
	"muster.example/internal/terminal"
	"muster.example/node/api"
)

// voice says how what somebody wrote is shown: whether its links stay as text.
type voice struct{ known bool }

// voiceOf tells messages of people whom the reader let write from all else that reaches them: introductions, invitations to
// groups, reports with what these show of others, guests at a desk, members who are blocked, imported mail, kinds to come.
func voiceOf(m api.Message) voice {
	guest := m.Guest != nil && m.Guest.Member == m.FromMember && !m.Sent
	return voice{known: m.Kind == api.KindMessage && !guest && !m.Hidden && m.Imported == nil}
}

// line shows text as one line.
func (v voice) line(text string) terminal.Text {
	if v.known {
		return terminal.Line(text)
	}
	return terminal.Plain(text)
}

// lines shows text of several lines, each indented.
func (v voice) lines(text, indent string) terminal.Text {
	if v.known {
		return terminal.Lines(text, indent)
	}
	return terminal.PlainLines(text, indent)
}
