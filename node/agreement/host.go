package agreement

import (
	"crypto/mlkem"
	"io"

	"muster.example/internal/cpace"
)

// Host is the side of the device that shows the code, in one conversation. Its methods are called in the order in which they
// stand here; each takes the other side's next frame, or returns the next one for it. After an error the conversation is
// over.
type Host struct {
	side
	kem []byte
}

// NewHost begins a conversation.
func NewHost(random io.Reader, purpose Purpose, setup Setup) *Host {
	return &Host{side: side{purpose: purpose, setup: setup, random: random}}
}

// Hello returns the first frame.
func (h *Host) Hello() []byte {
	h.at(fresh, greeted)
	h.draw()
	return Frame{Hello: &Hello{Version: version, Nonce: h.nonce, Key: h.setup.Own}}.Encode()
}

// Share takes the visitor's share and returns the reply. [PAIR-4]
func (h *Host) Share(data []byte) ([]byte, error) {
	h.at(greeted, shared)
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Share == nil {
		return nil, frameError("no share")
	}
	if !h.setup.Peer.IsZero() && f.Share.Key != h.setup.Peer {
		return nil, ErrPeer
	}
	secret := h.setup.Secret
	if f.Share.Link {
		if secret = h.setup.Link; len(secret) == 0 {
			return nil, frameError("a link where there is none")
		}
	}
	theirs, err := mlkem.NewEncapsulationKey768(f.Share.KEM)
	if err != nil {
		return nil, frameError("a bad encapsulation key")
	}
	var ciphertext []byte
	h.kem, ciphertext = theirs.Encapsulate()
	promise := h.purpose.commitment(h.part)
	run := cpace.Start(h.random, false, h.input(secret, h.nonce, f.Share.Nonce), associated(h.setup.Own, ciphertext, promise[:]))
	if h.session, err = run.Finish(f.Share.Share, associated(f.Share.Key, f.Share.KEM)); err != nil {
		return nil, frameError("%v", err)
	}
	return Frame{Reply: &Reply{KEM: ciphertext, Share: run.Share(), Promise: promise}}.Encode(), nil
}

// Confirm takes the visitor's confirmation and returns the own one. Under ErrCode the try was wrong, and nothing was
// given away. [PAIR-5]
func (h *Host) Confirm(data []byte) ([]byte, error) {
	h.at(shared, agreed)
	f, err := DecodeFrame(data)
	if err == nil && f.Confirm == nil {
		err = frameError("no confirmation")
	}
	if err == nil && h.session.Confirm(f.Confirm.Tag) != nil {
		err = ErrCode
	}
	if err != nil {
		h.phase = ended
		return nil, err
	}
	h.channel = NewChannel(h.purpose, Secrets{Key: h.session.Key(), KEM: h.kem, Host: h.part, Visitor: f.Confirm.Part}, true)
	return Frame{Confirm: &Confirm{Tag: h.session.Tag(), Part: h.part}}.Encode(), nil
}

// RefuseFrame is what a visitor with a wrong code is told in the place of a confirmation.
func RefuseFrame(left int) []byte { return Frame{Refuse: &Refuse{Left: uint8(max(0, left))}}.Encode() }
