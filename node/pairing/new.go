package pairing

import (
	"crypto/mlkem"
	"crypto/sha256"
	"io"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
)

// New is the side of the device that is to be added, in one conversation. Its methods are called in the order in which they
// stand here, the last ones as what comes asks for; each takes the other side's next frame, or returns the next one for it.
// After an error the conversation is over.
type New struct {
	side
	kem     *mlkem.DecapsulationKey768
	secret  []byte            // of the KEM
	promise [sha256.Size]byte // the old device's
	rounds  int
}

// NewNew begins a conversation.
func NewNew(random io.Reader, setup Setup) *New {
	return &New{side: side{setup: setup, random: random}}
}

// Hello takes the old device's greeting and returns the share.
func (n *New) Hello(data []byte) ([]byte, error) {
	n.at(fresh, shared)
	f, err := decodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Hello == nil {
		return nil, frameError("no greeting")
	}
	if !n.setup.Peer.IsZero() && f.Hello.Key != n.setup.Peer {
		return nil, ErrPeer
	}
	n.setup.Peer = f.Hello.Key
	n.draw()
	var seed [mlkem.SeedSize]byte
	if _, err := io.ReadFull(n.random, seed[:]); err != nil {
		return nil, err
	}
	if n.kem, err = mlkem.NewDecapsulationKey768(seed[:]); err != nil {
		return nil, err
	}
	ours := n.kem.EncapsulationKey().Bytes()
	n.run = cpace.Start(n.random, true, n.input(n.setup.Secret, f.Hello.Nonce, n.nonce), associated(n.setup.Own, ours))
	return frame{Share: &share{Nonce: n.nonce, Key: n.setup.Own, KEM: ours, Share: n.run.Share(), Link: n.setup.ByLink}}.encode(), nil
}

// Reply takes the old device's share and returns the confirmation. [PAIR-4]
func (n *New) Reply(data []byte) ([]byte, error) {
	n.at(shared, replied)
	f, err := decodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Reply == nil {
		return nil, frameError("no reply")
	}
	n.promise = f.Reply.Promise
	if n.secret, err = n.kem.Decapsulate(f.Reply.KEM); err != nil {
		return nil, frameError("a bad ciphertext")
	}
	if n.session, err = n.run.Finish(f.Reply.Share, associated(n.setup.Peer, f.Reply.KEM, f.Reply.Promise[:])); err != nil {
		return nil, frameError("%v", err)
	}
	return frame{Confirm: &confirm{Tag: n.session.Tag(), Part: n.part}}.encode(), nil
}

// Confirm takes the old device's confirmation. The error is a *RefusedError if it says that the code is wrong, and ErrCode if
// what it sends proves that it has another one. [PAIR-5]
func (n *New) Confirm(data []byte) error {
	n.at(replied, joined)
	f, err := decodeFrame(data)
	switch {
	case err != nil:
	case f.Refuse != nil:
		err = &RefusedError{Left: int(f.Refuse.Left)}
	case f.Confirm == nil:
		err = frameError("no confirmation")
	case n.session.Confirm(f.Confirm.Tag) != nil:
		err = ErrCode
	case commitment(f.Confirm.Part) != n.promise:
		err = frameError("another part of the words than was promised")
	}
	if err != nil {
		n.phase = ended
		return err
	}
	n.channel = newChannel(agreement{key: n.session.Key(), kem: n.secret, old: f.Confirm.Part, new: n.part}, false)
	n.sure = true
	return nil
}

// Said is what the old device says once both have confirmed; exactly one is set.
type Said struct {
	Offer *Offer
	Ask   *Ask
	Done  *Done
}

// Next takes the old device's next frame: an offer first, then what is asked, and Done at the end.
func (n *New) Next(data []byte) (Said, error) {
	m, err := n.channel.open(data)
	if err != nil {
		return Said{}, err
	}
	switch {
	case m.Offer != nil && n.phase == joined:
		n.phase, n.orgs = offered, len(m.Offer.Orgs)
		return Said{Offer: m.Offer}, nil
	case m.Ask != nil && (n.phase == keyed || n.phase == signed):
		if n.rounds++; n.rounds > Rounds {
			return Said{}, frameError("asked more than %d times", Rounds)
		}
		n.phase = asked
		return Said{Ask: m.Ask}, m.Ask.check(n.orgs)
	case m.Done != nil && (n.phase == keyed || n.phase == signed):
		if len(m.Done.Outcomes) != n.orgs {
			return Said{}, frameError("not an outcome for each organization")
		}
		n.phase = ended
		return Said{Done: m.Done}, nil
	}
	return Said{}, frameError("a message out of order")
}

// Keys returns the frame with the new device's keys, which answers the offer.
func (n *New) Keys(devices []keys.PublicKey) []byte {
	n.at(offered, keyed)
	return n.channel.seal(message{Keys: &Keys{Devices: devices}})
}

// Signatures returns the frame that answers an Ask. [PAIR-11]
func (n *New) Signatures(signatures []keys.Signature) []byte {
	n.at(asked, signed)
	return n.channel.seal(message{Signatures: &Signatures{Signatures: signatures}})
}
