package api

import "time"

// AdminQuery asks for what an admin looks at. Every member may look: the roll is for all of them.
type AdminQuery struct {
	Org string `json:"org,omitzero"` // name or id; may be empty if there is only one
	All bool   `json:"all,omitzero"` // members: removed ones too; invitations: used up and expired ones too
}

// AdminMember is an account as the roll has it.
type AdminMember struct {
	Member       string                   `json:"member"`
	Name         string                   `json:"name"`
	Formerly     List[string]             `json:"formerly"` // earlier names, oldest first
	Role         string                   `json:"role"`
	Joined       time.Time                `json:"joined"`
	InvitedBy    Person                   `json:"invited_by,omitzero"` // none for the founder
	Suspended    bool                     `json:"suspended"`
	Removed      bool                     `json:"removed"`
	FrozenUntil  time.Time                `json:"frozen_until,omitzero"` // if the account is frozen now
	Devices      List[AdminDevice]        `json:"devices"`               // in the order in which they were added
	Readmissions List[WaitingReadmission] `json:"readmissions"`          // that wait for their delay
}

// AdminDevice is a device that an account has or had.
type AdminDevice struct {
	Device       string    `json:"device"`
	Standing     string    `json:"standing"` // active, barred, suspended, removed or ended
	Added        time.Time `json:"added"`
	IntroducedBy string    `json:"introduced_by,omitzero"` // a device; none for the first and for what the recovery key added
	Barred       time.Time `json:"barred,omitzero"`
	BarredBy     string    `json:"barred_by,omitzero"` // the key that signed the last bar of this very device
}

// WaitingReadmission is a re-admission that waits.
type WaitingReadmission struct {
	ID     string    `json:"id"`
	Device string    `json:"device"` // that the account would go to
	By     string    `json:"by"`     // the key that signed
	Due    time.Time `json:"due"`    // from then on the new device can enter
	Rooted bool      `json:"rooted"` // the root key signed it too
}

// AdminInvitation is an invitation on the roll.
type AdminInvitation struct {
	Key     string    `json:"key"`
	Role    string    `json:"role"`
	Name    string    `json:"name,omitzero"` // that the joiner must take
	Uses    uint64    `json:"uses"`
	Used    uint64    `json:"used"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	By      Person    `json:"by"`
	Apply   bool      `json:"apply"`        // one applies by it
	Open    bool      `json:"open"`         // somebody may still join by it
	Why     string    `json:"why,omitzero"` // if not Open
	// State is active or over for one on the roll, and waiting or refused for one that this device made and that is not there.
	State InvitationState `json:"state"`
}

// Decision is what an admin can do to a member.
type Decision string

// The decisions.
const (
	DecideRole      Decision = "role"
	DecideSuspend   Decision = "suspend"
	DecideReinstate Decision = "reinstate"
	DecideRemove    Decision = "remove"
	DecideRename    Decision = "rename"
	DecideBar       Decision = "bar"     // Device
	DecideRevoke    Decision = "revoke"  // Key
	DecideReadmit   Decision = "readmit" // Request
)

// DecideRequest puts a decision of an admin, or of the root key, on the roll. What is so already is no error. [API-14]
type DecideRequest struct {
	Org       string   `json:"org,omitzero"` // name or id; needed only where Member alone is in doubt
	Do        Decision `json:"do"`
	Member    string   `json:"member,omitzero"`     // name, name@org or member id; may be this account itself
	Role      string   `json:"role,omitzero"`       // DecideRole
	Name      string   `json:"name,omitzero"`       // DecideRename
	Device    string   `json:"device,omitzero"`     // DecideBar: a device's id, or at least the last eight characters of it
	Key       string   `json:"key,omitzero"`        // DecideRevoke: an invitation's key, or the last eight characters, or its link
	Request   string   `json:"request,omitzero"`    // DecideReadmit: the line "muster:again/…"
	Check     bool     `json:"check,omitzero"`      // decide nothing: say only what it would be, or why it may not
	RootWords string   `json:"root_words,omitzero"` // the root key signs in place of this device; kept nowhere
}

// DecideResult answers DecideRequest once the own roll holds the decision, or at once if Check was set.
type DecideResult struct {
	Org     string    `json:"org"`
	OrgName string    `json:"org_name"`
	Do      Decision  `json:"do"`
	Member  Person    `json:"member,omitzero"` // whom it is about
	Role    string    `json:"role,omitzero"`   // the member's, now
	Device  string    `json:"device,omitzero"` // DecideBar, DecideReadmit
	Code    string    `json:"code,omitzero"`   // DecideReadmit: to compare with the member
	Due     time.Time `json:"due,omitzero"`    // DecideReadmit: when the new device can enter
	Already bool      `json:"already"`         // it was so before
}

// NameRequest gives this account another name.
type NameRequest struct {
	Org  string `json:"org,omitzero"` // name or id; may be empty if there is only one
	Name string `json:"name"`
}
