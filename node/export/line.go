package export

import (
	"context"
	"encoding/json"
	"time"

	"muster.example/node/api"
)

// Line is a message as a line of JSON.
type Line struct {
	Schema       int             `json:"schema"`
	ID           string          `json:"id"`
	Kind         api.MessageKind `json:"kind"`
	Org          string          `json:"org"`
	Conversation string          `json:"conversation"`
	Thread       string          `json:"thread"`
	Reply        string          `json:"reply,omitzero"`
	From         Author          `json:"from"`
	To           []api.Person    `json:"to"`
	Group        *api.GroupName  `json:"group,omitempty"`
	Guest        *api.Person     `json:"guest,omitempty"`
	Sent         bool            `json:"sent"`
	Unread       bool            `json:"unread"`
	Time         time.Time       `json:"time"`
	Received     time.Time       `json:"received"`
	Subject      string          `json:"subject"`
	Text         string          `json:"text"`
	Edited       time.Time       `json:"edited,omitzero"`
	Deleted      bool            `json:"deleted"`
	Expires      time.Time       `json:"expires,omitzero"`
	Auto         bool            `json:"auto"`
	Tags         []string        `json:"tags"`
	Reactions    []api.Reaction  `json:"reactions"`
	Forwarded    []api.Forwarded `json:"forwarded"`
	Attachments  []Attachment    `json:"attachments"`
}

// Author is who wrote a message.
type Author struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Device string `json:"device"`
}

// Attachment is a file of a message.
type Attachment struct {
	Name   string `json:"name"` // as its author called it
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	File   string `json:"file"` // where it is, from the line's folder; empty: it is not exported
}

// jsonFormat writes a folder for each conversation, with messages.jsonl, a line a message, and files.
type jsonFormat struct {
	*exporter
	folderName string
	lines      *json.Encoder
}

func (f *jsonFormat) path() string { return f.folderName }

func (f *jsonFormat) begin(c Conversation) error {
	f.folderName = f.name(c, "")
	w, err := f.folder.Create(f.folderName + "/messages.jsonl")
	if err != nil {
		return err
	}
	f.lines = json.NewEncoder(w)
	f.lines.SetEscapeHTML(false)
	return nil
}

func (f *jsonFormat) message(_ context.Context, m Message) error {
	f.missing(m)
	line := Line{
		Schema: schema, ID: m.ID, Kind: m.Kind, Org: m.Org, Conversation: m.Conversation, Thread: m.Thread, Reply: m.Reply,
		From: Author{Member: m.FromMember, Name: m.From, Device: m.FromDevice}, To: list(m.To), Group: m.Group, Guest: m.Guest,
		Sent: m.Sent, Unread: m.Unread, Time: m.Time, Received: m.Received, Subject: m.Subject, Text: m.Text, Edited: m.Edited, Deleted: m.Deleted,
		Expires: m.Expires, Auto: m.Auto, Tags: list(m.Tags), Reactions: list(m.Reactions), Forwarded: list(m.Forwarded), Attachments: []Attachment{},
	}
	for i, file := range m.Files {
		line.Attachments = append(line.Attachments, Attachment{Name: file.Name, Size: file.Size, SHA256: hexOf(file.SHA256), File: f.fileName(m, i)})
	}
	return f.lines.Encode(line)
}

// list returns a list that is [] rather than null.
func list[V any](all []V) []V {
	if all == nil {
		return []V{}
	}
	return all
}
