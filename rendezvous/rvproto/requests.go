package rvproto

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// JoinRequest is one of three things that a peer on nobody's roll may ask; exactly one is set. [RV-7]
type JoinRequest struct {
	Claim  *ClaimRequest  `cbor:"1,keyasint,omitempty"`
	View   *ViewRequest   `cbor:"2,keyasint,omitempty"`
	Submit *SubmitRequest `cbor:"3,keyasint,omitempty"`
}

// ClaimRequest founds an organization on the node with the token of a claim link.
type ClaimRequest struct {
	Token      [32]byte `cbor:"1,keyasint"`
	Found      []byte   `cbor:"2,keyasint"` // signed found event
	Rendezvous []byte   `cbor:"3,keyasint"` // signed rendezvous event that names this node
}

// ViewRequest asks for the roll on the strength of an invitation.
type ViewRequest struct {
	Org        keys.OrgID     `cbor:"1,keyasint"`
	Invitation keys.PublicKey `cbor:"2,keyasint"`
	Proof      keys.Signature `cbor:"3,keyasint"` // ProofBytes signed by the invitation's key
	From       uint64         `cbor:"4,keyasint"` // size of the roll that the asker has
	To         uint64         `cbor:"5,keyasint"` // as in FetchRequest
}

// SubmitRequest hands in a join event on the strength of an invitation.
type SubmitRequest struct {
	Org        keys.OrgID     `cbor:"1,keyasint"`
	Invitation keys.PublicKey `cbor:"2,keyasint"`
	Proof      keys.Signature `cbor:"3,keyasint"`
	Event      []byte         `cbor:"4,keyasint"` // signed join event
}

// ProofBytes is what a holder of an invitation signs (keys.DomainInvitation, with the organization) to be heard: the
// node's key and its own device key, so that the proof is worth nothing to anyone else or elsewhere. [RV-8]
func ProofBytes(node, device keys.PublicKey) []byte {
	return append(append(make([]byte, 0, 2*keys.PublicKeySize), node[:]...), device[:]...)
}

// RollRequest is one of two things that a member's device may ask; exactly one is set.
type RollRequest struct {
	Fetch  *FetchRequest `cbor:"1,keyasint,omitempty"`
	Submit []byte        `cbor:"2,keyasint,omitempty"` // signed event
}

// FetchRequest asks for the entries from position From on. To is zero for everything up to the newest checkpoint,
// else the size at which to stop: how the pages after the first one are asked for. [RV-9]
type FetchRequest struct {
	From uint64 `cbor:"1,keyasint"`
	To   uint64 `cbor:"2,keyasint"`
}

// RollAnswer answers requests about the roll. Under another status than OK all else is empty. After a submission it
// holds the newest checkpoint alone. Entries are those from From on, as many as one answer holds; if From is beyond
// the roll there are none, and the checkpoint shows it. Proof is the consistency proof from From to the checkpoint's
// size, empty if From is zero or not below it. Page answers (To set) have neither checkpoint nor proof. [RV-9]
type RollAnswer struct {
	Status     wire.Status `cbor:"1,keyasint"`
	Checkpoint []byte      `cbor:"2,keyasint,omitempty"`
	Entries    [][]byte    `cbor:"3,keyasint,omitempty"` // each the canonical encoding of an entry
	Proof      [][32]byte  `cbor:"4,keyasint,omitempty"`
}

// PrekeyRequest puts the asker's own prekey or gets those of others; exactly one is set.
type PrekeyRequest struct {
	Put []byte           `cbor:"1,keyasint,omitempty"` // signed prekey
	Get []keys.PublicKey `cbor:"2,keyasint,omitempty"` // devices
}

// PrekeyAnswer answers a PrekeyRequest. Prekeys are in the order of the devices asked for, empty where there is none.
type PrekeyAnswer struct {
	Status  wire.Status `cbor:"1,keyasint"`
	Prekeys [][]byte    `cbor:"2,keyasint,omitempty"`
}

// GrantRequest puts a signed grant of the asker's member.
type GrantRequest struct {
	Put []byte `cbor:"1,keyasint"`
}

// GrantAnswer answers a GrantRequest.
type GrantAnswer struct {
	Status wire.Status `cbor:"1,keyasint"`
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r JoinRequest) Check() error {
	set := 0
	if c := r.Claim; c != nil {
		set++
		if !within(c.Found, MaxEvent) || !within(c.Rendezvous, MaxEvent) {
			return malformed("a claim without its two events, or beyond the cap")
		}
	}
	if r.View != nil {
		set++
	}
	if s := r.Submit; s != nil {
		set++
		if !within(s.Event, MaxEvent) {
			return malformed("a submission without an event, or beyond the cap")
		}
	}
	if set != 1 {
		return malformed("not exactly one request")
	}
	return nil
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r RollRequest) Check() error {
	if (r.Fetch != nil) == (len(r.Submit) > 0) || len(r.Submit) > MaxEvent {
		return malformed("neither one fetch nor one submission within the cap")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a RollAnswer) Check() error {
	if len(a.Checkpoint) > MaxCheckpoint || len(a.Entries) > MaxPageEntries || len(a.Proof) > MaxProof {
		return malformed("a roll answer beyond its caps")
	}
	for _, entry := range a.Entries {
		if !within(entry, MaxEntry) {
			return malformed("an empty entry, or one beyond the cap")
		}
	}
	return nil
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r PrekeyRequest) Check() error {
	if (len(r.Put) > 0) == (len(r.Get) > 0) || len(r.Put) > MaxPrekey || len(r.Get) > MaxPrekeys {
		return malformed("neither one prekey nor a list of devices within the cap")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a PrekeyAnswer) Check() error {
	if len(a.Prekeys) > MaxPrekeys {
		return malformed("too many prekeys")
	}
	for _, prekey := range a.Prekeys {
		if len(prekey) > MaxPrekey {
			return malformed("a prekey beyond the cap")
		}
	}
	return nil
}

// Check returns nil if there is a grant within the cap, else an error that wraps wire.ErrDecode.
func (r GrantRequest) Check() error {
	if !within(r.Put, MaxGrant) {
		return malformed("no grant, or one beyond the cap")
	}
	return nil
}

// Check returns nil: every status is one.
func (a GrantAnswer) Check() error { return nil }

// Message is a request or an answer of the protocols of one exchange.
type Message interface {
	JoinRequest | RollRequest | RollAnswer | PrekeyRequest | PrekeyAnswer | GrantRequest | GrantAnswer
	Check() error
}

// Parse reads a request or an answer: the canonical encoding of one within its caps. Errors wrap wire.ErrDecode.
func Parse[M Message](data []byte) (M, error) {
	var message M
	if err := wire.Decode(data, &message); err != nil {
		return message, err
	}
	return message, message.Check()
}

func malformed(fault string) error { return fmt.Errorf("%w: %s", wire.ErrDecode, fault) }

func within(field []byte, max int) bool { return len(field) > 0 && len(field) <= max }
