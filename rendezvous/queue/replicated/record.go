package replicated

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
)

// record is one message of a shard's log. What it says is applied in this order: items, states, acks. [STO-82]
type record struct {
	Lists  [][]byte `cbor:"1,keyasint,omitempty"` // keys of devices, in order, one behind the other
	Items  []note   `cbor:"2,keyasint,omitempty"` // accepted with this record
	States []note   `cbor:"3,keyasint,omitempty"` // living items as they are now, instead of what earlier records say
	Acks   []acked  `cbor:"4,keyasint,omitempty"` // entries that are done with
}

// note says of one item what is known of it without its body.
type note struct {
	_       struct{} `cbor:",toarray"`
	ID      keys.EnvelopeID
	Org     keys.OrgID
	Kind    uint8
	Payer   keys.MemberID
	Size    uint32 // of the body
	Expires uint64 // Unix seconds
	Of      uint64 // in Items the number of the item that gets these entries besides, 0 for one with a body of its own; in States its number
	Token   uint64 // under which the keys of this commit lie
	Key     uint32 // which of them is the body's
	Parts   []part // where the sealed body lies
	Groups  []group
}

// part is a piece of a sealed body: bytes of one message of the stream of bodies.
type part struct {
	_      struct{} `cbor:",toarray"`
	Seq    uint64
	Offset uint32
	Length uint32
}

// group is entries with one number.
type group struct {
	_      struct{} `cbor:",toarray"`
	Number uint64   // in States; 0 in Items, where the place of the record and in it makes the number
	List   uint32   // index in Lists
	Except []uint32 // of whom nothing waits, ascending indexes in the list
}

// acked is the entries of one device that are done with.
type acked struct {
	_       struct{} `cbor:",toarray"`
	Device  keys.PublicKey
	Numbers []uint64
}

// numberOf makes the number of the item at index i of the record with a sequence in a shard. [STO-83]
func numberOf(seq uint64, i, shard int) uint64 { return seq<<24 | uint64(i)<<8 | uint64(shard) }

func (r *record) empty() bool { return len(r.Items) == 0 && len(r.States) == 0 && len(r.Acks) == 0 }

// parseRecord reads a record strictly. Errors wrap wire.ErrDecode.
func parseRecord(data []byte) (r record, err error) {
	if len(data) > maxRecord {
		return r, fmt.Errorf("%w: a record of %d bytes", wire.ErrDecode, len(data))
	}
	if err := wire.Decode(data, &r); err != nil {
		return r, err
	}
	return r, r.check()
}

func (r *record) check() error {
	bad := func(what string) error { return fmt.Errorf("%w: a record %s", wire.ErrDecode, what) }
	if r.empty() || len(r.Items) > maxItems || len(r.States) > maxItems {
		return bad("of nothing, or of too much")
	}
	for _, list := range r.Lists {
		if len(list) == 0 || len(list)%keys.PublicKeySize != 0 || len(list)/keys.PublicKeySize > queue.MaxSet {
			return bad("with a list of no devices")
		}
		for i := keys.PublicKeySize; i < len(list); i += keys.PublicKeySize {
			if string(list[i-keys.PublicKeySize:i]) >= string(list[i:i+keys.PublicKeySize]) {
				return bad("with a list out of order")
			}
		}
	}
	for i := range r.Items {
		if what := r.Items[i].check(r, false); what != "" {
			return bad(what)
		}
	}
	for i := range r.States {
		if what := r.States[i].check(r, true); what != "" {
			return bad(what)
		}
	}
	for _, a := range r.Acks {
		if len(a.Numbers) == 0 || len(a.Numbers) > maxAcked {
			return bad("that acknowledges nothing")
		}
	}
	return nil
}

// body reports whether a note says where the body lies.
func (n *note) body(state bool) bool { return state || n.Of == 0 }

// check returns what is wrong with a note, "" for nothing.
func (n *note) check(r *record, state bool) string {
	switch {
	case n.Kind < uint8(queue.Envelope) || n.Kind > uint8(queue.Silence):
		return "of an unknown kind"
	case n.Size > queue.MaxBody:
		return "of a body that is too long"
	case state && n.Of == 0:
		return "that states what has no number"
	case n.body(state) != (len(n.Parts) > 0), len(n.Parts) > maxParts:
		return "of a body that is nowhere"
	case len(n.Groups) == 0, !state && len(n.Groups) > 1:
		return "of an item for nobody"
	}
	length := uint64(0)
	for _, p := range n.Parts {
		length += uint64(p.Length)
	}
	if n.body(state) && length != uint64(n.Size)+sealOverhead {
		return "of a body of another length"
	}
	for i, g := range n.Groups {
		if (g.Number != 0) != state || i > 0 && g.Number <= n.Groups[i-1].Number || int(g.List) >= len(r.Lists) {
			return "of entries that are nowhere"
		}
		devices := len(r.Lists[g.List]) / keys.PublicKeySize
		if len(g.Except) >= devices {
			return "of an item for nobody"
		}
		for j, at := range g.Except {
			if int(at) >= devices || j > 0 && at <= g.Except[j-1] {
				return "that leaves out who is not there"
			}
		}
	}
	return ""
}

// devices calls visit with each device of a group.
func (r *record) devices(g *group, visit func(device keys.PublicKey)) {
	list, except := r.Lists[g.List], g.Except
	for i := 0; i*keys.PublicKeySize < len(list); i++ {
		if len(except) > 0 && int(except[0]) == i {
			except = except[1:]
			continue
		}
		visit(keys.PublicKey(list[i*keys.PublicKeySize:]))
	}
}

// lister builds the lists of a record: the same list stands there once.
type lister struct {
	lists [][]byte
	known map[string]uint32 // by the bytes of short lists
	last  *keys.PublicKey   // where the list begins that was added last, and
	count int               // how long it is
	at    uint32
}

func (l *lister) add(devices []keys.PublicKey) uint32 {
	if l.last == &devices[0] && l.count == len(devices) {
		return l.at
	}
	flat := make([]byte, 0, len(devices)*keys.PublicKeySize)
	for i := range devices {
		flat = append(flat, devices[i][:]...)
	}
	if l.known == nil {
		l.known = make(map[string]uint32)
	}
	at, known := l.known[string(flat)]
	if !known {
		at = uint32(len(l.lists))
		l.lists = append(l.lists, flat)
		l.known[string(flat)] = at
	}
	l.last, l.count, l.at = &devices[0], len(devices), at
	return at
}
