package api

import "time"

// JoinState is what a join has come to.
type JoinState string

// The states.
const (
	JoinMember   JoinState = "member"   // in
	JoinApplied  JoinState = "applied"  // it waits for vouches
	JoinDeclined JoinState = "declined" // an admin has declined it
	JoinFailed   JoinState = "failed"   // it cannot succeed any more: Candidacy.Why
	JoinWaiting  JoinState = "waiting"  // for the organization to be reached, and to know the invitation: Candidacy.Why
)

// Candidacy is a joining of this device that is under way: an application, or one that waits for the organization.
type Candidacy struct {
	Org     string    `json:"org"`
	OrgName string    `json:"org_name"`
	Name    string    `json:"name"` // to have there
	Text    string    `json:"text"`
	Device  string    `json:"device"`
	ID      string    `json:"id"` // empty while it waits; by which those who vouch name it
	State   JoinState `json:"state"`
	Why     string    `json:"why,omitzero"`
	Since   time.Time `json:"since"`
}

// Applicant is somebody who applies to join the own organization.
type Applicant struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	Text       string       `json:"text"` // by the applicant, verified by nobody
	Device     string       `json:"device"`
	Role       string       `json:"role"`
	Invitation string       `json:"invitation"` // its key
	InvitedBy  Person       `json:"invited_by"` // who made the invitation
	Since      time.Time    `json:"since"`
	Vouchers   List[Person] `json:"vouchers"`     // members whose vouches count
	Needed     uint64       `json:"needed"`       // members' vouches that admit; 0: an admin only
	Why        string       `json:"why,omitzero"` // why the application cannot succeed as it is
}

// VouchRequest speaks for an applicant; or, by an admin, declines them.
type VouchRequest struct {
	Org       string `json:"org,omitzero"` // name or id; may be empty if there is only one
	Applicant string `json:"applicant"`    // the name, or the id or the first eight characters of it
	RootWords string `json:"root_words,omitzero"`
}

// VouchResult answers VouchRequest once the own roll holds the vouch, or the application is gone.
type VouchResult struct {
	Org       string    `json:"org"`
	OrgName   string    `json:"org_name"`
	Applicant Applicant `json:"applicant"` // Vouchers as of now
	Admitted  bool      `json:"admitted"`
	Member    Person    `json:"member,omitzero"` // if admitted
	Already   bool      `json:"already"`         // it was so before
}

// DismissRequest removes all guests who joined in some time, or only says who they are.
type DismissRequest struct {
	Org        string `json:"org,omitzero"`        // name or id; may be empty if there is only one
	From       uint64 `json:"from,omitzero"`       // the first position of the roll
	To         uint64 `json:"to,omitzero"`         // the first that is not meant; 0: all that there are
	Since      int64  `json:"since,omitzero"`      // in place of From and To: seconds ago
	Invitation string `json:"invitation,omitzero"` // only who joined by it: its key, the end of it, or its link
	Check      bool   `json:"check,omitzero"`
	RootWords  string `json:"root_words,omitzero"`
}

// DismissResult answers DismissRequest once the own roll holds the removal.
type DismissResult struct {
	Org     string       `json:"org"`
	OrgName string       `json:"org_name"`
	From    uint64       `json:"from"`
	To      uint64       `json:"to"`
	Count   int          `json:"count"`   // how many guests
	Guests  List[Person] `json:"guests"`  // the first MaxDismissed of them
	Already bool         `json:"already"` // there was none to remove
}

// MaxDismissed is how many guests a DismissResult names.
const MaxDismissed = 100
