package store

import "muster.example/internal/keys"

// Talk is what is known of a conversation of several members: who lets all of them write there.
type Talk struct {
	Members []keys.MemberID `cbor:"1,keyasint"`           // sorted
	Leave   []TalkLeave     `cbor:"2,keyasint,omitempty"` // of each the newest
	Due     bool            `cbor:"3,keyasint,omitempty"` // the rendezvous node has not taken the own one yet
}

// TalkLeave is a member's grant for a conversation, or its end.
type TalkLeave struct {
	Member keys.MemberID `cbor:"1,keyasint"`
	Grant  []byte        `cbor:"2,keyasint"`
	Heard  uint64        `cbor:"3,keyasint"` // the size of the roll when it came
}

var talks = bucket[Talk]{46, "a conversation of several"}

// Talks visits the conversations of several.
func (tx *Tx) Talks(org keys.OrgID, visit func(keys.ConversationID, Talk)) error {
	return talks.each(tx, nil, func(rest []byte, t Talk) (bool, error) {
		visit(keys.ConversationID(rest), t)
		return true, nil
	}, org[:])
}

// PutTalk stores what is known of a conversation.
func (tx *Tx) PutTalk(org keys.OrgID, conversation keys.ConversationID, t Talk) error {
	return talks.put(tx, t, org[:], conversation[:])
}
