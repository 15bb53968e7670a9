package agreement

import (
	"crypto/mlkem"
	"crypto/sha256"
	"io"

	"muster.example/internal/cpace"
)

// Visitor is the side of the device that has the code entered, in one conversation. Its methods are called in the order in
// which they stand here; each takes the other side's next frame, and returns the next one for it. After an error the
// conversation is over.
type Visitor struct {
	side
	kem     *mlkem.DecapsulationKey768
	secret  []byte            // of the KEM
	promise [sha256.Size]byte // the host's
}

// NewVisitor begins a conversation.
func NewVisitor(random io.Reader, purpose Purpose, setup Setup) *Visitor {
	return &Visitor{side: side{purpose: purpose, setup: setup, random: random}}
}

// Hello takes the host's greeting and returns the share.
func (v *Visitor) Hello(data []byte) ([]byte, error) {
	v.at(fresh, shared)
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Hello == nil {
		return nil, frameError("no greeting")
	}
	if !v.setup.Peer.IsZero() && f.Hello.Key != v.setup.Peer {
		return nil, ErrPeer
	}
	v.setup.Peer = f.Hello.Key
	v.draw()
	var seed [mlkem.SeedSize]byte
	if _, err := io.ReadFull(v.random, seed[:]); err != nil {
		return nil, err
	}
	if v.kem, err = mlkem.NewDecapsulationKey768(seed[:]); err != nil {
		return nil, err
	}
	ours := v.kem.EncapsulationKey().Bytes()
	v.run = cpace.Start(v.random, true, v.input(v.setup.Secret, f.Hello.Nonce, v.nonce), associated(v.setup.Own, ours))
	return Frame{Share: &Share{Nonce: v.nonce, Key: v.setup.Own, KEM: ours, Share: v.run.Share(), Link: v.setup.ByLink}}.Encode(), nil
}

// Reply takes the host's share and returns the confirmation. [PAIR-4]
func (v *Visitor) Reply(data []byte) ([]byte, error) {
	v.at(shared, replied)
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Reply == nil {
		return nil, frameError("no reply")
	}
	v.promise = f.Reply.Promise
	if v.secret, err = v.kem.Decapsulate(f.Reply.KEM); err != nil {
		return nil, frameError("a bad ciphertext")
	}
	if v.session, err = v.run.Finish(f.Reply.Share, associated(v.setup.Peer, f.Reply.KEM, f.Reply.Promise[:])); err != nil {
		return nil, frameError("%v", err)
	}
	return Frame{Confirm: &Confirm{Tag: v.session.Tag(), Part: v.part}}.Encode(), nil
}

// Confirm takes the host's confirmation. The error is a *RefusedError if it says that the code is wrong, and ErrCode if
// what it sends proves that it has another one. [PAIR-5]
func (v *Visitor) Confirm(data []byte) error {
	v.at(replied, agreed)
	f, err := DecodeFrame(data)
	switch {
	case err != nil:
	case f.Refuse != nil:
		err = &RefusedError{Left: int(f.Refuse.Left)}
	case f.Confirm == nil:
		err = frameError("no confirmation")
	case v.session.Confirm(f.Confirm.Tag) != nil:
		err = ErrCode
	case v.purpose.commitment(f.Confirm.Part) != v.promise:
		err = frameError("another part of the words than was promised")
	}
	if err != nil {
		v.phase = ended
		return err
	}
	v.channel = NewChannel(v.purpose, Secrets{Key: v.session.Key(), KEM: v.secret, Host: f.Confirm.Part, Visitor: v.part}, false)
	return nil
}
