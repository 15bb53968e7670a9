package api

import "time"

// AddDeviceRequest asks for a code with which another device is added to the account, in every organization.
type AddDeviceRequest struct{}

// AddDeviceResult is what the other device needs, one of both; each is a secret.
type AddDeviceResult struct {
	Code    string       `json:"code"`    // to be read out
	Link    string       `json:"link"`    // for a QR code: the same, with the addresses
	At      List[string] `json:"at"`      // where the code is good: one of them goes with it
	Expires time.Time    `json:"expires"` // when both are void
}

// PairRequest makes this device one of an account, with what a device of it shows.
type PairRequest struct {
	With string `json:"with"`        // a code or a link
	At   string `json:"at,omitzero"` // with a code: where, as AddDeviceResult says
}

// PairingState is how far a pairing is. The list is append-only.
type PairingState string

// The states.
const (
	PairingNone    PairingState = "none"    // there is none, and was none since the node started
	PairingWaiting PairingState = "waiting" // for the other device
	PairingCompare PairingState = "compare" // for a person to compare the words, and to say yes on the old device
	PairingAdding  PairingState = "adding"  // the device is being added
	PairingDone    PairingState = "done"    // what Orgs says is so
	PairingFailed  PairingState = "failed"  // nothing was added: Error says why
)

// PairedOrg is what a pairing came to in one organization.
type PairedOrg struct {
	Org    string `json:"org"`
	Name   string `json:"name"`
	Member string `json:"member"`
	Device string `json:"device"` // the new device there
	// State is "added", "refused" by the rules there, or "missed": the rendezvous node there was not reached. On the new device
	// "added" means that it can be used, and "waiting" that it was added and is still being entered, or was perhaps.
	State string `json:"state"`
	Why   string `json:"why,omitzero"`
}

// Pairing is the pairing that is under way here, or was last.
type Pairing struct {
	State   PairingState    `json:"state"`
	New     bool            `json:"new"`   // this device is the one to be added
	Words   List[string]    `json:"words"` // two, while a person compares and after
	Tries   int             `json:"tries"` // that are left; on the new device as the old one said last, 0 before
	Orgs    List[PairedOrg] `json:"orgs"`
	Error   *Error          `json:"error,omitzero"`
	Version uint64          `json:"version"` // grows with each change
}

// Over reports whether nothing more comes of it.
func (p Pairing) Over() bool {
	return p.State == PairingNone || p.State == PairingDone || p.State == PairingFailed
}

// PairingQuery asks how far it is.
type PairingQuery struct {
	After uint64 `json:"after,omitzero"` // wait a while for one of a higher version
}

// ConfirmRequest says on the old device that both screens show the words, or ends a pairing on either.
type ConfirmRequest struct {
	Words List[string] `json:"words,omitzero"` // the words that the person compared
	No    bool         `json:"no,omitzero"`    // end it
}
