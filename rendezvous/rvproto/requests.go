package rvproto

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// JoinRequest is what anybody may ask, on a roll or not; exactly one is set. [RV-7]
type JoinRequest struct {
	Claim    *ClaimRequest    `cbor:"1,keyasint,omitempty"`
	View     *ViewRequest     `cbor:"2,keyasint,omitempty"`
	Submit   *SubmitRequest   `cbor:"3,keyasint,omitempty"`
	Recover  *RecoverRequest  `cbor:"4,keyasint,omitempty"`
	Present  *PresentRequest  `cbor:"5,keyasint,omitempty"`
	Verdict  *VerdictRequest  `cbor:"6,keyasint,omitempty"`
	Promised *PromisedRequest `cbor:"7,keyasint,omitempty"`
	HandOver *HandOverRequest `cbor:"8,keyasint,omitempty"`
	Take     *TakeRequest     `cbor:"9,keyasint,omitempty"`
	Apply    *ApplyRequest    `cbor:"10,keyasint,omitempty"`
	Serve    *ServeRequest    `cbor:"12,keyasint,omitempty"`
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

// RecoverRequest asks for the roll on the strength of a member's recovery key or the organization's root key. [RV-60]
type RecoverRequest struct {
	Org   keys.OrgID     `cbor:"1,keyasint"`
	Key   keys.PublicKey `cbor:"2,keyasint"`
	Proof keys.Signature `cbor:"3,keyasint"` // ProofBytes signed by Key under keys.DomainProof
	From  uint64         `cbor:"4,keyasint"`
	To    uint64         `cbor:"5,keyasint"` // as in FetchRequest
}

// PresentRequest hands in an event that speaks for itself, whoever carries it. [RV-61]
type PresentRequest struct {
	Org   keys.OrgID `cbor:"1,keyasint"`
	Event []byte     `cbor:"2,keyasint"` // signed event
}

// VerdictRequest asks what became of the asking device. [RV-62]
type VerdictRequest struct {
	Org keys.OrgID `cbor:"1,keyasint"`
}

// PromisedRequest asks for the roll as the device that a re-admission names. [RV-63]
type PromisedRequest struct {
	Org  keys.OrgID `cbor:"1,keyasint"`
	From uint64     `cbor:"2,keyasint"`
	To   uint64     `cbor:"3,keyasint"` // as in FetchRequest
}

// HandOverRequest gives a piece of a roll to the node that shall order it, on the strength of a claim token. The entries
// are those from position From on, none of them hidden; a piece from 0 begins anew. [RV-70]
type HandOverRequest struct {
	Token   [32]byte   `cbor:"1,keyasint"`
	Org     keys.OrgID `cbor:"2,keyasint"`
	From    uint64     `cbor:"3,keyasint"`
	Entries [][]byte   `cbor:"4,keyasint"`
}

// TakeRequest makes the node order a roll that was handed over: the event is its first entry there. [RV-71]
type TakeRequest struct {
	Token [32]byte   `cbor:"1,keyasint"`
	Org   keys.OrgID `cbor:"2,keyasint"`
	Event []byte     `cbor:"3,keyasint"` // signed rendezvous event that names this node and continues what was handed over
}

// ProofBytes is what a holder of an invitation signs (keys.DomainInvitation, with the organization) to be heard, or of a
// recovery or root key (keys.DomainProof): the node's key and its own device key, so that the proof is worth nothing to
// anyone else or elsewhere. [RV-8] [RV-60]
func ProofBytes(node, device keys.PublicKey) []byte {
	return append(append(make([]byte, 0, 2*keys.PublicKeySize), node[:]...), device[:]...)
}

// RollRequest is one of several things that a member's device may ask; exactly one is set. Checkpoint goes with a submission
// alone.
type RollRequest struct {
	Fetch      *FetchRequest `cbor:"1,keyasint,omitempty"`
	Submit     []byte        `cbor:"2,keyasint,omitempty"` // signed event
	Show       *ShowRequest  `cbor:"3,keyasint,omitempty"`
	Checkpoint []byte        `cbor:"4,keyasint,omitempty"` // with a move: by the node that has taken over, covering it [RV-72]

	Applications *ApplicationsRequest `cbor:"5,keyasint,omitempty"`
	Decline      *DeclineRequest      `cbor:"6,keyasint,omitempty"`
}

// ShowRequest shows a node a checkpoint that it signed itself and has forgotten: its folder is an old one. With entries,
// those from position From on, it goes on from there; Proof is the consistency proof from the size that they lead to, to
// the checkpoint's, and empty if that is the same. [RV-64]
type ShowRequest struct {
	Checkpoint []byte     `cbor:"1,keyasint"`
	From       uint64     `cbor:"2,keyasint"`
	Entries    [][]byte   `cbor:"3,keyasint,omitempty"`
	Proof      [][32]byte `cbor:"4,keyasint,omitempty"`
}

// FetchRequest asks for the entries from position From on. To is zero for everything up to the newest checkpoint,
// else the size at which to stop: how the pages after the first one are asked for. [RV-9]
type FetchRequest struct {
	From uint64 `cbor:"1,keyasint"`
	To   uint64 `cbor:"2,keyasint"`
}

// RollAnswer answers requests about the roll. Under another status than OK all else is empty, but under StatusMoved there
// is Move, the signed event by which another node has taken over. After a submission it
// holds the newest checkpoint alone. Entries are those from From on, as many as one answer holds; if From is beyond
// the roll there are none, and the checkpoint shows it. Proof is the consistency proof from From to the checkpoint's
// size, empty if From is zero or not below it. Page answers (To set) have neither checkpoint nor proof. [RV-9]
type RollAnswer struct {
	Status     wire.Status `cbor:"1,keyasint"`
	Checkpoint []byte      `cbor:"2,keyasint,omitempty"`
	Entries    [][]byte    `cbor:"3,keyasint,omitempty"` // each the canonical encoding of an entry
	Proof      [][32]byte  `cbor:"4,keyasint,omitempty"`
	Move       []byte      `cbor:"5,keyasint,omitempty"`
	Standing   uint8       `cbor:"6,keyasint,omitempty"` // after a VerdictRequest: a membership.Standing
	Shown      []Shown     `cbor:"7,keyasint,omitempty"` // after a VerdictRequest: what made it so

	Applications []Application `cbor:"8,keyasint,omitempty"` // after an ApplicationsRequest
}

// Shown is one entry of the roll with the proof that it is in the roll of the checkpoint beside it. [RV-62]
type Shown struct {
	Index uint64     `cbor:"1,keyasint"`
	Entry []byte     `cbor:"2,keyasint"`
	Proof [][32]byte `cbor:"3,keyasint,omitempty"` // inclusion proof
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
	Move    []byte      `cbor:"3,keyasint,omitempty"` // as in RollAnswer
}

// GrantRequest puts a signed grant that the asker's member gave or got. With a grant for a conversation of several come
// its members, ascending: 2 to MaxConversation. [RV-32] [RV-46]
type GrantRequest struct {
	Put     []byte          `cbor:"1,keyasint"`
	Members []keys.MemberID `cbor:"2,keyasint,omitempty"`
}

// GrantAnswer answers a GrantRequest.
type GrantAnswer struct {
	Status wire.Status `cbor:"1,keyasint"`
	Move   []byte      `cbor:"2,keyasint,omitempty"` // as in RollAnswer
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
	for _, there := range []bool{r.View != nil, r.Recover != nil, r.Verdict != nil, r.Promised != nil} {
		if there {
			set++
		}
	}
	if r.Apply != nil {
		set++
		if err := r.Apply.check(); err != nil {
			return err
		}
	}
	if s := r.Serve; s != nil {
		set++
		if !within(s.Checkpoint, MaxCheckpoint) {
			return malformed("a request to serve without a checkpoint, or beyond the cap")
		}
	}
	for _, event := range r.events() {
		set++
		if !within(event, MaxEvent) {
			return malformed("a submission without an event, or beyond the cap")
		}
	}
	if h := r.HandOver; h != nil {
		set++
		if err := checkEntries(h.Entries, MaxHandOverEntries, MaxHandOverBytes); err != nil || len(h.Entries) == 0 {
			return malformed("a piece of a roll without entries, or beyond its caps")
		}
	}
	if set != 1 {
		return malformed("not exactly one request")
	}
	return nil
}

// events returns the events of the requests that hand in one.
func (r *JoinRequest) events() (events [][]byte) {
	if r.Submit != nil {
		events = append(events, r.Submit.Event)
	}
	if r.Present != nil {
		events = append(events, r.Present.Event)
	}
	if r.Take != nil {
		events = append(events, r.Take.Event)
	}
	return events
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r RollRequest) Check() error {
	set := 0
	for _, there := range []bool{r.Fetch != nil, len(r.Submit) > 0, r.Show != nil, r.Applications != nil, r.Decline != nil} {
		if there {
			set++
		}
	}
	if set != 1 || len(r.Submit) > MaxEvent {
		return malformed("not exactly one request within the caps")
	}
	if len(r.Checkpoint) > MaxCheckpoint || len(r.Checkpoint) > 0 && len(r.Submit) == 0 {
		return malformed("a checkpoint beyond the cap, or without a submission")
	}
	if s := r.Show; s != nil {
		if !within(s.Checkpoint, MaxCheckpoint) || len(s.Proof) > MaxProof {
			return malformed("a roll without a checkpoint, or beyond its caps")
		}
		return checkEntries(s.Entries, MaxPageEntries, MaxPageBytes+MaxEntry)
	}
	return nil
}

// checkEntries: entries are there, each within its cap, and all together within theirs.
func checkEntries(entries [][]byte, most, bytes int) error {
	total := 0
	for _, entry := range entries {
		if total += len(entry); !within(entry, MaxEntry) {
			return malformed("an empty entry, or one beyond the cap")
		}
	}
	if len(entries) > most || total > bytes {
		return malformed("entries beyond their caps")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a RollAnswer) Check() error {
	if len(a.Checkpoint) > MaxCheckpoint || len(a.Proof) > MaxProof || len(a.Move) > MaxEvent || len(a.Shown) > MaxShown {
		return malformed("a roll answer beyond its caps")
	}
	for _, shown := range a.Shown {
		if !within(shown.Entry, MaxEntry) || len(shown.Proof) > MaxProof {
			return malformed("an entry beyond its caps")
		}
	}
	if err := checkApplications(a.Applications); err != nil {
		return err
	}
	return checkEntries(a.Entries, MaxPageEntries, MaxPageBytes+MaxEntry)
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
	if len(a.Prekeys) > MaxPrekeys || len(a.Move) > MaxEvent {
		return malformed("too many prekeys, or an event beyond the cap")
	}
	for _, prekey := range a.Prekeys {
		if len(prekey) > MaxPrekey {
			return malformed("a prekey beyond the cap")
		}
	}
	return nil
}

// Check returns nil if there is a grant within the cap, and no list or a list of members, else an error that wraps
// wire.ErrDecode.
func (r GrantRequest) Check() error {
	if !within(r.Put, MaxGrant) {
		return malformed("no grant, or one beyond the cap")
	}
	if len(r.Members) == 1 || len(r.Members) > MaxConversation {
		return malformed("too few members, or more than the cap")
	}
	for i := 1; i < len(r.Members); i++ {
		if r.Members[i-1].Compare(r.Members[i]) >= 0 {
			return malformed("members that are not an ascending list")
		}
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a GrantAnswer) Check() error {
	if len(a.Move) > MaxEvent {
		return malformed("an event beyond the cap")
	}
	return nil
}

// Message is a request or an answer of the protocols of one exchange.
type Message interface {
	JoinRequest | RollRequest | RollAnswer | PrekeyRequest | PrekeyAnswer | GrantRequest | GrantAnswer |
		PresenceRequest | PresenceAnswer | HealthRequest | HealthAnswer | PairRequest | PairAnswer | PairFrame | NodeAsk | NodeAnswer |
		CarryRequest | CarryAnswer
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
