package reader

import (
	"encoding/hex"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// body sets what the content of a message says. [ARC-61]
func (e *Entry) body(c envelope.Content) error {
	kind := history.Kind(c.Kind)
	if kind >= history.Anew {
		kind, e.Again = kind-history.Anew, true
	}
	switch {
	case kind == history.KindText:
		return e.text(c.Body)
	case kind == history.KindChunk:
		part, err := history.DecodeChunk(c.Body)
		e.Kind, e.part = kindPart, part
		return err
	case kind.IsAct():
		return e.act(kind, c.Body)
	case kind == history.KindLeave, kind == history.KindLack, kind == history.KindGone, kind == history.KindLockKey:
		e.Kind = KindOther
		return nil
	}
	e.Kind = KindOther
	return history.ErrBody
}

func (e *Entry) text(body []byte) error {
	t, err := history.DecodeText(body)
	if err != nil {
		return err
	}
	e.Kind, e.ID, e.Subject, e.Text, e.Time = KindMessage, history.MessageID(e.Device, t.Nonce), t.Subject, t.Text, time.UnixMilli(t.Time).UTC()
	e.Forwarded, e.nonce = len(t.Forwarded), t.Files
	e.Thread, e.Reply = value(t.Thread), value(t.Reply)
	for _, file := range t.Files {
		e.Attachments = append(e.Attachments, Attachment{Name: file.Name, Size: file.Size, SHA256: hex.EncodeToString(file.Hash[:])})
	}
	return nil
}

func value(id *keys.MessageID) keys.MessageID {
	if id == nil {
		return keys.MessageID{}
	}
	return *id
}

func (e *Entry) act(kind history.Kind, body []byte) error {
	act, err := history.Act{Kind: kind, Body: body}.Open()
	if err != nil {
		return err
	}
	e.About, e.Time = act.Messages(), time.UnixMilli(act.Time()).UTC()
	switch {
	case act.Edit != nil:
		e.Kind, e.Subject, e.Text = KindEdit, act.Edit.Subject, act.Edit.Text
	case act.Delete != nil:
		e.Kind = KindDeletion
	case act.Reaction != nil:
		e.Kind, e.Emoji = KindReaction, act.Reaction.Emoji
		if act.Reaction.Off {
			e.Text = "taken off"
		}
	case act.Seen != nil:
		e.Kind = KindRead
	}
	return nil
}
