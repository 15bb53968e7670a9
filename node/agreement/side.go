package agreement

import (
	"encoding/binary"
	"fmt"
	"io"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Purpose keeps apart what codes are for: a code for one is worth nothing for another.
type Purpose struct {
	Domain        keys.Domain // of the agreement, and of the keys that come of it
	Host, Visitor string      // what the two sides are called where keys are derived
}

// Setup is what a side knows before the conversation.
type Setup struct {
	Secret []byte         // of the code or, on the visitor's side, of the link
	Link   []byte         // on the host's side: the secret of the link that stands for the same slot; empty if there is none
	ByLink bool           // on the visitor's side: the secret is the link's
	Slot   uint32         // the number in it
	Path   keys.PublicKey // the rendezvous node that passes the frames on; zero if none does
	Own    keys.PublicKey // the own identity for this conversation: that of the connection, if it is direct
	Peer   keys.PublicKey // the other's, as the link or the connection proves it; zero if nothing does
}

// phase is how far an agreement has come.
type phase uint8

const (
	fresh phase = iota
	greeted
	shared
	replied
	agreed // both have confirmed: messages are sealed
	ended
)

// side is what both sides have.
type side struct {
	purpose Purpose
	setup   Setup
	random  io.Reader
	phase   phase
	nonce   [NonceSize]byte
	part    [PartSize]byte
	run     *cpace.Run
	session *cpace.Session
	channel *Channel // once both have confirmed
}

// at panics if the caller does not keep the order, which is a fault of the program and nothing that a peer can cause.
func (s *side) at(want, next phase) {
	if s.phase != want {
		panic(fmt.Sprintf("agreement: phase %d where %d is due", s.phase, want))
	}
	s.phase = next
}

func (s *side) draw() {
	_, err := io.ReadFull(s.random, s.nonce[:])
	if err == nil {
		_, err = io.ReadFull(s.random, s.part[:])
	}
	if err != nil {
		panic(fmt.Sprintf("agreement: no randomness: %v", err))
	}
}

// input is what both sides put into the key agreement: the secret, what the key is for and by which way, and a session
// that both name together. [PAIR-3]
func (s *side) input(secret []byte, host, visitor [NonceSize]byte) cpace.Input {
	context := append([]byte(s.purpose.Domain), 0)
	context = binary.BigEndian.AppendUint32(context, s.setup.Slot)
	context = append(context, s.setup.Path[:]...)
	return cpace.Input{Secret: secret, Context: context, Session: append(host[:], visitor[:]...)}
}

// associated is what a side says openly, and what the key vouches for: who it is, its half of the KEM and, of the host,
// what it promises.
func associated(key keys.PublicKey, said ...[]byte) []byte {
	return wire.Encode(append([][]byte{key[:]}, said...))
}

// Words returns the two words that people may compare. Valid once both have confirmed. [PAIR-7]
func (s *side) Words() [2]string { return s.channel.Words() }

// Joined reports whether both sides have proved that they have the same code.
func (s *side) Joined() bool { return s.channel != nil }

// Channel returns what both say by from then on. Valid once both have confirmed.
func (s *side) Channel() *Channel { return s.channel }
