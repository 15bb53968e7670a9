package api

import "time"

// Draft is a message that was not sent yet, kept on all own devices. [API-51]
type Draft struct {
	ID       string       `json:"id,omitzero"` // empty: a new one
	Org      string       `json:"org,omitzero"`
	OrgName  string       `json:"org_name,omitzero"`
	To       List[string] `json:"to"` // as in SendRequest; what they stand for is looked at when it is sent
	Subject  string       `json:"subject,omitzero"`
	Text     string       `json:"text"`
	Reply    string       `json:"reply,omitzero"`  // the message that it answers
	Thread   string       `json:"thread,omitzero"` // of Reply
	Mentions List[string] `json:"mentions"`
	Forward  List[string] `json:"forward"`
	// ForwardThreads and Expires are as in SendRequest.
	ForwardThreads bool  `json:"forward_threads,omitzero"`
	Expires        int64 `json:"expires,omitzero"`
	// Attachments are uploads on this device. Another device shows their names, without an id, and cannot send them; it
	// keeps them when it saves the draft.
	Attachments List[Upload] `json:"attachments"`
	// Uploads are those that were begun for the draft on this device and are not among the attachments: most are not complete.
	// They are shown alone: saving a draft changes nothing of them.
	Uploads List[Partial] `json:"uploads"`
	Time    time.Time     `json:"time,omitzero"` // when it was saved
}

// MaxDrafts is the number of drafts that an organization has at most.
const MaxDrafts = 256

// DraftsQuery asks for drafts, the newest first.
type DraftsQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
	ID  string `json:"id,omitzero"`  // only this one
}

// DropDraftRequest removes a draft. One that is gone already is no error.
type DropDraftRequest struct {
	Org string `json:"org,omitzero"`
	ID  string `json:"id"`
}

// DropDraftResult answers DropDraftRequest.
type DropDraftResult struct {
	ID      string `json:"id"`
	Already bool   `json:"already"` // it was gone
}

// UndoRequest takes a message back that was sent with a delay which is not over, or a deletion that waits. Nobody has heard
// of either.
type UndoRequest struct {
	Org string `json:"org,omitzero"`
	ID  string `json:"id"` // the message
}

// UndoResult says what there is to go on with.
type UndoResult struct {
	Draft   *Draft   `json:"draft,omitempty"`   // what the message said, saved as a draft
	Message *Message `json:"message,omitempty"` // the message that is not deleted
}

// MaxUndo is the longest delay of a message or deletion in seconds.
const MaxUndo = 60
