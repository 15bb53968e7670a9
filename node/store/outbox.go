package store

import (
	"errors"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
)

// Job is something to seal: the bodies of one message (text, then the chunks of its files), or one body of its own. It
// is worked on in the order of its number and goes when its last part is sealed.
type Job struct {
	Number    uint64           `cbor:"1,keyasint"`
	Place     envelope.Place   `cbor:"2,keyasint"`            // where it is said
	Message   *keys.MessageID  `cbor:"3,keyasint,omitempty"`  // the message whose parts these are
	Next      uint64           `cbor:"4,keyasint"`            // the next part to seal
	Last      uint64           `cbor:"5,keyasint"`            // the part before which to stop
	Only      []keys.PublicKey `cbor:"6,keyasint,omitempty"`  // just these devices: sealed anew for who could not open
	PutOff    []keys.PublicKey `cbor:"12,keyasint,omitempty"` // not these: a job of their own does the rest for them
	Anew      Turn             `cbor:"13,keyasint,omitzero"`  // where the parts were sealed before, if Only is set
	Kind      uint8            `cbor:"7,keyasint,omitempty"`  // of Body
	Body      []byte           `cbor:"8,keyasint,omitempty"`
	Expires   int64            `cbor:"9,keyasint"` // unix seconds
	Attempt   uint8            `cbor:"10,keyasint,omitempty"`
	NotBefore int64            `cbor:"11,keyasint,omitempty"` // unix milliseconds: it waits for something
	Written   Moment           `cbor:"14,keyasint,omitzero"`  // when what it seals was written
}

// Turn is where in the device's line of a conversation a body stands: its number, and the content before it.
type Turn struct {
	Sequence uint64         `cbor:"1,keyasint"`
	Previous keys.ContentID `cbor:"2,keyasint"`
}

// Moment is when a body was written. From it follows who may have the body.
type Moment struct {
	Roll uint64          `cbor:"1,keyasint"`           // the size of the roll; 0: not known, by a program that did not keep it
	Left []keys.MemberID `cbor:"2,keyasint,omitempty"` // of a conversation of several: who had left it
	// Ahead: of a conversation of two, one of whom joined ahead of the roll.
	Ahead bool `cbor:"3,keyasint,omitempty"`
}

// Waiting is what is kept of an envelope that some device has not yet given a receipt for. The sealed bytes lie apart:
// they are large and never change, and what is kept of them does.
type Waiting struct {
	Number   uint64           `cbor:"1,keyasint"`
	ID       keys.EnvelopeID  `cbor:"2,keyasint"`
	Size     uint64           `cbor:"3,keyasint"` // of the sealed bytes
	Pending  []keys.PublicKey `cbor:"4,keyasint"`
	Place    envelope.Place   `cbor:"5,keyasint"` // where it is said
	Message  *keys.MessageID  `cbor:"6,keyasint,omitempty"`
	Part     uint64           `cbor:"7,keyasint"`  // of the message
	Kind     uint8            `cbor:"8,keyasint"`  // of the envelope
	Accepted bool             `cbor:"9,keyasint"`  // a rendezvous node has it on disk
	Offered  int64            `cbor:"10,keyasint"` // when it was last accepted, unix milliseconds
	Expires  int64            `cbor:"11,keyasint"` // unix seconds
	Attempt  uint8            `cbor:"12,keyasint,omitempty"`
	BodyKind uint8            `cbor:"13,keyasint,omitempty"` // of a body that belongs to no message
	Body     []byte           `cbor:"14,keyasint,omitempty"`
	Chain    keys.ChainID     `cbor:"15,keyasint,omitzero"`  // that it was sealed on, or announces
	At       Turn             `cbor:"16,keyasint,omitzero"`  // of a message
	Written  Moment           `cbor:"19,keyasint,omitzero"`  // of a message
	Spread   bool             `cbor:"17,keyasint,omitempty"` // the node passes it on to a group: Pending is all of its devices
	Held     []keys.PublicKey `cbor:"18,keyasint,omitempty"` // whose members take no part in the conversation yet
	Full     []keys.PublicKey `cbor:"20,keyasint,omitempty"` // of Pending: the node has it not for them: no room, or they were served directly
	Aside    bool             `cbor:"21,keyasint,omitempty"` // the node had no room for it: others go first
	Nodes    []keys.PublicKey `cbor:"22,keyasint,omitempty"` // where there are several: those that have it on disk
	Carriers []keys.PublicKey `cbor:"25,keyasint,omitempty"` // who has it to carry, of this device
	Handed   HandedOn         `cbor:"26,keyasint,omitzero"`  // to these
	Archive  keys.PublicKey   `cbor:"23,keyasint,omitzero"`  // whose copy each post of it brings, also once it has receipted its own
}

// HandedOn is what of an envelope's copies this device has handed to carriers.
type HandedOn struct {
	Copies uint64 `cbor:"1,keyasint"`
	Since  int64  `cbor:"2,keyasint"` // when the first was handed over, unix milliseconds
}

// State is how far a message has come to one device. The numbers are part of the disk format.
type State uint8

// The states of a message at a device.
const (
	StateHeld      State = 1 // here, not yet on a rendezvous node's disk
	StateQueued    State = 2 // on a rendezvous node's disk
	StateDelivered State = 3 // opened and saved by the device
	StateReturned  State = 4 // undeliverable: expired, or could not be opened
	StateRefused   State = 5 // the recipient has not granted leave
)

// String returns the state's word in the command-line contract.
func (s State) String() string {
	names := [...]string{StateHeld: "held", StateQueued: "queued", StateDelivered: "delivered", StateReturned: "returned", StateRefused: "refused"}
	if int(s) < len(names) && names[s] != "" {
		return names[s]
	}
	return "unknown"
}

// Final reports whether nothing more happens by itself.
func (s State) Final() bool { return s >= StateDelivered }

// Reason says why a message was returned or refused. The numbers are part of the disk format.
type Reason uint8

// The reasons.
const (
	ReasonTime     Reason = 1 // the device did not come in time
	ReasonParked   Reason = 2 // the device stayed away for so long that nothing is kept for it
	ReasonBarred   Reason = 3 // the device is barred, or was ended by a re-admission
	ReasonRemoved  Reason = 4 // its member is none any more
	ReasonUnopened Reason = 5 // the device could not open it, however often it was sealed anew
	ReasonErased   Reason = 6 // it was taken back, or its lifetime is over
	ReasonLeft     Reason = 7 // its member takes no part at the place any more
	ReasonLeave    Reason = 8 // its member has not let the sender write
	ReasonRules    Reason = 9 // the rules of the organization forbid it
)

// String returns the reason's word in the API, empty for none.
func (r Reason) String() string {
	names := [...]string{ReasonTime: "time", ReasonParked: "parked", ReasonBarred: "barred", ReasonRemoved: "removed",
		ReasonUnopened: "unopened", ReasonErased: "erased", ReasonLeft: "left", ReasonLeave: "leave", ReasonRules: "rules"}
	if int(r) < len(names) {
		return names[r]
	}
	return ""
}

// Delivery is how a message stands with one device of a member.
type Delivery struct {
	Device   keys.PublicKey `cbor:"1,keyasint"`
	Member   keys.MemberID  `cbor:"2,keyasint"`
	State    State          `cbor:"3,keyasint"`
	Unposted uint64         `cbor:"4,keyasint"`            // parts not yet on a rendezvous node
	Missing  uint64         `cbor:"5,keyasint"`            // parts without a receipt
	Changed  int64          `cbor:"6,keyasint"`            // unix milliseconds
	Held     bool           `cbor:"7,keyasint,omitempty"`  // its member takes no part in the conversation yet
	Lack     Lack           `cbor:"8,keyasint,omitempty"`  // while it is held
	Bundled  int64          `cbor:"10,keyasint,omitempty"` // while it is held: when it was last written into a bundle, unix milliseconds
	Reason   Reason         `cbor:"9,keyasint,omitempty"`  // of StateReturned and StateRefused; 0 if an earlier program noted them
	Via      Via            `cbor:"11,keyasint,omitempty"` // the way that it went, once a part of it was delivered
	Carried  int64          `cbor:"12,keyasint,omitempty"` // while it is held: when a carrier was last handed a part of it, unix milliseconds
	Carriers uint64         `cbor:"13,keyasint,omitempty"` // how many have a part of it from this device
}

// Via is the way that a message went to a device. The numbers are part of the disk format.
type Via uint8

// The ways.
const (
	ViaUnknown  Via = 0 // not delivered yet, or by an earlier program
	ViaNode     Via = 1
	ViaDirect   Via = 2 // straight from device to device
	ViaCarriers Via = 3 // other members' devices carried it
	ViaBundle   Via = 4
)

// String returns the way's word in the API, empty for one that is not known.
func (v Via) String() string {
	names := [...]string{ViaNode: "node", ViaDirect: "direct", ViaCarriers: "carriers", ViaBundle: "bundle"}
	if int(v) < len(names) {
		return names[v]
	}
	return ""
}

// Lack is why a message is held at its author's. The numbers are part of the disk format.
type Lack uint8

// The reasons.
const (
	LackNothing Lack = 0
	LackDevice  Lack = 1 // at the rendezvous node there is no room for the device
	LackNode    Lack = 2 // there is none at the rendezvous node, or not for its author
	LackFault   Lack = 3 // the rendezvous node has a fault that may pass
	LackArchive Lack = 4 // the organization's archive is behind, and messages wait for it
)

var (
	numbers    = bucket[uint64]{30, "the outbox's counter"}
	jobs       = bucket[Job]{31, "a message to seal"}
	waiting    = bucket[Waiting]{32, "an envelope to deliver"}
	waitingIDs = bucket[uint64]{33, "the index of envelopes"}
	deliveries = bucket[Delivery]{34, "a delivery"}
	seen       = bucket[int64]{35, "an envelope seen"}
	sealed     = bucket[[]byte]{36, "an envelope's bytes"}
	unposted   = bucket[uint64]{37, "an envelope to post"}

	undelivered = bucket[keys.MemberID]{38, "a delivery that failed"}
)

func (tx *Tx) nextNumber(org keys.OrgID) (uint64, error) {
	n, err := numbers.get(tx, org[:])
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return n + 1, numbers.put(tx, n+1, org[:])
}

// AddJob stores a job under the next number.
func (tx *Tx) AddJob(org keys.OrgID, j Job) error {
	n, err := tx.nextNumber(org)
	if err != nil {
		return err
	}
	j.Number = n
	return tx.PutJob(org, j)
}

// PutJob stores a job under its number.
func (tx *Tx) PutJob(org keys.OrgID, j Job) error { return jobs.put(tx, j, org[:], number(j.Number)) }

// DeleteJob removes a job.
func (tx *Tx) DeleteJob(org keys.OrgID, j Job) error {
	return jobs.delete(tx, org[:], number(j.Number))
}

// Jobs visits the jobs in order until visit returns false.
func (tx *Tx) Jobs(org keys.OrgID, visit func(Job) (more bool, err error)) error {
	return jobs.each(tx, nil, func(_ []byte, j Job) (bool, error) { return visit(j) }, org[:])
}

// AddWaiting stores an envelope under the next number and returns what is kept of it.
func (tx *Tx) AddWaiting(org keys.OrgID, w Waiting, envelope []byte) (Waiting, error) {
	n, err := tx.nextNumber(org)
	if err != nil {
		return w, err
	}
	w.Number, w.Size, w.Accepted, w.Full, w.Aside = n, uint64(len(envelope)), false, nil, false
	if err := waitingIDs.put(tx, n, org[:], w.ID[:]); err != nil {
		return w, err
	}
	if err := sealed.put(tx, envelope, org[:], number(n)); err != nil {
		return w, err
	}
	if err := unposted.put(tx, w.Size, org[:], number(n)); err != nil {
		return w, err
	}
	return w, tx.PutWaiting(org, w)
}

// PutWaiting stores what is kept of an envelope under its number. One that is accepted, or set aside since there is no room for
// it, no longer counts as unposted.
func (tx *Tx) PutWaiting(org keys.OrgID, w Waiting) error {
	if w.Accepted || w.Aside {
		switch _, err := unposted.get(tx, org[:], number(w.Number)); {
		case err == nil:
			if err := unposted.delete(tx, org[:], number(w.Number)); err != nil {
				return err
			}
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	return waiting.put(tx, w, org[:], number(w.Number))
}

// DeleteWaiting removes an envelope.
func (tx *Tx) DeleteWaiting(org keys.OrgID, w Waiting) error {
	if !w.Accepted {
		// It may not count any more.
		if err := unposted.delete(tx, org[:], number(w.Number)); err != nil {
			return err
		}
	}
	if err := waitingIDs.delete(tx, org[:], w.ID[:]); err != nil {
		return err
	}
	if err := sealed.delete(tx, org[:], number(w.Number)); err != nil {
		return err
	}
	return waiting.delete(tx, org[:], number(w.Number))
}

// Envelope returns the sealed bytes of an envelope that waits.
func (tx *Tx) Envelope(org keys.OrgID, w Waiting) ([]byte, error) {
	return sealed.get(tx, org[:], number(w.Number))
}

// Unposted returns how many bytes of envelopes no rendezvous node has, or a number of at least enough.
func (tx *Tx) Unposted(org keys.OrgID, enough uint64) (bytes uint64, err error) {
	err = unposted.each(tx, nil, func(_ []byte, size uint64) (bool, error) {
		bytes += size
		return bytes < enough, nil
	}, org[:])
	return bytes, err
}

// WaitingByID returns the envelope with an id.
func (tx *Tx) WaitingByID(org keys.OrgID, id keys.EnvelopeID) (Waiting, error) {
	n, err := waitingIDs.get(tx, org[:], id[:])
	if err != nil {
		return Waiting{}, err
	}
	return waiting.get(tx, org[:], number(n))
}

// Waiting visits the envelopes with a number above after, in order, until visit returns false.
func (tx *Tx) Waiting(org keys.OrgID, after uint64, visit func(Waiting) (more bool, err error)) error {
	return waiting.each(tx, number(after), func(_ []byte, w Waiting) (bool, error) { return visit(w) }, org[:])
}

// Deliveries returns how a message stands with each device.
func (tx *Tx) Deliveries(org keys.OrgID, message keys.MessageID) ([]Delivery, error) {
	var all []Delivery
	err := deliveries.each(tx, nil, func(_ []byte, d Delivery) (bool, error) {
		all = append(all, d)
		return true, nil
	}, org[:], message[:])
	return all, err
}

// Delivery returns how a message stands with one device.
func (tx *Tx) Delivery(org keys.OrgID, message keys.MessageID, device keys.PublicKey) (Delivery, error) {
	return deliveries.get(tx, org[:], message[:], device[:])
}

// PutDelivery stores how a message stands with one device.
func (tx *Tx) PutDelivery(org keys.OrgID, message keys.MessageID, d Delivery) error {
	if d.State == StateReturned || d.State == StateRefused {
		if err := undelivered.put(tx, d.Member, org[:], message[:], d.Device[:]); err != nil {
			return err
		}
	}
	return deliveries.put(tx, d, org[:], message[:], d.Device[:])
}

// ForgetUndelivered notes that a message is on its way again to a device that did not get it.
func (tx *Tx) ForgetUndelivered(org keys.OrgID, message keys.MessageID, device keys.PublicKey) error {
	_, err := undelivered.get(tx, org[:], message[:], device[:])
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return undelivered.delete(tx, org[:], message[:], device[:])
}

// Undelivered visits the messages that a device of a member did not get, once for each device.
func (tx *Tx) Undelivered(org keys.OrgID, visit func(message keys.MessageID, member keys.MemberID)) error {
	return undelivered.each(tx, nil, func(rest []byte, member keys.MemberID) (bool, error) {
		if len(rest) == 2*keys.IDSize {
			visit(keys.MessageID(rest[:keys.IDSize]), member)
		}
		return true, nil
	}, org[:])
}

// Seen reports whether an envelope was opened and saved before.
func (tx *Tx) Seen(org keys.OrgID, id keys.EnvelopeID) (bool, error) {
	_, err := seen.get(tx, org[:], id[:])
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// PutSeen notes that an envelope was opened and saved, until its expiry (unix seconds).
func (tx *Tx) PutSeen(org keys.OrgID, id keys.EnvelopeID, expires int64) error {
	return seen.put(tx, expires, org[:], id[:])
}

// ForgetSeen removes up to limit notes of envelopes that expired before now (unix seconds) and returns how many.
func (tx *Tx) ForgetSeen(org keys.OrgID, now int64, limit int) (int, error) {
	var old [][]byte
	err := seen.each(tx, nil, func(id []byte, expires int64) (bool, error) {
		if expires < now {
			old = append(old, append([]byte(nil), id...))
		}
		return len(old) < limit, nil
	}, org[:])
	if err != nil {
		return 0, err
	}
	for _, id := range old {
		if err := seen.delete(tx, org[:], id); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}
