package api

import "time"

// LossesQuery asks what did not get where it was sent.
type LossesQuery struct {
	Org string `json:"org,omitzero"` // name or id; needed only where there is more than one
}

// Losses are what is known to be missing here, and what was sent from here in vain. [API-56]
type Losses struct {
	Gaps     List[Gap]      `json:"gaps"`     // the longest open one first
	Returned List[Returned] `json:"returned"` // the newest message first, at most MaxReturned
	More     bool           `json:"more"`     // there are older ones than Returned has
}

// MaxReturned is how many messages Losses lists that came back.
const MaxReturned = 50

// Gap is what one device sent to one conversation and this device has not.
type Gap struct {
	Author       Person       `json:"author"` // whose device it is
	Device       string       `json:"device"`
	Conversation string       `json:"conversation"`
	People       List[Person] `json:"people"` // of the conversation, without this account; none of a group, or if it is not known here
	Group        *GroupName   `json:"group,omitempty"`
	Guest        *Person      `json:"guest,omitempty"`
	// Missing counts pieces: messages, parts of files, changes to messages.
	Missing uint64    `json:"missing"`
	Gone    uint64    `json:"gone,omitempty"` // of these nothing is left, its author answered
	Since   time.Time `json:"since,omitzero"` // when this device noticed; zero if an earlier version did
	// State is "offered": the device that wrote them keeps them, and offers them again by itself until Until at the latest;
	// "asked": it was asked for them besides; "gone": it answered that nothing is left of them, or they were taken back; "over": that time
	// has passed, and their author was told; "ended": that device may not act any more, and offers nothing.
	State string    `json:"state"`
	Until time.Time `json:"until,omitzero"`
}

// Returned is an own message that some members got on none of their devices.
type Returned struct {
	ID           string           `json:"id"`
	Thread       string           `json:"thread"`
	Conversation string           `json:"conversation"`
	People       List[Person]     `json:"people"` // of the conversation, without this account; none of a group
	Group        *GroupName       `json:"group,omitempty"`
	Guest        *Person          `json:"guest,omitempty"`
	Subject      string           `json:"subject"`
	Snippet      string           `json:"snippet"` // beginning of its text: one line, at most 160 characters
	Time         time.Time        `json:"time"`    // when it was written
	To           List[ReturnedTo] `json:"to"`      // who got nothing
}

// ReturnedTo is a member who got a message on no device.
type ReturnedTo struct {
	Person
	State State `json:"state"` // StateReturned or StateRefused
	// Reason is why, of one of the devices.
	Reason StateReason `json:"reason,omitzero"`
	Since  time.Time   `json:"since"`         // when the last of the devices was given up
	Gone   bool        `json:"gone,omitzero"` // may not act in the organization any more: sending again is of no use
}
