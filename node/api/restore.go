package api

import "time"

// RestoreRequest asks for what a backup holds to be brought back to this device.
type RestoreRequest struct {
	From     string       `json:"from"`              // the drive or folder
	Words    string       `json:"words"`             // the 24 recovery words
	Snapshot string       `json:"snapshot,omitzero"` // by its id or the beginning of that; empty: the newest that can be read
	Org      string       `json:"org,omitzero"`      // only this organization, by name or id; empty: all
	Bar      List[string] `json:"bar"`               // devices to bar once this one is of the account, or "all"
	Since    time.Time    `json:"since,omitzero"`    // what those did since then is void
	First    bool         `json:"first,omitzero"`    // this device becomes the most senior one
}

// RestoreState is how far a restore is. The list is append-only.
type RestoreState string

// The states.
const (
	RestoreNone     RestoreState = "none"     // there is none, and was none since the node started
	RestoreReading  RestoreState = "reading"  // the backup is opened
	RestoreTaking   RestoreState = "taking"   // records and files are taken in
	RestoreEntering RestoreState = "entering" // this device is being added to the account
	RestoreDone     RestoreState = "done"     // what Orgs says is so
	RestoreFailed   RestoreState = "failed"   // Error says why
)

// RestoredOrg is what a restore came to in one organization.
type RestoredOrg struct {
	Org    string `json:"org"`
	Name   string `json:"name"`
	Member string `json:"member"`
	Device string `json:"device"` // this device there, empty if it has none
	// State is "entered": this device is one of the account; "waiting": it becomes one by itself as soon as the rendezvous node is
	// reached, and until then reads alone; "refused": it does not by itself, as Why says; "missing": nothing came back.
	State    string            `json:"state"`
	Why      string            `json:"why,omitzero"`
	Records  uint64            `json:"records"`  // that were taken in
	Messages uint64            `json:"messages"` // of those
	Set      uint64            `json:"set"`      // records set aside until the roll is here, to be checked against it
	Refused  List[RefusedItem] `json:"refused"`  // what is not shown as genuine
	Files    uint64            `json:"files"`    // that are whole
	Lacking  List[string]      `json:"lacking"`  // files of which pieces are lacking, up to 100, for people
	Barred   List[string]      `json:"barred"`   // devices, by this step
	Others   List[string]      `json:"others"`   // the account's other active devices
	Card     string            `json:"card,omitzero"`
}

// RefusedItem says why records of a backup were not taken in, and how many.
type RefusedItem struct {
	Why   string `json:"why"`
	Count uint64 `json:"count"`
}

// Restore is the restore that is under way, or was last.
type Restore struct {
	State    RestoreState      `json:"state"`
	Snapshot string            `json:"snapshot,omitzero"`
	Time     time.Time         `json:"time,omitzero"` // when the snapshot was made
	Read     uint64            `json:"read"`          // bytes of records and files so far
	Total    uint64            `json:"total"`         // bytes in all, as far as it is known; 0: it is not
	Orgs     List[RestoredOrg] `json:"orgs"`
	Damage   List[string]      `json:"damage"` // what of the backup cannot be read, for people
	Error    *Error            `json:"error,omitzero"`
	Version  uint64            `json:"version"` // grows with each change
}

// Over reports whether nothing more comes of it.
func (r Restore) Over() bool {
	return r.State == RestoreNone || r.State == RestoreDone || r.State == RestoreFailed
}

// RestoreQuery asks how far a restore is.
type RestoreQuery struct {
	After uint64 // the version that is known: the answer waits for a later one, for up to 20 seconds
}
