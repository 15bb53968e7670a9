package api

import "time"

// ThreadsQuery asks for a page of threads: the one with the newest message first.
type ThreadsQuery struct {
	Org          string `json:"org,omitzero"`          // name or id; needed only where there is more than one
	Conversation string `json:"conversation,omitzero"` // id; empty: of all conversations
	Unread       bool   `json:"unread,omitzero"`       // only threads with a message that was not read
	Tag          string `json:"tag,omitzero"`          // only threads with a message that bears this tag
	Sent         bool   `json:"sent,omitzero"`         // only threads in which this account wrote
	Reports      bool   `json:"reports,omitzero"`      // only reports: what members showed to moderators or admins
	Cursor       string `json:"cursor,omitzero"`       // ThreadsPage.Next of the page before; empty: from the newest
	Limit        int    `json:"limit,omitzero"`        // at most so many; 0 or too many: MaxPage
}

// ThreadsPage is a page of threads. A thread that gets a message while pages are turned moves to the front, and may be
// missed by who turns on: an EventMessage says so.
type ThreadsPage struct {
	Threads List[Thread] `json:"threads"`
	Next    string       `json:"next"` // cursor of the next page; empty after the last
}

// Thread is a thread as it is listed. [API-50]
type Thread struct {
	Org          string       `json:"org"`
	OrgName      string       `json:"org_name"`
	Thread       string       `json:"thread"` // id of the message that began it, or, if it began elsewhere, of its first one
	Conversation string       `json:"conversation"`
	Subject      string       `json:"subject"`         // of its earliest message that is here and has one
	People       List[Person] `json:"people"`          // of the conversation, without this account; none of a group
	Group        *GroupName   `json:"group,omitempty"` // of a thread in a group
	Guest        *Person      `json:"guest,omitempty"` // of a thread between a guest and the desks
	From         string       `json:"from"`            // author of the newest message
	FromMember   string       `json:"from_member"`
	Imported     *Imported    `json:"imported,omitempty"` // the newest message is imported mail
	Sent         bool         `json:"sent"`               // this account wrote the newest message
	Snippet      string       `json:"snippet"`            // beginning of the newest message's text: one line, at most 160 characters; empty if it is locked
	Locked       bool         `json:"locked,omitzero"`    // the newest message's text or a file of it is locked
	Time         time.Time    `json:"time"`               // of the newest message, by this node's clock
	Messages     int          `json:"messages"`           // how many are here
	Unread       int          `json:"unread"`
	Mentioned    bool         `json:"mentioned"`         // an unread message mentions this account
	Attachments  bool         `json:"attachments"`       // a message has files
	Returned     bool         `json:"returned"`          // an own message was returned or refused for somebody
	Tags         List[string] `json:"tags"`              // of its messages, sorted
	Archived     bool         `json:"archived,omitzero"` // what is written in its conversation goes to the organization's archive
}

// ThreadQuery asks for messages of one thread, by default the newest. Of Before, After and Around one alone is given.
type ThreadQuery struct {
	Org    string `json:"org,omitzero"`    // name or id; needed only where Thread is in doubt
	Thread string `json:"thread"`          // id of the thread or of a message in it, or the start of one
	Before string `json:"before,omitzero"` // ThreadPage.Earlier of the page shown: the page before it
	After  string `json:"after,omitzero"`  // ThreadPage.Later of the page shown: the page behind it
	// Around is the id of a message of the thread, or the start of one: the page has it in its middle, or is the newest one
	// where that has it.
	Around string `json:"around,omitzero"`
	Limit  int    `json:"limit,omitzero"`  // at most so many; 0 or too many: MaxPage
	Hidden bool   `json:"hidden,omitzero"` // also what blocked members wrote
}

// ThreadPage is a part of a thread.
type ThreadPage struct {
	Thread   Thread        `json:"thread"`
	Messages List[Message] `json:"messages"` // sent and received, oldest first
	Earlier  string        `json:"earlier"`  // what ThreadQuery.Before takes for the page before; empty before the first
	Later    string        `json:"later"`    // what ThreadQuery.After takes for the page behind; empty behind the newest
	Hidden   int           `json:"hidden"`   // how many messages of blocked members this page leaves out
	// MayWrite says whether this account may answer here, Why why not.
	MayWrite bool   `json:"may_write"`
	Why      string `json:"why,omitzero"`
}

// ConversationsQuery asks for conversations, the one with the newest message first.
type ConversationsQuery struct {
	Org string `json:"org,omitzero"` // name or id; needed only where there is more than one
}

// Conversation is a place in which people write to each other, and how this account stands to it. [API-50]
type Conversation struct {
	Org          string       `json:"org"`
	OrgName      string       `json:"org_name"`
	Conversation string       `json:"conversation"`
	People       List[Person] `json:"people"` // without this account; none of a group
	Group        *GroupName   `json:"group,omitempty"`
	Guest        *Person      `json:"guest,omitempty"`
	Time         time.Time    `json:"time"` // of the newest message, by this node's clock
	Threads      int          `json:"threads"`
	Messages     int          `json:"messages"`
	Unread       int          `json:"unread"`
	Mentioned    bool         `json:"mentioned"`
	MayWrite     bool         `json:"may_write"`
	Archived     bool         `json:"archived,omitzero"` // what is written there goes to the organization's archive
	Why          string       `json:"why,omitzero"`      // why not
}

// MarkRequest marks messages as read, or as not read. What is so already is no error.
type MarkRequest struct {
	Org     string       `json:"org,omitzero"`
	IDs     List[string] `json:"ids"`             // messages
	Threads List[string] `json:"threads"`         // all messages of these but hidden ones; of Unread the newest received one
	Unread  bool         `json:"unread,omitzero"` // mark as not read
}

// Marked says how many messages changed.
type Marked struct {
	Changed int `json:"changed"`
}

// TagRequest puts a tag on messages, or takes it off, on all own devices. Nobody else is told.
type TagRequest struct {
	Org     string       `json:"org,omitzero"`
	IDs     List[string] `json:"ids"`     // messages
	Threads List[string] `json:"threads"` // all messages of these but hidden ones
	Tag     string       `json:"tag"`     // one line of at most 64 characters, compared without regard to case
	Off     bool         `json:"off,omitzero"`
}

// TagsQuery asks for the tags of an organization.
type TagsQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}

// Tag is a tag that some message bears.
type Tag struct {
	Org      string `json:"org"`
	Tag      string `json:"tag"`
	Messages int    `json:"messages"`
}
