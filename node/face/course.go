package face

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/node/agreement"
)

// Purpose keeps codes of a meeting apart from all others. [FACE-2]
var Purpose = agreement.Purpose{Domain: keys.DomainMeeting, Host: "host", Visitor: "visitor"}

// Kind is what two people meet for.
type Kind string

// The kinds.
const (
	Invite   Kind = "invitation" // the host gives one
	Exchange Kind = "card"       // both give their cards
)

// step is who says what.
type step struct {
	side Side
	turn turn
}

// courses are what is said in which order. Either side may say no instead at its turn. [FACE-4]
var courses = map[Kind][]step{
	Invite: {{Host, invitation}, {Visitor, yes}, {Host, link}, {Visitor, done}},
	Exchange: {
		{Host, card}, {Visitor, card}, {Visitor, yes}, {Host, yes}, {Visitor, grant}, {Host, grant}, {Visitor, done},
	},
}

// Course is one side of what is said after the agreement.
type Course struct {
	side    Side
	channel *agreement.Channel
	kind    Kind // empty: the visitor has not heard yet
	at      int  // steps that are over
	over    bool
	joined  bool // a join was given: the roll can be asked for
	asked   bool // and a piece of it is
}

// NewHost begins what a host has to say.
func NewHost(channel *agreement.Channel, kind Kind) *Course {
	return &Course{side: Host, channel: channel, kind: kind}
}

// NewVisitor begins what a visitor hears: for what one meets, it hears first.
func NewVisitor(channel *agreement.Channel) *Course { return &Course{side: Visitor, channel: channel} }

// Kind returns what the two meet for; empty before a visitor has heard it.
func (c *Course) Kind() Kind { return c.kind }

// Channel returns what the course is said by.
func (c *Course) Channel() *agreement.Channel { return c.channel }

// Side returns whose side it is.
func (c *Course) Side() Side { return c.side }

// Over reports whether nothing more is to be said.
func (c *Course) Over() bool {
	return c.over || c.kind != "" && !c.joined && c.at == len(courses[c.kind])
}

// isDue reports whether a message is what a side is to say now. Who was invited may give the join in the place of done.
func (c *Course) isDue(by Side, m Message) bool {
	kind := m.kind()
	if c.joined {
		return kind == ask && by == Visitor && !c.asked || kind == piece && by == Host && c.asked
	}
	next := courses[c.kind][c.at]
	if c.kind == Invite && kind == join {
		kind = done
	}
	return next == step{by, kind}
}

// pass notes that a message was said.
func (c *Course) pass(m Message) {
	switch m.kind() {
	case ask, piece:
		c.asked = !c.asked
		return
	case join:
		c.joined = true
	}
	c.at++
}

// Say returns the frame of the next message. It panics if that is not due from this side, which is a fault of the program and
// nothing that a peer can cause; a No is always due.
func (c *Course) Say(m Message) []byte {
	if m.kind() == no {
		c.over = true
	} else {
		if c.Over() || c.kind == "" || !c.isDue(c.side, m) {
			panic(fmt.Sprintf("face: message %d is not due", m.kind()))
		}
		c.pass(m)
	}
	return c.channel.Seal(encode(m))
}

// Hear reads the frame of the other side's next message. After an error the conversation is over: a *NoError if the other side says
// so, ErrFrame or ErrSealed if it breaks the protocol.
func (c *Course) Hear(data []byte) (Message, error) {
	m, err := c.hear(data)
	if err != nil {
		c.over = true
	}
	return m, err
}

func (c *Course) hear(data []byte) (Message, error) {
	if c.Over() {
		return Message{}, frameError("something is said after the end")
	}
	plain, err := c.channel.Open(data)
	if err != nil {
		return Message{}, err
	}
	m, err := decode(plain)
	if err != nil {
		return Message{}, err
	}
	if m.No != nil {
		return Message{}, &NoError{m.No.Reason}
	}
	if c.kind == "" {
		for kind, steps := range courses {
			if steps[0] == (step{Host, m.kind()}) {
				c.kind = kind
			}
		}
	}
	if c.kind == "" || !c.isDue(c.side.Other(), m) {
		return Message{}, frameError("a message out of order")
	}
	c.pass(m)
	return m, nil
}
