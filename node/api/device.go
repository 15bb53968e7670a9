package api

import "time"

// DevicesQuery asks for the devices of the own account.
type DevicesQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: in all organizations
}

// Account is the own account in one organization, as the roll has it.
type Account struct {
	Org          string        `json:"org"`
	OrgName      string        `json:"org_name"`
	Member       string        `json:"member"`
	MemberName   string        `json:"member_name"`
	FrozenUntil  time.Time     `json:"frozen_until,omitzero"` // no device is added or barred until then; zero if it is not frozen
	Devices      List[Device]  `json:"devices"`               // in the order in which they were added
	Readmissions List[Waiting] `json:"readmissions"`          // re-admissions of this account by an admin that wait
	Obeys        string        `json:"obeys"`                 // whose bar may have this device remove its data: "recovery-only", "nobody" or a device
	Excluded     *Exclusion    `json:"excluded,omitzero"`     // this device may not act: since when, and by whom
}

// Device is a device of the own account, now or once.
type Device struct {
	Org          string     `json:"org"`
	Device       string     `json:"device"`
	Name         string     `json:"name"` // what people call it; its short id until devices have names
	This         bool       `json:"this"`
	IntroducedBy string     `json:"introduced_by"` // device id; empty for the first, and for what the recovery key added
	LastSeen     *time.Time `json:"last_seen"`     // when this device last heard from it; null if never
	Barred       bool       `json:"barred"`        // it may not act, for whatever reason
	Standing     string     `json:"standing"`      // active, barred, suspended, removed or ended
	Elder        string     `json:"elder"`         // the device next above it in seniority; empty if only the recovery key stands above it
	Since        uint64     `json:"since"`         // position of the roll at which it was added
	BarredBy     string     `json:"barred_by,omitzero"`
	BarredAt     time.Time  `json:"barred_at,omitzero"`
	BarredFrom   uint64     `json:"barred_from,omitzero"` // what it did at this position of the roll and later is void
	Wipe         bool       `json:"wipe,omitzero"`        // it was asked to remove the organization's data

	Parked  *Parked        `json:"parked,omitempty"` // of this device: as in OrgStatus
	Path    Path           `json:"path,omitzero"`    // of another device: how this one reaches it, or did last; absent if it has not since its start
	History *DeviceHistory `json:"history,omitzero"` // of another device: how its history and this one's came in step; absent if they never met
}

// Path is the way between two devices of an account.
type Path string

// The ways there are.
const (
	PathLAN     Path = "lan"     // directly, on one local network
	PathDirect  Path = "direct"  // directly, across networks
	PathRelayed Path = "relayed" // through the rendezvous node, which sees how much and nothing else
)

// DeviceHistory is how the history of another device of the account and this one's came in step since this node was started.
type DeviceHistory struct {
	Equal   time.Time `json:"equal,omitzero"`   // when both had the same records last
	Calling bool      `json:"calling"`          // it goes on now, begun by this device
	Missing uint64    `json:"missing"`          // records that this device lacked, in the exchange that goes on or was last
	Taken   uint64    `json:"taken"`            // of those, how many have come
	Given   uint64    `json:"given"`            // records that the other got
	Pieces  uint64    `json:"pieces,omitzero"`  // chunks of files that have come
	PerSec  float64   `json:"per_sec,omitzero"` // records a second that come, while it goes on
	Left    int64     `json:"left,omitzero"`    // seconds that the rest of the records will take at that

	Waiting  uint64  `json:"waiting,omitzero"`    // records that have come, from any device, and are not checked and taken in yet
	InPerSec float64 `json:"in_per_sec,omitzero"` // records a second that are taken in now
	InLeft   int64   `json:"in_left,omitzero"`    // seconds that those waiting will take at that
}

// Waiting is a re-admission of the own account that somebody asked an admin for.
type Waiting struct {
	Readmission string    `json:"readmission"` // event id, by which it is refused
	By          string    `json:"by"`          // the admin's device, or the root key
	ByName      string    `json:"by_name,omitzero"`
	Device      string    `json:"device"`   // that is to have the account
	Recovery    string    `json:"recovery"` // the key that is to be its recovery key
	Due         time.Time `json:"due"`      // when it can take effect
	Rooted      bool      `json:"rooted"`   // the root key signed: a device that an admin barred cannot refuse
}

// Exclusion says why this device may not act in an organization.
type Exclusion struct {
	// Standing is barred, suspended, removed or ended; or restored: this device has the organization from a backup, and is no device
	// of the account yet, for the reason in Why.
	Standing string    `json:"standing"`
	Why      string    `json:"why,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	By       string    `json:"by,omitzero"`      // who did it: "the recovery key", a device, or a member's name
	Proved   bool      `json:"proved"`           // the roll's entry for it was verified
	WipeAt   time.Time `json:"wipe_at,omitzero"` // when this device removes the organization's data, unless that is cancelled
}

// BarRequest bars devices of the own account. With words the recovery key signs, else this device.
type BarRequest struct {
	Org     string       `json:"org,omitzero"`
	Devices List[string] `json:"devices"`          // ids, ends of ids, "this", or "others" for all active ones but this
	After   *uint64      `json:"after,omitzero"`   // position of the roll from which on what they did is void
	Since   time.Time    `json:"since,omitzero"`   // the same as a time; with neither: from now on
	Keep    List[string] `json:"keep"`             // devices that they introduced since and that stay
	Wipe    bool         `json:"wipe,omitzero"`    // ask them to remove the organization's data
	Words   string       `json:"words,omitzero"`   // the recovery words
	Preview bool         `json:"preview,omitzero"` // say what would happen and sign nothing
}

// BarResult says what bars do, or would do.
type BarResult struct {
	Org      string       `json:"org"`
	Barred   List[string] `json:"barred"`   // the devices named, most senior first
	After    uint64       `json:"after"`    // the position from which on what they did is void; of no meaning if Simple
	Simple   bool         `json:"simple"`   // a device bars itself alone: nothing becomes void
	This     bool         `json:"this"`     // this device ends by it
	Along    List[string] `json:"along"`    // devices that end along with them
	Returned List[string] `json:"returned"` // barred devices that come back
	Voided   List[string] `json:"voided"`   // what they did that becomes void, a line each
	Done     bool         `json:"done"`
}

// FreezeRequest freezes the own account, or ends a freeze with the recovery words.
type FreezeRequest struct {
	Org   string `json:"org,omitzero"`
	Lift  bool   `json:"lift,omitzero"`
	Words string `json:"words,omitzero"` // to lift
}

// FreezeResult says how the account stands.
type FreezeResult struct {
	Org    string    `json:"org"`
	Frozen bool      `json:"frozen"`
	Until  time.Time `json:"until,omitzero"`
}

// RefuseRequest refuses re-admissions of the own account.
type RefuseRequest struct {
	Org         string `json:"org,omitzero"`
	Readmission string `json:"readmission,omitzero"` // id or the start of one; empty: the only one that waits
	Words       string `json:"words,omitzero"`       // let the recovery key refuse instead of this device
}

// RefuseResult names what was refused.
type RefuseResult struct {
	Org         string `json:"org"`
	Readmission string `json:"readmission"`
}

// RecoverRequest uses the recovery words on a device that is in the organization. What is set is done, in this order.
type RecoverRequest struct {
	Org        string       `json:"org,omitzero"`
	Words      string       `json:"words"`
	Order      List[string] `json:"order"`              // a new order of seniority, the most senior first
	CancelWipe List[string] `json:"cancel_wipe"`        // devices that need not remove the organization's data
	NewWords   string       `json:"new_words,omitzero"` // replace the recovery key by that of these words
}

// WordsRequest asks for new recovery words, which count for nothing until a RecoverRequest puts them in the place of others.
type WordsRequest struct{}

// WordsResult is 24 new words. The node keeps them nowhere.
type WordsResult struct {
	RecoveryWords List[string] `json:"recovery_words"`
}

// RecoverResult answers RecoverRequest.
type RecoverResult struct {
	Org           string       `json:"org"`
	Order         List[string] `json:"order"`
	CancelledWipe List[string] `json:"cancelled_wipe"`
	Replaced      bool         `json:"replaced"`      // the new words count, and the old ones no more
	Card          string       `json:"card,omitzero"` // to keep beside the words that count
}

// ReturnRequest makes this computer a device of an account again, with the recovery words and the card.
type ReturnRequest struct {
	Card  string       `json:"card"`
	Words string       `json:"words"`
	Bar   List[string] `json:"bar"`            // devices to bar in the same step, or "all"
	Since time.Time    `json:"since,omitzero"` // what they did since then is void
	First bool         `json:"first,omitzero"` // this device becomes the most senior one
}

// ReturnResult answers ReturnRequest once the account is usable by the next request.
type ReturnResult struct {
	Org     string       `json:"org"`
	OrgName string       `json:"org_name"`
	Member  string       `json:"member"`
	Name    string       `json:"name"` // the member's
	Device  string       `json:"device"`
	Others  List[string] `json:"others"` // the account's other active devices
	Barred  List[string] `json:"barred"` // by this step
	Card    string       `json:"card"`
	Already bool         `json:"already"` // this computer was a device of the account before
}

// LostRequest asks for the re-admission of somebody who lost devices and words.
type LostRequest struct {
	Card string `json:"card"`
	As   string `json:"as"` // the member's name
}

// LostResult is the request that an admin needs.
type LostResult struct {
	Org           string       `json:"org"`
	Device        string       `json:"device"`
	Request       string       `json:"request"` // the line "muster:again/…"; no secret
	Code          string       `json:"code"`    // to compare with the admin
	Card          string       `json:"card"`
	RecoveryWords List[string] `json:"recovery_words"` // new ones, shown this once
}

// Application is a request for re-admission that waits.
type Application struct {
	Org     string    `json:"org"`
	Name    string    `json:"name"`
	Device  string    `json:"device"`
	Request string    `json:"request"`
	Code    string    `json:"code"`
	State   string    `json:"state"`        // "asked": no admin has signed it yet; "waiting": for its delay; "refused"
	Due     time.Time `json:"due,omitzero"` // when it takes effect
	Since   time.Time `json:"since"`        // when it was made here
}

// Wiped is an organization whose data this device removed.
type Wiped struct {
	Org  string    `json:"org"`
	Time time.Time `json:"time"`
	By   string    `json:"by"` // whose bar it obeyed
}

// WiperRequest chooses whose bar this device obeys when it asks to remove the organization's data.
type WiperRequest struct {
	Org  string `json:"org,omitzero"`
	Obey string `json:"obey"` // "recovery-only", "nobody", or a device of the account; empty: only tell
}

// WiperResult tells whose it is.
type WiperResult struct {
	Org  string `json:"org"`
	Obey string `json:"obey"`
}

// CardResult is a card to print beside the recovery words.
type CardResult struct {
	Org  string `json:"org"`
	Card string `json:"card"`
}
