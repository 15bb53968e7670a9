package api

import "time"

// KeyStanding says whether something is locked for a member's key, and why not.
type KeyStanding string

// The standings of a member's key. The list is append-only. [API-110]
const (
	KeyFirst     KeyStanding = "first"     // the first that was heard of, on trust
	KeyTrusted   KeyStanding = "trusted"   // a person said so
	KeyVerified  KeyStanding = "verified"  // signed by a device of a member whose safety number was compared
	KeyChanged   KeyStanding = "changed"   // another than before: nothing is locked for it until a person says so
	KeyUntrusted KeyStanding = "untrusted" // a person said that it is not to be used
	KeyRevoked   KeyStanding = "revoked"   // its member uses it no more
	KeyUnsigned  KeyStanding = "unsigned"  // the device that signed it may not act any more
)

// Usable reports whether something is locked for a key of this standing.
func (s KeyStanding) Usable() bool { return s == KeyFirst || s == KeyTrusted || s == KeyVerified }

// LockKey is a public key to lock for. [API-110]
type LockKey struct {
	Org         string    `json:"org"`
	OrgName     string    `json:"org_name"`
	Name        string    `json:"name"`             // of an own key or of one that was added; else the member's
	Member      *Person   `json:"member,omitempty"` // whose it is, if a device of theirs said so
	Kind        string    `json:"kind"`             // post-quantum, x25519 or ssh
	Recipient   string    `json:"recipient"`        // as the age tool takes it
	Fingerprint string    `json:"fingerprint"`      // six words to compare it by
	Time        time.Time `json:"time,omitzero"`    // when it was made, or told

	Own     bool `json:"own,omitzero"`     // its private half is here
	Current bool `json:"current,omitzero"` // of an own key: what contacts lock for
	Revoked bool `json:"revoked,omitzero"` // of an own key: offered no more; it still opens

	Standing KeyStanding `json:"standing,omitzero"` // of a key of somebody else
	// Next is what the member says now, of KeyChanged.
	Next *NextKey `json:"next,omitempty"`
}

// NextKey is a key that waits to be accepted.
type NextKey struct {
	Kind        string    `json:"kind"`
	Recipient   string    `json:"recipient"`
	Fingerprint string    `json:"fingerprint"`
	Time        time.Time `json:"time"`
}

// KeysQuery asks for keys.
type KeysQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}

// KeyRequest does something with a key. [API-110]
type KeyRequest struct {
	Org  string `json:"org,omitzero"`  // name or id; needed only where it is in doubt
	Do   string `json:"do"`            // make, import, add, trust, untrust, revoke or announce
	Name string `json:"name,omitzero"` // of a key, or a member; empty for make and import: a name is found
	// Recipient is the public key, of add.
	Recipient string `json:"recipient,omitzero"`
	// Identity is an age identity file or an SSH private key, of import.
	Identity string `json:"identity,omitzero"`
	// Fingerprint, of trust, is what the person compared: another key is not trusted. Empty: whatever there is.
	Fingerprint string `json:"fingerprint,omitzero"`
}

// KeyResult is the key as it is then.
type KeyResult struct {
	Key     LockKey `json:"key"`
	Already bool    `json:"already"`       // nothing was to be done
	Told    int     `json:"told,omitzero"` // how many contacts hear of it
}

// ExportKeyRequest asks for the private half of an own key.
type ExportKeyRequest struct {
	Org  string `json:"org,omitzero"`
	Name string `json:"name"`
}

// ExportKeyResult is it, as the age tool or ssh has it.
type ExportKeyResult struct {
	Name     string `json:"name"`
	Identity string `json:"identity"`
}

// LockRequest prepares a lock: what is uploaded and sent with it is locked before it is stored. [API-111]
type LockRequest struct {
	Org string `json:"org,omitzero"`
	// To and Reply are those of the message to come, as SendRequest has them.
	To    List[string] `json:"to"`
	Reply string       `json:"reply,omitzero"`
	// Keys are for whom: a public key, the name of a key, a member, or "member": all to whom the message goes.
	Keys List[string] `json:"keys"`
	// Passphrase locks instead of keys.
	Passphrase string `json:"passphrase,omitzero"`
}

// Lock is a lock that was prepared. It is held in memory for an hour at most, and is good for one message.
type Lock struct {
	ID          string        `json:"id"`
	Passphrase  bool          `json:"passphrase"`
	Keys        List[LockKey] `json:"keys"`         // the own one is among them, if there is one
	PostQuantum bool          `json:"post_quantum"` // all keys are, or it is a passphrase
	// Unable are recipients of the message of whom no key is in the lock.
	Unable   List[Person] `json:"unable"`
	Warnings List[string] `json:"warnings"`
	Expires  time.Time    `json:"expires"`
}

// UnlockRequest drops a lock that is not to be used.
type UnlockRequest struct {
	ID string `json:"id"`
}

// UnlockResult answers UnlockRequest.
type UnlockResult struct {
	Dropped bool `json:"dropped"`
}

// Locked says what a message is locked for, if its text or a file of it is. [API-112]
type Locked struct {
	Text       bool         `json:"text"`       // the text is: "text" is an age file in its armor
	Kinds      List[string] `json:"kinds"`      // of each key of the text: post-quantum, x25519, ssh, passphrase, unknown
	Passphrase bool         `json:"passphrase"` // a passphrase opens the text
}

// OpenRequest opens a locked message. [API-113]
type OpenRequest struct {
	Org        string `json:"org,omitzero"`
	ID         string `json:"id"`
	Passphrase string `json:"passphrase,omitzero"`
	Identity   string `json:"identity,omitzero"` // an age identity file or an SSH private key, beside the own keys
	// For is for how many seconds it stays open here, at most MaxOpen; 0: it is answered and not kept.
	For int `json:"for,omitzero"`
}

// MaxOpen is for how long a message stays open at most, in seconds.
const MaxOpen = 3600

// Opened is what a locked message says.
type Opened struct {
	ID          string           `json:"id"`
	Org         string           `json:"org"`
	From        string           `json:"from"`
	Subject     string           `json:"subject"` // which was not locked
	Text        string           `json:"text"`
	Attachments List[OpenedFile] `json:"attachments"`
	Until       time.Time        `json:"until,omitzero"` // it stays open here until then
}

// OpenedFile is a file of an opened message.
type OpenedFile struct {
	Name   string `json:"name"` // without .age
	Locked bool   `json:"locked"`
}

// CloseRequest locks again what is open here: one message, or all with an empty ID.
type CloseRequest struct {
	Org string `json:"org,omitzero"`
	ID  string `json:"id,omitzero"`
}

// CloseResult answers CloseRequest.
type CloseResult struct {
	Closed int `json:"closed"` // how many were open
}

// OpenedQuery asks for what is open here, without opening anything.
type OpenedQuery struct {
	Org string `json:"org,omitzero"`
	ID  string `json:"id"`
}
