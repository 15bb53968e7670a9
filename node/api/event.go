package api

import "time"

// EventKind says what happened. The list is append-only; a client skips kinds that it does not know.
type EventKind string

// The kinds of event.
const (
	EventReady        EventKind = "ready"        // the first event: from now on nothing is missed
	EventMessage      EventKind = "message"      // a message was received or sent: Message
	EventIntroduction EventKind = "introduction" // an introduction was received: Message
	EventChange       EventKind = "change"       // a message was edited, deleted, reacted to or seen: Message as it is now
	EventMark         EventKind = "mark"         // messages were marked as read or not, or tagged: Mark
	EventState        EventKind = "state"        // a sent message got further with a device: Change
	EventContact      EventKind = "contact"      // a contact came to stand differently: Contact
	EventOrg          EventKind = "org"          // the roll or the connection to a rendezvous node changed: Org
	EventNotice       EventKind = "notice"       // something that a person is told once about a member: Notice
	EventSkin         EventKind = "skin"         // the skin to be shown is another: GET /v1/skin
	EventPresence     EventKind = "presence"     // a member came, went, or can be seen no more: Presence
	EventTyping       EventKind = "typing"       // a member types to us: Presence, of who
	EventHistory      EventKind = "history"      // other devices of the account gave records: what is shown may be anything else
	EventPairing      EventKind = "pairing"      // a pairing got further: GET /v1/devices/pairing tells how far
	EventMeeting      EventKind = "meeting"      // a meeting got further: GET /v1/nearby tells how far
	EventBackup       EventKind = "backup"       // backups stand otherwise: GET /v1/backup
	EventRestore      EventKind = "restore"      // a restore got further: GET /v1/backup/restore tells how far
	EventAround       EventKind = "around"       // devices came into reach or went out of it: GET /v1/around
	EventLagged       EventKind = "lagged"       // the last event: this watcher was too slow and missed some
)

// Event is one thing that happened. Exactly the field that its kind names is set.
type Event struct {
	Kind    EventKind    `json:"kind"`
	Time    time.Time    `json:"time"`
	Org     string       `json:"org,omitzero"` // organization id
	Message *Message     `json:"message,omitzero"`
	Change  *StateChange `json:"change,omitzero"`
	Contact *Contact     `json:"contact,omitzero"`
	Notice  *Notice      `json:"notice,omitzero"`
	Mark    *Mark        `json:"mark,omitzero"`

	Presence *Presence `json:"presence,omitzero"`
}

// StateChange is a step of a sent message towards one device.
type StateChange struct {
	ID        string    `json:"id"` // message id
	Recipient Recipient `json:"recipient"`
}

// Mark is what was done to messages for this account alone, on whichever of its devices: just one of Read and Tag is set. Of
// many messages there are several events.
type Mark struct {
	IDs     List[string] `json:"ids"`
	Threads List[string] `json:"threads"`       // those that the messages are in
	Read    *bool        `json:"read,omitzero"` // marked as read, or as not read
	Tag     string       `json:"tag,omitzero"`
	Off     bool         `json:"off,omitzero"` // the tag was taken off
}

// WatchQuery asks for events.
type WatchQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}
