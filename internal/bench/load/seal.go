package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// defaultBody makes an envelope of 1,150 bytes, of a padded size next above 1 KiB: header, signature and padding are the
// rest.
const defaultBody = 620

// letter is a sealed message for one device, or for a group.
type letter struct {
	rvproto.PostFrame
	id keys.EnvelopeID
	to []keys.PublicKey // who gets it
}

// meta is what every envelope says about itself.
func (o *org) meta() envelope.Meta {
	return envelope.Meta{RollSize: o.size, Expires: time.Now().Add(24 * time.Hour).Unix()}
}

// lineTo returns a sender's side of its conversation with a receiver, begun anew when it is due.
func (o *org) lineTo(from, to *device) (*line, error) {
	l := from.chains[to.public]
	if l != nil && !l.chain.Due(time.Now()) {
		return l, nil
	}
	chain, err := envelope.NewChain(rand.Reader, o.id, envelope.Among(from.member, to.member), from.public, time.Now(), o.size)
	if err != nil {
		return nil, err
	}
	l = &line{chain: chain}
	from.chains[to.public] = l
	return l, nil
}

// seal seals a body for one device.
func (o *org) seal(from, to *device, body []byte) (letter, error) {
	l, err := o.lineTo(from, to)
	if err != nil {
		return letter{}, err
	}
	content := envelope.Content{Head: make([]byte, 120), Kind: 1, Body: body}
	sealed, _, err := l.chain.Seal(rand.Reader, from.key, &l.line, content, o.meta())
	if err != nil {
		return letter{}, err
	}
	return letterTo(to, sealed), nil
}

// letterTo is a post to one device.
func letterTo(to *device, sealed envelope.Envelope) letter {
	only := []keys.PublicKey{to.public}
	return letter{rvproto.PostFrame{Recipients: only, Envelope: sealed.Bytes()}, sealed.ID(), only}
}

// announce begins a chain to one device and seals the announcement.
func (o *org) announce(from, to *device) (letter, error) {
	delete(from.chains, to.public)
	l, err := o.lineTo(from, to)
	if err != nil {
		return letter{}, err
	}
	sealed, err := l.chain.Announce(rand.Reader, from.key, to.prekey.Prekey, o.meta())
	if err != nil {
		return letter{}, err
	}
	return letterTo(to, sealed), nil
}

// addressee returns who gets a sender's i-th message: the receivers in turn, each sender beginning elsewhere.
func (o *org) addressee(sender, i int) *device {
	return o.receivers[(sender*len(o.receivers)/len(o.senders)+i)%len(o.receivers)]
}

// sealAll seals count messages of random bytes, divided among the senders.
func (o *org) sealAll(ctx context.Context, count, body int) ([][]letter, error) {
	all := make([][]letter, len(o.senders))
	err := each(ctx, o.senders, func(ctx context.Context, s int, from *device) error {
		share := shareOf(count, len(o.senders), s)
		all[s] = make([]letter, 0, share)
		text := make([]byte, body)
		for i := range share {
			if _, err := rand.Read(text); err != nil {
				return err
			}
			sealed, err := o.seal(from, o.addressee(s, i), text)
			if err != nil {
				return fmt.Errorf("sealing: %w", err)
			}
			all[s] = append(all[s], sealed)
		}
		return ctx.Err()
	})
	return all, err
}

// announceAll begins a chain from every sender to every receiver.
func (o *org) announceAll(ctx context.Context) ([][]letter, error) {
	all := make([][]letter, len(o.senders))
	err := each(ctx, o.senders, func(ctx context.Context, s int, from *device) error {
		for _, to := range o.receivers {
			sealed, err := o.announce(from, to)
			if err != nil {
				return fmt.Errorf("announcing: %w", err)
			}
			all[s] = append(all[s], sealed)
		}
		return nil
	})
	return all, err
}

// shareOf returns the i-th of n nearly equal parts of count.
func shareOf(count, n, i int) int { return count*(i+1)/n - count*i/n }

// sharesOf divides count among n.
func sharesOf(count, n int) []int {
	shares := make([]int, n)
	for i := range shares {
		shares[i] = shareOf(count, n, i)
	}
	return shares
}

// lengths returns how many letters each sender has.
func lengths(all [][]letter) []int {
	shares := make([]int, len(all))
	for i := range all {
		shares[i] = len(all[i])
	}
	return shares
}
