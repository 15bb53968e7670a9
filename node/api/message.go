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
	// Lock is the id of a Lock with which the text is locked, and every attachment was uploaded; used up by the message.
	Lock     string       `json:"lock,omitzero"`
	Mentions List[string] `json:"mentions"` // whom it mentions, by name or id
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

// AgainRequest sends an own message once more to those who did not get it. [API-57]
type AgainRequest struct {
	Org string `json:"org,omitzero"` // name or id; needed only where ID is in doubt
	ID  string `json:"id"`           // message id, or the start of one, as ReadRequest has it
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
	StateReturned  State = "returned"  // given up, for a StateReason: SendAgain tries once more
	StateRefused   State = "refused"   // this recipient's leave or the rules forbid it
)

// Final reports whether the state does not change any more by itself.
func (s State) Final() bool { return s == StateDelivered || s == StateReturned || s == StateRefused }

// Recipient is how far a message got with one device of a member.
type Recipient struct {
	Member string    `json:"member"`
	Name   string    `json:"name"`
	Device string    `json:"device"` // empty for a recipient who is refused: nothing is addressed to a device then
	State  State     `json:"state"`
	Time   time.Time `json:"time,omitzero"` // since when
	Lack   Lack      `json:"lack,omitzero"` // why it is held
	// Reason is why, of StateReturned and StateRefused; empty if an earlier version noted them.
	Reason StateReason `json:"reason,omitzero"`
	Via    Via         `json:"via,omitzero"` // the way that it went, of StateDelivered
	// Of StateCarried: how many devices were handed it to carry, when the last one was, and when it was last written into a bundle. [API-175] [API-182]
	Carriers int       `json:"carriers,omitzero"`
	Carried  time.Time `json:"carried,omitzero"`
	Bundled  time.Time `json:"bundled,omitzero"`
}

// Via is the way that a message went to a device. [API-173]
type Via string

// The ways.
const (
	ViaNode     Via = "node"
	ViaDirect   Via = "direct"   // straight from device to device
	ViaCarriers Via = "carriers" // other members' devices carried it
	ViaBundle   Via = "bundle"
)

// Lack is what keeps a message that is held from a rendezvous node, as it said itself. It is offered again. [API-13]
type Lack string

// What may be lacking: room, but for the last.
const (
	LackDevice  Lack = "device"  // there is no room for the device
	LackNode    Lack = "node"    // there is none at all, or not for its author
	LackArchive Lack = "archive" // the organization's archive is behind, and messages of archived accounts wait for it
	LackLink    Lack = "link"    // this device's link is metered, and its files are large [API-177]
	LackFault   Lack = "fault"   // the node has a fault that may pass: its disk cannot be written, say
)

// StateReason says why a message was returned or refused. The list is append-only. [API-13]
type StateReason string

// The reasons.
const (
	ReasonTime     StateReason = "time"     // the device did not come in time
	ReasonParked   StateReason = "parked"   // the device stayed away for so long that nothing is kept for it
	ReasonBarred   StateReason = "barred"   // the device may not act any more
	ReasonRemoved  StateReason = "removed"  // the member is none any more
	ReasonUnopened StateReason = "unopened" // the device could not open it
	ReasonErased   StateReason = "erased"   // it was taken back, or its lifetime is over
	ReasonLeft     StateReason = "left"     // the member takes no part there any more
	ReasonLeave    StateReason = "leave"    // the member has not let the sender write
	ReasonRules    StateReason = "rules"    // the rules of the organization forbid it
)

// Undelivered names a recipient who got nothing and says why in one line.
type Undelivered struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Upload is a file that the node has taken in for a message to come. It is kept for a limited time. [API-10]
type Upload struct {
	ID   string `json:"id"`
	Name string `json:"name"` // with .age behind it, if it was locked
	Size int64  `json:"size"` // bytes, as it was stored
}

// Attachment is a file of a message, named by its place in the message's list, from 0.
type Attachment struct {
	Name   string `json:"name"`            // as the sender called it: never a path to be trusted
	Size   int64  `json:"size"`            // bytes
	Locked bool   `json:"locked,omitzero"` // by its name it is an age file
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
	Unconfirmed  Unconfirmed      `json:"unconfirmed,omitzero"` // the roll does not have the author, or the one other whom it is with
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
	Auto         bool             `json:"auto"`               // a program wrote it
	Imported     *Imported        `json:"imported,omitempty"` // it is mail that this account imported: From is who imported it, and Time what the mail says
	Locked       *Locked          `json:"locked,omitempty"`   // its text or a file of it is locked
	Tags         List[string]     `json:"tags"`               // of this account, sorted
	Archived     bool             `json:"archived,omitzero"`  // what is written in its conversation goes to the organization's archive
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

// Bounds of the time that a message's author gives it, before and after it came. [MSH-69]
const (
	longestWay  = 366 * 24 * time.Hour
	clockLeeway = 10 * time.Minute
)

// IsTimeDoubtful reports whether the clock of a message's author cannot have been right: the message was written after it came, or
// longer before than anything waits. Imported mail may be as old as it is.
func (m Message) IsTimeDoubtful() bool {
	return m.Imported == nil && (m.Time.After(m.Received.Add(clockLeeway)) || m.Time.Before(m.Received.Add(-longestWay)))
}
