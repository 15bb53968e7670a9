package node

import (
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/mail"
	"muster.example/sync/history"
)

// alone returns the place where this account is with nobody else: what lies there was imported. [HIST-70]
func (o *organization) alone() envelope.Place { return o.with() }

// isAlone reports whether a place is that of imported mail.
func (o *organization) isAlone(place envelope.Place) bool { return place.Equal(o.alone()) }

// isImported reports whether a message lies where imported mail does, and was put there by this account. Nobody else can. [HIST-70]
func (o *organization) isImported(m history.Message) bool {
	return m.Member == o.member && !m.Report && m.Conversation == o.alone().ID(o.org) && slices.Equal(m.Text.To, []keys.MemberID{o.member})
}

// describeImported shows of an imported message what the mail said, apart from its text.
func (o *organization) describeImported(described *api.Message, m history.Message) {
	if !o.isImported(m) {
		return
	}
	described.Imported = new(api.Imported)
	note, ok := mail.ParseNote(described.Text)
	if !ok { // by a version to come
		return
	}
	*described.Imported = api.Imported{From: note.From, To: note.To, Cc: note.Cc, MessageID: note.ID, Labels: note.Labels}
	described.Text = note.Text
}

// exportedNote returns the text of an imported message as an export has it, with what the mail said of itself.
func exportedNote(m api.Message) string {
	if m.Imported == nil || m.Deleted {
		return m.Text
	}
	note := mail.Note{
		From: m.Imported.From, To: m.Imported.To, Cc: m.Imported.Cc, ID: m.Imported.MessageID, Labels: m.Imported.Labels, Text: m.Text,
		Date: m.Time.UTC().Format(time.RFC3339),
	}
	return note.String()
}
