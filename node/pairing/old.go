package pairing

import (
	"crypto/mlkem"
	"io"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
)

// Old is the side of the device that has the account, in one conversation. Its methods are called in the order in which they
// stand here; each takes the other side's next frame, or returns the next one for it. After an error the conversation is
// over.
type Old struct {
	side
	kem []byte
}

// NewOld begins a conversation.
func NewOld(random io.Reader, setup Setup) *Old {
	return &Old{side: side{setup: setup, random: random}}
}

// Hello returns the first frame.
func (o *Old) Hello() []byte {
	o.at(fresh, greeted)
	o.draw()
	return frame{Hello: &hello{Version: version, Nonce: o.nonce, Key: o.setup.Own}}.encode()
}

// Share takes the new device's share and returns the reply. [PAIR-4]
func (o *Old) Share(data []byte) ([]byte, error) {
	o.at(greeted, shared)
	f, err := decodeFrame(data)
	if err != nil {
		return nil, err
	}
	if f.Share == nil {
		return nil, frameError("no share")
	}
	if !o.setup.Peer.IsZero() && f.Share.Key != o.setup.Peer {
		return nil, ErrPeer
	}
	secret := o.setup.Secret
	if f.Share.Link {
		if secret = o.setup.Link; len(secret) == 0 {
			return nil, frameError("a link where there is none")
		}
	}
	theirs, err := mlkem.NewEncapsulationKey768(f.Share.KEM)
	if err != nil {
		return nil, frameError("a bad encapsulation key")
	}
	var ciphertext []byte
	o.kem, ciphertext = theirs.Encapsulate()
	promise := commitment(o.part)
	run := cpace.Start(o.random, false, o.input(secret, o.nonce, f.Share.Nonce), associated(o.setup.Own, ciphertext, promise[:]))
	if o.session, err = run.Finish(f.Share.Share, associated(f.Share.Key, f.Share.KEM)); err != nil {
		return nil, frameError("%v", err)
	}
	return frame{Reply: &reply{KEM: ciphertext, Share: run.Share(), Promise: promise}}.encode(), nil
}

// Confirm takes the new device's confirmation and returns the own one. Under ErrCode the try was wrong, and nothing was
// given away. [PAIR-5]
func (o *Old) Confirm(data []byte) ([]byte, error) {
	o.at(shared, joined)
	f, err := decodeFrame(data)
	if err == nil && f.Confirm == nil {
		err = frameError("no confirmation")
	}
	if err == nil && o.session.Confirm(f.Confirm.Tag) != nil {
		err = ErrCode
	}
	if err != nil {
		o.phase = ended
		return nil, err
	}
	o.channel = newChannel(agreement{key: o.session.Key(), kem: o.kem, old: o.part, new: f.Confirm.Part}, true)
	o.sure = true
	return frame{Confirm: &confirm{Tag: o.session.Tag(), Part: o.part}}.encode(), nil
}

// RefuseFrame is what a new device with a wrong code is told in the place of a confirmation.
func RefuseFrame(left int) []byte { return frame{Refuse: &refuse{Left: uint8(max(0, left))}}.encode() }

// Offer returns the frame of the offer, once the person has said yes to the words. An offer beyond its caps is an error.
// [PAIR-10]
func (o *Old) Offer(offer Offer) ([]byte, error) {
	o.at(joined, offered)
	o.orgs = len(offer.Orgs)
	err := offer.check()
	data := o.channel.seal(message{Offer: &offer})
	if len(data) > MaxFrame {
		err = frameError("an offer of %d bytes", len(data))
	}
	return data, err
}

// Keys takes the new device's keys, one for each organization, of which none stands for two.
func (o *Old) Keys(data []byte) ([]keys.PublicKey, error) {
	o.at(offered, keyed)
	m, err := o.channel.open(data)
	if err != nil {
		return nil, err
	}
	if m.Keys == nil || len(m.Keys.Devices) != o.orgs {
		return nil, frameError("not a key for each organization")
	}
	seen := make(map[keys.PublicKey]bool)
	for _, key := range m.Keys.Devices {
		if key.IsZero() || seen[key] {
			return nil, frameError("no key, or one for two organizations")
		}
		seen[key] = true
	}
	return m.Keys.Devices, nil
}

// Ask returns the frame that asks for signatures. It may be asked again after Signatures. [PAIR-11]
func (o *Old) Ask(ask Ask) []byte {
	if o.phase == signed {
		o.phase = keyed
	}
	o.at(keyed, asked)
	return o.channel.seal(message{Ask: &ask})
}

// Signatures takes the new device's signatures, count of them, and does not look at them: the rules of the roll do.
func (o *Old) Signatures(data []byte, count int) ([]keys.Signature, error) {
	o.at(asked, signed)
	m, err := o.channel.open(data)
	if err != nil {
		return nil, err
	}
	if m.Signatures == nil || len(m.Signatures.Signatures) != count {
		return nil, frameError("not a signature for each place")
	}
	return m.Signatures.Signatures, nil
}

// Done returns the last frame. It may follow Keys too: when there is nothing to sign.
func (o *Old) Done(done Done) []byte {
	if o.phase == keyed {
		o.phase = signed
	}
	o.at(signed, ended)
	return o.channel.seal(message{Done: &done})
}
