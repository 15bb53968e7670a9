package history

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"muster.example/internal/keys"
)

// Draft is a message that its author did not send yet, as it was saved at one time. Without content it says that there is no
// such draft any more, or that another record took this one's place: a draft has no other erased form. [HIST-22]
type Draft struct {
	ID      [NonceSize]byte `cbor:"1,keyasint"`
	Content *DraftContent   `cbor:"2,keyasint,omitempty"`
}

// DraftContent is what a draft says. Recipients, mentions and what is to be forwarded are as the person named them: what they
// stand for is looked at when the message is sent.
type DraftContent struct {
	To             []string        `cbor:"1,keyasint,omitempty"`
	Subject        string          `cbor:"2,keyasint,omitempty"`
	Text           string          `cbor:"3,keyasint,omitempty"`
	Reply          *keys.MessageID `cbor:"4,keyasint,omitempty"` // the message that it answers
	Mentions       []string        `cbor:"5,keyasint,omitempty"`
	Forward        []string        `cbor:"6,keyasint,omitempty"`
	ForwardThreads bool            `cbor:"7,keyasint,omitempty"` // the whole threads of these
	Lifetime       uint64          `cbor:"8,keyasint,omitempty"` // seconds; 0: as the settings say
	Files          []File          `cbor:"9,keyasint,omitempty"` // uploads on the device that saved it
	Time           int64           `cbor:"10,keyasint"`          // when it was saved, unix milliseconds
}

// Erase returns the draft without its content.
func (d Draft) Erase() Draft { d.Content = nil; return d }

// Validate checks a draft's content against the caps. Errors wrap ErrBody. [HIST-22]
func (c DraftContent) Validate() error {
	for _, list := range []struct {
		what  string
		names []string
		most  int
	}{{"recipients", c.To, MaxRecipients}, {"mentions", c.Mentions, MaxMentions}, {"messages to forward", c.Forward, MaxForwarded}} {
		if len(list.names) > list.most {
			return fmt.Errorf("%w: a draft names %d %s, where %d are allowed", ErrBody, len(list.names), list.what, list.most)
		}
		for _, name := range list.names {
			if name == "" || len(name) > MaxDraftName || !utf8.ValidString(name) {
				return fmt.Errorf("%w: a draft has a name of no or more than %d bytes", ErrBody, MaxDraftName)
			}
		}
	}
	if c.Lifetime > MaxLifetime {
		return fmt.Errorf("%w: a lifetime of %d s, where %d are allowed", ErrBody, c.Lifetime, uint64(MaxLifetime))
	}
	if err := validateText(c.Subject, c.Text, nil, c.Time); err != nil {
		return err
	}
	return validateFiles(c.Files)
}

func (d Draft) validate() error {
	if d.Content == nil {
		return nil
	}
	return d.Content.Validate()
}

// StandingDraft chooses between two records of one draft: the later one. Of two under one name the one without content
// counts, since what is erased does not come back. It does not matter in which order records meet, nor how often. [HIST-22]
func StandingDraft(a, b Record) Record {
	order := cmp.Or(a.Clock.Compare(b.Clock), a.Device.Compare(b.Device), cmp.Compare(a.Sequence, b.Sequence))
	if goneA, goneB := a.Draft.Content == nil, b.Draft.Content == nil; order == 0 && goneA != goneB {
		if goneA {
			return a
		}
		return b
	}
	if b.Compare(a) > 0 {
		return b
	}
	return a
}
