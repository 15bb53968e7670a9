package api

import "time"

// SendRequest sends one message.
type SendRequest struct {
	Org         string       `json:"org,omitzero"` // name or id; needed only where To alone is in doubt
	To          List[string] `json:"to"`           // each a name, name@org or member id
	Subject     string       `json:"subject,omitzero"`
	Text        string       `json:"text"`
	Reply       string       `json:"reply,omitzero"` // the message that this one answers
	Attachments List[string] `json:"attachments"`    // ids of uploads, in the order to show; used up by the message
	Mentions    List[string] `json:"mentions"`       // whom it mentions, by name or id
	// Expires is after how many seconds every device removes it; 0: as the settings say.
	Expires int64 `json:"expires,omitzero"`
	// Forward are messages to show along with this one, and ForwardThreads says to show the whole thread of each.
	Forward        List[string] `json:"forward"`
	ForwardThreads bool         `json:"forward_threads,omitzero"`
	// Undo is for how many seconds the message stays here, so that it can be taken back without anybody having heard of it.
	Undo int `json:"undo,omitzero"`
	// Draft is what the message was written as: it goes when the message is saved.
	Draft string `json:"draft,omitzero"`
}

// SendResult answers SendRequest once the message is saved: what was not delivered yet is delivered later. If every
// recipient is refused, nothing is sent and the facade returns an Error of CodeRefused instead.
type SendResult struct {
	ID           string            `json:"id"`
	Conversation string            `json:"conversation"`
	Recipients   List[Recipient]   `json:"recipients"`
	Refused      List[Undelivered] `json:"refused"`  // recipients that nothing can be sent to, with the reason
	Warnings     List[string]      `json:"warnings"` // recipients whose verification does not stand any more, and what changed
	Delivery     List[Progress]    `json:"delivery"` // by member
}

// State says how far a message got on its way to one device. [API-13]
type State string

// The states of a message for one device of a recipient.
const (
	StateHeld      State = "held"      // kept here until a way opens
	StateQueued    State = "queued"    // durable at a rendezvous node
	StateCarried   State = "carried"   // handed to a carrier
	StateDelivered State = "delivered" // opened and saved by the device
	StateReturned  State = "returned"  // given up: not delivered in the policy's time
	StateRefused   State = "refused"   // this recipient's leave or the rules forbid it
)

// Final reports whether the state cannot change any more.
func (s State) Final() bool { return s == StateDelivered || s == StateReturned || s == StateRefused }

// Recipient is how far a message got with one device of a member.
type Recipient struct {
	Member string    `json:"member"`
	Name   string    `json:"name"`
	Device string    `json:"device"` // empty for a recipient who is refused: nothing is addressed to a device then
	State  State     `json:"state"`
	Time   time.Time `json:"time,omitzero"` // since when
}

// Undelivered names a recipient who got nothing and says why in one line.
type Undelivered struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Upload is a file that the node has taken in for a message to come. It is kept for a limited time. [API-10]
type Upload struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Attachment is a file of a message, named by its place in the message's list, from 0.
type Attachment struct {
	Name string `json:"name"` // as the sender called it: never a path to be trusted
	Size int64  `json:"size"` // bytes
}

// MessageKind tells a message from an introduction.
type MessageKind string

// The kinds of message.
const (
	KindMessage      MessageKind = "message"
	KindIntroduction MessageKind = "introduction"
	KindInvitation   MessageKind = "invitation" // to a group, whose id it has
	KindReport       MessageKind = "report"     // what a member shows to moderators or admins is in Forwarded
)

// Message is a received or sent message as it is listed and read.
type Message struct {
	ID           string           `json:"id"`
	Org          string           `json:"org"`
	OrgName      string           `json:"org_name"`
	Kind         MessageKind      `json:"kind"`
	Conversation string           `json:"conversation"`
	Thread       string           `json:"thread"` // id of the message that began it
	Reply        string           `json:"reply,omitzero"`
	From         string           `json:"from"`        // the author's name
	FromMember   string           `json:"from_member"` // the author's member id
	FromDevice   string           `json:"from_device"`
	To           List[Person]     `json:"to"`
	Group        *GroupName       `json:"group,omitempty"` // of a message to a group, which is to nobody else
	Guest        *Person          `json:"guest,omitempty"` // of a message between a guest and the desks
	Added        List[Person]     `json:"added"`           // who is in the conversation from this message on
	Subject      string           `json:"subject"`
	Text         string           `json:"text"`
	Time         time.Time        `json:"time"`     // the author's clock
	Received     time.Time        `json:"received"` // this node's clock
	Unread       bool             `json:"unread"`
	Hidden       bool             `json:"hidden,omitzero"` // its author is blocked: shown on demand only
	Sent         bool             `json:"sent"`            // written by this account
	Attachments  List[Attachment] `json:"attachments"`
	States       List[Recipient]  `json:"states"` // of a sent message, when it is read; else empty
	Delivery     List[Progress]   `json:"delivery"`
	Seen         List[Sighting]   `json:"seen"` // of a sent message: who read it and says so
	Mentions     List[Person]     `json:"mentions"`
	Mentioned    bool             `json:"mentioned"`       // it mentions this account
	Edited       time.Time        `json:"edited,omitzero"` // when its author gave it the text that is shown
	Versions     List[Version]    `json:"versions"`        // its earlier texts, when it is read
	Deleted      bool             `json:"deleted"`         // its author took it back: nothing of it is here
	Expires      time.Time        `json:"expires,omitzero"`
	Reactions    List[Reaction]   `json:"reactions"`
	Forwarded    List[Forwarded]  `json:"forwarded"`
	Auto         bool             `json:"auto"` // a program wrote it
	Tags         List[string]     `json:"tags"` // of this account, sorted
	// Undo is until when the message, or its deletion, can be taken back.
	Undo time.Time `json:"undo,omitzero"`
}

// GroupName is a group by name and id.
type GroupName struct {
	Group string `json:"group"`
	Name  string `json:"name"`
}

// Person is a member by name and id.
type Person struct {
	Member string `json:"member"`
	Name   string `json:"name"`
}

// InboxQuery asks for one page of received messages and introductions, oldest first, read or not.
type InboxQuery struct {
	Org    string `json:"org,omitzero"`    // name or id; empty: of all organizations
	Cursor string `json:"cursor,omitzero"` // InboxPage.Next of the page before; empty: from the start
	Hidden bool   `json:"hidden,omitzero"` // also what blocked members wrote in groups
	Limit  int    `json:"limit,omitzero"`  // at most so many; 0 or too many: MaxPage
}

// MaxPage is the most messages in a page of the inbox.
const MaxPage = 200

// InboxPage is a page of the inbox. The pages of one walk hold each message at most once.
type InboxPage struct {
	Messages List[Message] `json:"messages"`
	Next     string        `json:"next"` // cursor of the next page; empty after the last
	// Warnings and Notices are of the first page alone: verifications that do not stand any more, and what nobody was told
	// yet. Whoever asks is told.
	Warnings List[string] `json:"warnings"`
	Notices  List[Notice] `json:"notices"`
}

// ReadRequest reads one message, received or sent, and marks it read.
type ReadRequest struct {
	Org string `json:"org,omitzero"` // name or id; needed only where ID is in doubt
	ID  string `json:"id"`           // message id or the start of one, at least eight characters, that fits one message
	// Hidden asks for what a blocked member wrote, too: without it, of such a message only that it is there is shown, and it
	// stays unread.
	Hidden bool `json:"hidden,omitzero"`
}
