package store

import (
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
)

// Prekey is one of the device's own prekeys. Private is destroyed once no unexpired envelope can need it.
type Prekey struct {
	ID          keys.PrekeyID `cbor:"1,keyasint"`
	Private     []byte        `cbor:"2,keyasint"` // as envelope.PrekeyPrivate.Marshal has it
	LastSealing int64         `cbor:"3,keyasint"` // unix seconds
}

// Outgoing is the device's chain for one conversation with what is kept beside it. Sequence and Previous survive chains.
type Outgoing struct {
	Place    envelope.Place   `cbor:"1,keyasint"`
	Sequence uint64           `cbor:"2,keyasint"`           // of the last message
	Previous keys.ContentID   `cbor:"3,keyasint"`           // the last message
	Chain    []byte           `cbor:"4,keyasint,omitempty"` // absent: the next message starts a new one
	Devices  []keys.PublicKey `cbor:"5,keyasint,omitempty"` // to whom the chain was announced, sorted
	Again    []keys.PublicKey `cbor:"6,keyasint,omitempty"` // those of them who have lost it, sorted
}

// Incoming is a chain that another device announced.
type Incoming struct {
	Chain []byte `cbor:"1,keyasint"`
	Used  int64  `cbor:"2,keyasint"` // unix seconds; the longest unused go first
}

var (
	prekeys  = bucket[Prekey]{10, "a prekey"}
	outgoing = bucket[Outgoing]{11, "a chain of this device"}
	incoming = bucket[Incoming]{12, "a chain of another device"}
	heard    = bucket[Heard]{13, "the last message of a device"}
	grants   = bucket[[]byte]{14, "a grant to register"}
)

// Prekeys returns the device's own prekeys.
func (tx *Tx) Prekeys(org keys.OrgID) ([]Prekey, error) {
	var all []Prekey
	err := prekeys.each(tx, nil, func(_ []byte, p Prekey) (bool, error) {
		all = append(all, p)
		return true, nil
	}, org[:])
	return all, err
}

// PutPrekey stores a prekey.
func (tx *Tx) PutPrekey(org keys.OrgID, p Prekey) error { return prekeys.put(tx, p, org[:], p.ID[:]) }

// DeletePrekey removes a prekey.
func (tx *Tx) DeletePrekey(org keys.OrgID, id keys.PrekeyID) error {
	return prekeys.delete(tx, org[:], id[:])
}

// Outgoing returns the device's chain for a conversation.
func (tx *Tx) Outgoing(org keys.OrgID, c keys.ConversationID) (Outgoing, error) {
	return outgoing.get(tx, org[:], c[:])
}

// PutOutgoing stores the device's chain for a conversation.
func (tx *Tx) PutOutgoing(org keys.OrgID, c keys.ConversationID, o Outgoing) error {
	return outgoing.put(tx, o, org[:], c[:])
}

// Incoming returns the chain of another device.
func (tx *Tx) Incoming(org keys.OrgID, device keys.PublicKey, chain keys.ChainID) (Incoming, error) {
	return incoming.get(tx, org[:], device[:], chain[:])
}

// PutIncoming stores the chain of another device. A device has at most MaxIncoming chains here; the one unused for
// longest makes room.
func (tx *Tx) PutIncoming(org keys.OrgID, device keys.PublicKey, chain keys.ChainID, in Incoming) error {
	if _, err := tx.Incoming(org, device, chain); err == ErrNotFound {
		if err := tx.makeRoom(org, device); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return incoming.put(tx, in, org[:], device[:], chain[:])
}

func (tx *Tx) makeRoom(org keys.OrgID, device keys.PublicKey) error {
	var count int
	var oldest []byte
	var used int64
	err := incoming.each(tx, nil, func(rest []byte, in Incoming) (bool, error) {
		if count++; oldest == nil || in.Used < used {
			oldest, used = append([]byte(nil), rest...), in.Used
		}
		return true, nil
	}, org[:], device[:])
	if err != nil || count < MaxIncoming {
		return err
	}
	return incoming.delete(tx, org[:], device[:], oldest)
}

// MaxIncoming is the number of chains kept for each other device.
const MaxIncoming = 256

// Heard returns the last message of a device in a conversation.
func (tx *Tx) Heard(org keys.OrgID, c keys.ConversationID, device keys.PublicKey) (Heard, error) {
	return heard.get(tx, org[:], c[:], device[:])
}

// PutHeard stores the last message of a device in a conversation.
func (tx *Tx) PutHeard(org keys.OrgID, c keys.ConversationID, device keys.PublicKey, h Heard) error {
	return heard.put(tx, h, org[:], c[:], device[:])
}

// Missing returns how many messages of the organization are known to be missing, and when the oldest of the gaps that they
// are in was noticed (unix milliseconds; 0 if none are, or if that is not known).
func (tx *Tx) Missing(org keys.OrgID) (missing uint64, since int64, err error) {
	err = heard.each(tx, nil, func(_ []byte, h Heard) (bool, error) {
		missing += h.Missing()
		if h.Missing() > 0 && h.Since > 0 && (since == 0 || h.Since < since) {
			since = h.Since
		}
		return true, nil
	}, org[:])
	return missing, since, err
}

// Gaps visits the last messages of devices of which some before are missing, with their conversations and devices.
func (tx *Tx) Gaps(org keys.OrgID, visit func(c keys.ConversationID, device keys.PublicKey, h Heard)) error {
	return heard.each(tx, nil, func(rest []byte, h Heard) (bool, error) {
		if h.Missing() > 0 && len(rest) == 2*keys.IDSize {
			visit(keys.ConversationID(rest[:keys.IDSize]), keys.PublicKey(rest[keys.IDSize:]), h)
		}
		return true, nil
	}, org[:])
}

// PutGrant notes a grant that the rendezvous node has not taken yet.
func (tx *Tx) PutGrant(org keys.OrgID, to keys.MemberID, grant []byte) error {
	return grants.put(tx, grant, org[:], to[:])
}

// DeleteGrant notes that the rendezvous node has taken the grant to a member.
func (tx *Tx) DeleteGrant(org keys.OrgID, to keys.MemberID) error {
	return grants.delete(tx, org[:], to[:])
}

// Grants returns the grants that the rendezvous node has not taken yet.
func (tx *Tx) Grants(org keys.OrgID) (map[keys.MemberID][]byte, error) {
	all := make(map[keys.MemberID][]byte)
	err := grants.each(tx, nil, func(rest []byte, grant []byte) (bool, error) {
		all[keys.MemberID(rest)] = grant
		return true, nil
	}, org[:])
	return all, err
}
