package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// serveNode answers /muster/node/1: another node of an organization asks, again and again, and is told what is new. Who is
// no node of it by this roll is refused. [RV-160]
func (n *Node) serveNode(ctx context.Context, from keys.PublicKey, s network.Stream) error {
	frames := wire.NewFrameReader(s, exchangeBuffer, rvproto.MaxNodeAsk)
	var teller *teller
	for {
		if err := s.SetDeadline(time.Now().Add(rvproto.NodeWait + rvproto.WriteTime)); err != nil {
			return err
		}
		frame, err := frames.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a node's question: %w", err)
		}
		var answer rvproto.NodeAnswer
		ask, err := rvproto.Parse[rvproto.NodeAsk](frame)
		if err != nil {
			answer.Status = wire.StatusMalformed
		} else if o := n.directory.org(ask.Org); o == nil || !o.isPeer(from) && (teller == nil || teller.org != o || teller.last) {
			answer.Status = wire.StatusNotMember
		} else {
			if teller == nil || teller.org.id != ask.Org {
				teller = newTeller(n, o)
			}
			teller.org, teller.last = o, !o.isPeer(from) // who was taken away is told so, and nothing more
			if answer, err = teller.answer(ctx, ask); err != nil {
				answer = rvproto.NodeAnswer{Status: n.fault("telling another node", err)}
			}
		}
		if answer.Status != wire.StatusOK && !n.peers.knows(from) {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
		}
		if err := s.SetDeadline(time.Now().Add(rvproto.WriteTime)); err != nil {
			return err
		}
		if _, err := s.Write(wire.AppendFrame(nil, wire.Encode(answer))); err != nil {
			return fmt.Errorf("answering a node: %w", err)
		}
		if answer.Status != wire.StatusOK || n.stopping() {
			return nil
		}
	}
}

// teller is what one stream of another node has been told.
type teller struct {
	node     *Node
	org      *org
	snapshot *snapshot // under way; nil: none
	told     []byte    // the checkpoint that it was told last
	last     bool      // the other node is none any more
}

func newTeller(n *Node, o *org) *teller { return &teller{node: n, org: o} }

// answer returns what is new, waiting for it.
func (t *teller) answer(ctx context.Context, ask rvproto.NodeAsk) (rvproto.NodeAnswer, error) {
	timer := time.NewTimer(rvproto.NodeWait)
	defer timer.Stop()
	for {
		_, _, more, _ := t.org.journal.since(ask.Epoch, ask.After)
		grown := t.org.roll.grown()
		answer, news, err := t.now(ask)
		if err != nil || news {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, nil
		case <-t.node.stop:
			return answer, nil
		case <-timer.C:
			return answer, nil
		case <-more:
		case <-grown:
		}
	}
}

// now returns what is new: of the roll first, so that whoever is spoken of in notes is known.
func (t *teller) now(ask rvproto.NodeAsk) (answer rvproto.NodeAnswer, news bool, err error) {
	answer.Epoch, answer.After = ask.Epoch, ask.After
	r := t.org.roll
	r.mu.RLock()
	size, note := r.roll.Size(), r.note
	r.mu.RUnlock()
	if ask.To > 0 || ask.Size < size || !bytes.Equal(ask.Note, note) && !bytes.Equal(t.told, note) {
		page, err := r.page(reader{everything: true}, ask.Size, ask.To)
		if err != nil || page.Status != wire.StatusOK {
			return rvproto.NodeAnswer{Status: page.Status}, true, err
		}
		t.told = note
		answer.Checkpoint, answer.Entries, answer.Proof = page.Checkpoint, page.Entries, page.Proof
		return answer, true, nil
	}
	if t.last {
		return answer, false, nil
	}
	if t.snapshot == nil {
		notes, last, _, ok := t.org.journal.since(ask.Epoch, ask.After)
		if ok {
			answer.Notes, answer.After = notes, last
			return answer, len(notes) > 0, nil
		}
		t.snapshot = t.org.snapshot()
	}
	if answer.Notes, err = t.snapshot.next(); err != nil {
		return answer, true, err
	}
	if len(answer.Notes) == 0 { // all is said: from here on by the journal
		answer.Epoch, answer.After = t.snapshot.epoch, t.snapshot.from
		t.snapshot = nil
	}
	return answer, true, nil
}
