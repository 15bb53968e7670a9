package exchange

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"muster.example/sync/reconcile"
)

// Answer serves the side that opened the stream, until that says that all is done. It is for the caller to end the stream, also
// to make Answer return. Errors wrap ErrProtocol if the other side is at fault.
func Answer(ctx context.Context, stream io.ReadWriter, own History) (Progress, error) {
	a := &answerer{link: newLink(stream), history: own}
	err := a.run(ctx)
	a.Sent, a.Received = a.link.sent, a.link.received
	return a.Progress, err
}

// answerer is the side that did not open the stream. Between frames it keeps nothing but the set that it last answered from.
type answerer struct {
	Progress
	link    *link
	history History
	key     [32]byte
	set     *reconcile.Set
	since   uint64 // the set has what there is from this time on
}

func (a *answerer) run(ctx context.Context) error {
	if err := a.hello(); err != nil {
		return err
	}
	for {
		f, err := a.link.read(kindQuestion, kindWant, kindGive, kindFile, kindEnd)
		switch {
		case err != nil:
			return err
		case f.Kind == kindEnd:
			if err := a.digest(); err != nil {
				return err
			}
			return a.link.out.Flush()
		case f.Kind == kindQuestion:
			err = a.question(f)
		case f.Kind == kindWant:
			err = a.want(f)
		case f.Kind == kindGive:
			err = a.take(ctx, f)
		case f.Kind == kindFile:
			err = a.file(f)
		}
		if err != nil {
			return err
		}
	}
}

// hello agrees on the session's key and says how things stand.
func (a *answerer) hello() error {
	theirs, err := a.link.read(kindHello)
	if err != nil {
		return err
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	if err := a.link.write(frame{Kind: kindHello, Data: nonce}); err != nil {
		return err
	}
	a.key = sessionKey(theirs.Data, nonce)
	return a.digest()
}

func (a *answerer) digest() error {
	digest, err := a.history.Digest()
	if err != nil {
		return err
	}
	print := digest.Print(a.key)
	return a.link.write(frame{Kind: kindDigest, Data: print[:], Count: digest.Count})
}

func (a *answerer) question(f frame) error {
	if since := reconcile.Start(f.Data).Time(); a.set == nil || since < a.since {
		items, err := a.history.Items(since)
		if err != nil {
			return err
		}
		a.set, a.since = reconcile.NewSet(a.key, items), since
	}
	answer, err := reconcile.Answer(a.set, f.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	a.Rounds++
	return a.link.write(frame{Kind: kindAnswer, Data: answer})
}

// want hands over what is asked for, in the order in which it is asked for.
func (a *answerer) want(f frame) error {
	wanted, err := reconcile.DecodeMissing(f.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	a.set = nil
	batch := newBatch(a.link)
	for _, m := range wanted {
		err := a.history.Records(m, func(_ reconcile.Item, record []byte) (bool, error) {
			a.Given++
			return true, batch.add(record)
		})
		if err != nil {
			return err
		}
	}
	if err := batch.flush(); err != nil {
		return err
	}
	return a.link.write(frame{Kind: kindEnd})
}

func (a *answerer) take(ctx context.Context, f frame) error {
	_, err := a.history.Take(ctx, f.Records)
	a.Taken += uint64(len(f.Records))
	return err
}
