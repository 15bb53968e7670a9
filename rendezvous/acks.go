package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// acks are acknowledgements that are carried out together.
type acks struct {
	ids  []keys.EnvelopeID
	said []saying // receipts, and what stands for envelopes of which nothing is said
}

// saying is an item about envelopes of one device.
type saying struct {
	queue.Item
	sender keys.PublicKey
}

// collect reads one ack frame. What it names by id is done with, and nobody is told: receipts, and what came from members
// who are to hear nothing. A receipt of another device or organization ends the stream. Whether its signature holds is for
// the sender to see, who believes nobody else: who sends a bad one has given up what it names, as by its id. Of what it names
// only what this stream delivered, from the sender that it names, counts, and each delivery once. What is read here is on
// its way out of the queue: if it comes again, that is another delivery. [RV-51]
func (d *deliverer) collect(a *acks, frame []byte) error {
	ack, err := rvproto.ParseAck(frame)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ack.IDs {
		if p, ok := d.unread[id]; ok {
			a.ids = append(a.ids, p.queued)
			if p.kind == rvproto.KindEnvelope && !d.archive {
				a.said = append(a.said, d.silence(id, p))
			}
			d.readLocked(id, p)
		}
	}
	for _, signed := range ack.Receipts {
		receipt, err := envelope.ReadReceipt(signed, d.org.id)
		if err != nil {
			return fmt.Errorf("a receipt: %w", err)
		}
		if receipt.Device != d.device {
			return fmt.Errorf("%w: a receipt of another device", wire.ErrDecode)
		}
		before := len(a.ids)
		for _, ids := range [][]keys.EnvelopeID{receipt.Opened, receipt.Failed} {
			for _, id := range ids {
				if p, ok := d.unread[id]; ok && p.kind == rvproto.KindEnvelope && p.sender == receipt.Sender {
					a.ids = append(a.ids, p.queued)
					d.readLocked(id, p)
				}
			}
		}
		if len(a.ids) > before {
			a.said = append(a.said, saying{d.forward(receipt.Sender, signed), receipt.Sender})
		}
	}
	return nil
}

// silence makes an item of what is dropped without a word, until the time of the envelope is over.
func (d *deliverer) silence(id keys.EnvelopeID, p pending) saying {
	expires := d.node.cfg.Now().Add(d.org.terms().queueTime)
	if p.expires < expires.Unix() {
		expires = time.Unix(p.expires, 0)
	}
	return saying{silence{p.sender, d.device, id, p.introduction}.item(d.org.id, expires), p.sender}
}

// readLocked takes a delivery out of the window.
func (d *deliverer) readLocked(id keys.EnvelopeID, p pending) {
	d.bytes -= p.bytes
	delete(d.unread, id)
}

// forward makes a receipt an item for the sender's device. The queue keeps it, and must not keep the frame. [RV-12]
func (d *deliverer) forward(sender keys.PublicKey, signed []byte) queue.Item {
	now := d.node.cfg.Now()
	return queue.Item{
		ID: rvproto.ReceiptID(signed), Org: d.org.id, Kind: queue.Receipt, Body: bytes.Clone(signed),
		Recipients: []keys.PublicKey{sender}, Expires: now.Add(d.org.terms().queueTime),
	}
}

// settle queues the receipts and then takes what they acknowledge out of the queue: a crash in between delivers again,
// which receivers notice; the other order could lose a receipt. A receipt for which there is no room is given up: its
// author offers the envelope again and is told then, whereas waiting would let whoever fills their own queue hold up the
// deliveries of those they write to. [RV-52]
func (d *deliverer) settle(ctx context.Context, a *acks) error {
	if len(a.ids) == 0 {
		return nil
	}
	var items []queue.Item
	d.org.roll.read(func(state *membership.State) {
		for _, item := range a.said {
			var ok bool
			if item.Payer, ok = state.MemberOf(item.sender); !ok {
				continue
			}
			if !d.node.room.receipt(d.org.id, item.Payer, len(item.Body)) {
				d.node.counters.receiptsGivenUp.Add(1)
				continue
			}
			items = append(items, item.Item)
		}
	})
	if len(items) > 0 {
		for _, err := range d.node.queue.Put(ctx, items) {
			if errors.Is(err, queue.ErrFull) {
				d.node.counters.receiptsGivenUp.Add(1)
			} else if err != nil {
				return fmt.Errorf("queueing a receipt: %w", err) // delivered and receipted again in a later session
			}
		}
	}
	// The stream may end meanwhile: what is receipted is not to be delivered again for that.
	if err := d.node.queue.Ack(context.WithoutCancel(ctx), d.device, a.ids); err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	d.node.counters.acknowledged.Add(int64(len(a.ids)))
	if d.archive {
		d.settleArchive(ctx)
	}
	d.session.poke()
	return nil
}

// hearSigned takes in what the device is done with wherever it waits, for the other nodes. It speaks for nobody else.
// [RV-165]
func (d *deliverer) hearSigned(frame []byte) (heard bool, err error) {
	if kind, err := rvproto.TypeOf(frame); err != nil || kind != rvproto.FrameSigned {
		return false, err
	}
	signed, err := rvproto.ParseSigned(frame)
	if err != nil {
		return true, err
	}
	ack, err := rvproto.OpenAck(signed, d.org.id)
	if err != nil {
		return true, fmt.Errorf("an acknowledgement for the other nodes: %w", err)
	}
	if ack.Device != d.device {
		return true, fmt.Errorf("%w: an acknowledgement of another device", wire.ErrDecode)
	}
	d.org.note(rvproto.NodeNote{Kind: rvproto.NoteAck, Signed: bytes.Clone(signed)})
	d.node.tellProcesses(d.org, signed)
	return true, nil
}
