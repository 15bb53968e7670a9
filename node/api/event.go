package api

import "time"

// EventKind says what happened. The list is append-only; a client skips kinds that it does not know.
type EventKind string

// The kinds of event.
const (
	EventReady        EventKind = "ready"        // the first event: from now on nothing is missed
	EventMessage      EventKind = "message"      // a message was received or sent: Message
	EventIntroduction EventKind = "introduction" // an introduction was received: Message
	EventState        EventKind = "state"        // a sent message got further with a device: Change
	EventContact      EventKind = "contact"      // a contact came to stand differently: Contact
	EventOrg          EventKind = "org"          // the roll or the connection to a rendezvous node changed: Org
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
}

// StateChange is a step of a sent message towards one device.
type StateChange struct {
	ID        string    `json:"id"` // message id
	Recipient Recipient `json:"recipient"`
}

// WatchQuery asks for events.
type WatchQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}
