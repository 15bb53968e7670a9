package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/rendezvous/rvproto"
)

// Another node of an organization asks one of this node's processes, whichever its stream led to. So each notes for it what devices tell
// any of them: what the store keeps it sees there, and acknowledgements, which nobody keeps, they tell each other. [STO-97]

// telling is a queue by which the processes of a node tell each other things that nobody keeps. Listen gets what others tell until ctx
// ends; what comes while it does not listen, or too fast, is lost.
type telling interface {
	Tell(data []byte)
	Listen(ctx context.Context, heard func(data []byte)) error
}

// passOn notes for the other nodes what a device has told another process, as the store has it now.
func (o *org) passOn(p []string) error {
	if !o.several.Load() {
		return nil
	}
	split := make([][]byte, len(p))
	for i := range p {
		split[i] = []byte(p[i])
	}
	key := kv.Key(split...)
	for _, table := range snapshotTables {
		if p[0] != string(table.table) {
			continue
		}
		var note rvproto.NodeNote
		found, err := value(o.roll.store, key)
		if err != nil || found == nil {
			return err
		}
		err = o.roll.store.View(func(tx *kv.Tx) (err error) {
			note, err = table.note(tx, o, key, found)
			return err
		})
		if errors.Is(err, kv.ErrNotFound) { // the conversation is gone by now
			continue
		}
		if err != nil {
			return fmt.Errorf("noting for the other nodes: %w", err)
		}
		if note.Kind != 0 {
			o.note(note)
		}
	}
	return nil
}

// tellProcesses tells the other processes of a signed acknowledgement. That it is lost has a copy be delivered once more by another node.
func (n *Node) tellProcesses(o *org, signed []byte) {
	q, tells := n.queue.(telling)
	if !tells || !o.several.Load() {
		return
	}
	q.Tell(append(o.id[:], signed...))
}

// hearProcesses notes what devices acknowledged at other processes, until ctx ends.
func (n *Node) hearProcesses(ctx context.Context) error {
	q, tells := n.queue.(telling)
	if !tells {
		return nil
	}
	return q.Listen(ctx, n.hearProcess)
}

// hearProcess takes in an acknowledgement as from the device itself, which signed it. What does not hold changes nothing.
func (n *Node) hearProcess(data []byte) {
	if len(data) < keys.IDSize {
		return
	}
	o := n.directory.org(keys.OrgID(data[:keys.IDSize]))
	if o == nil || !o.several.Load() {
		return
	}
	signed := data[keys.IDSize:]
	ack, err := rvproto.OpenAck(signed, o.id)
	if err != nil || n.directory.of(ack.Device) != o {
		return
	}
	o.note(rvproto.NodeNote{Kind: rvproto.NoteAck, Signed: bytes.Clone(signed)})
}
