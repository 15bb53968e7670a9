package pairing

import (
	"encoding/binary"
	"fmt"
	"io"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Setup is what a side knows before the conversation.
type Setup struct {
	Secret []byte         // of the code or, on the new device, of the link
	Link   []byte         // on the old device: the secret of the link that stands for the same slot; empty if there is none
	ByLink bool           // on the new device: the secret is the link's
	Slot   uint32         // the number in it
	Path   keys.PublicKey // the rendezvous node that passes the frames on; zero if none does
	Own    keys.PublicKey // the own identity for this pairing: that of the connection, if it is direct
	Peer   keys.PublicKey // the other's, as the link or the connection proves it; zero if nothing does
}

// phase is how far a conversation has come.
type phase uint8

const (
	fresh phase = iota
	greeted
	shared
	replied
	joined // both have confirmed: messages are sealed
	offered
	keyed
	asked
	signed
	ended
)

// side is what both sides have.
type side struct {
	setup   Setup
	random  io.Reader
	phase   phase
	nonce   [nonceSize]byte
	part    [partSize]byte
	run     *cpace.Run
	session *cpace.Session
	channel *channel
	orgs    int  // of the offer
	sure    bool // both have confirmed
}

// at panics if the caller does not keep the order, which is a fault of the program and nothing that a peer can cause.
func (s *side) at(want, next phase) {
	if s.phase != want {
		panic(fmt.Sprintf("pairing: phase %d where %d is due", s.phase, want))
	}
	s.phase = next
}

func (s *side) draw() {
	_, err := io.ReadFull(s.random, s.nonce[:])
	if err == nil {
		_, err = io.ReadFull(s.random, s.part[:])
	}
	if err != nil {
		panic(fmt.Sprintf("pairing: no randomness: %v", err))
	}
}

// input is what both sides put into the key agreement: the secret, what the key is for and by which way, and a session
// that both name together. [PAIR-3]
func (s *side) input(secret []byte, old, new [nonceSize]byte) cpace.Input {
	context := append([]byte(keys.DomainPairing), 0)
	context = binary.BigEndian.AppendUint32(context, s.setup.Slot)
	context = append(context, s.setup.Path[:]...)
	return cpace.Input{Secret: secret, Context: context, Session: append(old[:], new[:]...)}
}

// associated is what a side says openly, and what the key vouches for: who it is, its half of the KEM and, of the old device,
// what it promises.
func associated(key keys.PublicKey, said ...[]byte) []byte {
	return wire.Encode(append([][]byte{key[:]}, said...))
}

// Words returns the two words that people compare. Valid once both have confirmed. [PAIR-7]
func (s *side) Words() [2]string { return s.channel.words }

// Joined reports whether both sides have proved that they have the same code.
func (s *side) Joined() bool { return s.sure }
