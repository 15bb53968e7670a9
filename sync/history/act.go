package history

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Edit is a new text of a message, by the member who wrote it: subject, text and mentions take the place of the old ones as
// they stand here. [HIST-14]
type Edit struct {
	Message  keys.MessageID  `cbor:"1,keyasint"`
	Subject  string          `cbor:"2,keyasint,omitempty"`
	Text     string          `cbor:"3,keyasint"`
	Mentions []keys.MemberID `cbor:"4,keyasint,omitempty"`
	Time     int64           `cbor:"5,keyasint"` // the author's clock, unix milliseconds
}

// Delete takes messages back, by the member who wrote them: every device erases what they said. [HIST-14]
type Delete struct {
	Messages []keys.MessageID `cbor:"1,keyasint"`
	Time     int64            `cbor:"2,keyasint"`
}

// Reaction is a sign that a member sets beside a message, or takes off. [HIST-14]
type Reaction struct {
	Message keys.MessageID `cbor:"1,keyasint"`
	Emoji   string         `cbor:"2,keyasint"`
	Off     bool           `cbor:"3,keyasint,omitempty"`
	Time    int64          `cbor:"4,keyasint"`
}

// Seen says that a member has read messages: a read receipt. [HIST-14]
type Seen struct {
	Messages []keys.MessageID `cbor:"1,keyasint"`
	Time     int64            `cbor:"2,keyasint"`
}

// Action is an act as it is folded: who acted where, and what by. Just one of Edit, Delete, Reaction and Seen is set.
type Action struct {
	Act
	Edit     *Edit
	Delete   *Delete
	Reaction *Reaction
	Seen     *Seen
}

// IsAct reports whether a body of this kind acts on messages.
func (k Kind) IsAct() bool { return k >= KindEdit && k <= KindSeen }

// Open reads the body of an act, which must not be erased. Errors wrap ErrBody. [HIST-14]
func (a Act) Open() (Action, error) {
	action := Action{Act: a}
	var err error
	switch a.Kind {
	case KindEdit:
		action.Edit, err = decodeBody[Edit](a.Body)
	case KindDelete:
		action.Delete, err = decodeBody[Delete](a.Body)
	case KindReaction:
		action.Reaction, err = decodeBody[Reaction](a.Body)
	case KindSeen:
		action.Seen, err = decodeBody[Seen](a.Body)
	default:
		err = fmt.Errorf("%w: a body of kind %d does not act on messages", ErrBody, a.Kind)
	}
	return action, err
}

// Messages returns the messages that the act is about.
func (a Action) Messages() []keys.MessageID {
	switch {
	case a.Edit != nil:
		return []keys.MessageID{a.Edit.Message}
	case a.Delete != nil:
		return a.Delete.Messages
	case a.Reaction != nil:
		return []keys.MessageID{a.Reaction.Message}
	case a.Seen != nil:
		return a.Seen.Messages
	}
	return nil
}

// Time returns when its author says to have acted, unix milliseconds.
func (a Action) Time() int64 {
	switch {
	case a.Edit != nil:
		return a.Edit.Time
	case a.Delete != nil:
		return a.Delete.Time
	case a.Reaction != nil:
		return a.Reaction.Time
	case a.Seen != nil:
		return a.Seen.Time
	}
	return 0
}

// decodeBody reads a body of one of the kinds that act on messages, and checks it against the caps.
func decodeBody[B interface{ Validate() error }](data []byte) (*B, error) {
	var body B
	if err := wire.Decode(data, &body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if err := body.Validate(); err != nil {
		return nil, err
	}
	return &body, nil
}

// Validate checks an edit against the caps of a text. Errors wrap ErrBody. [HIST-14]
func (e Edit) Validate() error { return validateText(e.Subject, e.Text, e.Mentions, e.Time) }

// Validate checks the number of messages and the time. Errors wrap ErrBody. [HIST-14]
func (d Delete) Validate() error { return validateMessages(d.Messages, MaxDeleted, d.Time) }

// Validate checks the number of messages and the time. Errors wrap ErrBody. [HIST-14]
func (s Seen) Validate() error { return validateMessages(s.Messages, MaxSeen, s.Time) }

// Validate checks that a reaction is a short text that shows as what it is. Errors wrap ErrBody. [HIST-14]
func (r Reaction) Validate() error {
	if r.Emoji == "" || len(r.Emoji) > MaxEmoji || !utf8.ValidString(r.Emoji) || strings.ContainsFunc(r.Emoji, hidden) {
		return fmt.Errorf("%w: %q is no reaction of 1 to %d bytes", ErrBody, r.Emoji, MaxEmoji)
	}
	return validateTime(r.Time)
}

func validateMessages(messages []keys.MessageID, most int, time int64) error {
	if len(messages) == 0 || len(messages) > most || !distinct(messages) {
		return fmt.Errorf("%w: it names %d messages, or one twice, where 1 to %d are allowed", ErrBody, len(messages), most)
	}
	return validateTime(time)
}
