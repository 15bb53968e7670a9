package rendezvous

import (
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// Memory for envelopes of which only the beginning has come.
const (
	parcelPart   = 32       // of the machine's memory
	leastParcels = 32 << 20 // 32 of the largest, or 240 of the pieces that files are cut into
)

// parcels are the envelopes that come in pieces, over slow links that break: of each device the beginning of one, in memory alone, so
// that nothing of what is delivered stays on a disk. A restart of the node forgets them, and their senders begin anew. [RV-201]
type parcels struct {
	most int

	mu    sync.Mutex // guards the following
	bytes int        // that are promised: the sizes of the whole
	of    map[keys.PublicKey]*parcel
}

// parcel is what has come of one envelope.
type parcel struct {
	id    keys.EnvelopeID // as its sender says: the post is judged by the bytes
	size  int
	data  []byte
	grew  time.Time
	guest bool
}

func newParcels(memory int64) *parcels {
	return &parcels{most: max(leastParcels, int(min(memory/parcelPart, 1<<30))), of: make(map[keys.PublicKey]*parcel)}
}

// held returns what there is of a device's envelope; false if there is none.
func (p *parcels) held(device keys.PublicKey, now time.Time) (rvproto.HeldFrame, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[device]
	if one == nil || now.Sub(one.grew) > rvproto.KeepPieces {
		p.dropLocked(device)
		return rvproto.HeldFrame{}, false
	}
	return rvproto.HeldFrame{ID: one.id, Bytes: len(one.data)}, true
}

// begin has a device's envelope go on at the offset that it names, and takes the place of another one. It reports whether the pieces
// that follow are kept: not if they would leave a gap, or if there is no room.
func (p *parcels) begin(device keys.PublicKey, f rvproto.BeginFrame, guest bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[device]
	if one != nil && one.id == f.ID && one.size == f.Size && f.Offset <= len(one.data) {
		one.data, one.grew = one.data[:f.Offset], now
		return true
	}
	p.dropLocked(device)
	if f.Offset > 0 || !p.makeRoomLocked(f.Size, guest, now) {
		return false
	}
	p.bytes += f.Size
	p.of[device] = &parcel{id: f.ID, size: f.Size, grew: now, guest: guest}
	return true
}

// makeRoomLocked drops what has not grown for longest, guests' first, until there is room for size bytes. What grew within the last
// minute is spared: many who begin at once must not keep each other from ever ending. A guest takes no member's room. Callers hold mu.
func (p *parcels) makeRoomLocked(size int, guest bool, now time.Time) bool {
	for p.bytes+size > p.most {
		var oldest keys.PublicKey
		var found *parcel
		for device, one := range p.of {
			spared := now.Sub(one.grew) < time.Minute || guest && !one.guest
			if !spared && (found == nil || one.guest && !found.guest || one.guest == found.guest && one.grew.Before(found.grew)) {
				oldest, found = device, one
			}
		}
		if found == nil {
			return false
		}
		p.dropLocked(oldest)
	}
	return true
}

// add adds a piece. What goes beyond the size that was announced is no piece of it: false.
func (p *parcels) add(device keys.PublicKey, piece []byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[device]
	if one == nil {
		return true // it was dropped to make room: what is held says so
	}
	if len(one.data)+len(piece) > one.size {
		return false
	}
	one.data, one.grew = append(one.data, piece...), now
	return true
}

// take gives a whole envelope out, and forgets it; nil if it is not whole, or not here.
func (p *parcels) take(device keys.PublicKey, id keys.EnvelopeID) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[device]
	if one == nil || one.id != id || len(one.data) != one.size {
		return nil
	}
	p.dropLocked(device)
	return one.data
}

// drop forgets what there is of a device.
func (p *parcels) drop(device keys.PublicKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(device)
}

func (p *parcels) dropLocked(device keys.PublicKey) {
	if one := p.of[device]; one != nil {
		p.bytes -= one.size
		delete(p.of, device)
	}
}

// tidy forgets what is too old.
func (p *parcels) tidy(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for device, one := range p.of {
		if now.Sub(one.grew) > rvproto.KeepPieces {
			p.dropLocked(device)
		}
	}
}

// hearPiece takes a frame of an envelope that comes in pieces. It reports false for a frame of another type. [RV-200]
func (p *poster) hearPiece(member keys.MemberID, frame []byte, terms terms, now time.Time) (heard bool, err error) {
	kind, err := rvproto.TypeOf(frame)
	if err != nil || p.stream.Protocol() != rvproto.PostPieces {
		return false, nil //nolint:nilerr // who reads it as a post says what is wrong
	}
	switch kind {
	case rvproto.FrameBegin:
		begin, err := rvproto.ParseBegin(frame)
		if err != nil {
			return true, err
		}
		if p.begun = begin; begin.Size > min(terms.maxEnvelope, rvproto.MaxInPieces) || !p.node.parcels.begin(p.from, begin, p.guest, now) {
			p.node.parcels.drop(p.from)
		}
		return true, nil
	case rvproto.FramePiece:
		piece, err := rvproto.ParsePiece(frame)
		if err == nil && !p.node.parcels.add(p.from, piece, now) {
			err = errPiece
		}
		p.pieces++
		return true, err
	case rvproto.FrameBrought:
		if p.guest && !p.mayPost(terms, now) {
			return true, nil
		}
		brought, err := rvproto.ParseBrought(frame, p.room[:0])
		if err != nil {
			return true, err
		}
		post := rvproto.PostFrame{Recipients: brought.Recipients, Envelope: p.node.parcels.take(p.from, brought.ID)}
		p.pieces = 0
		if p.room = brought.Recipients; post.Envelope == nil {
			p.answers = append(p.answers, rvproto.AnswerFrame{ID: brought.ID, Status: wire.StatusUnavailable})
			return true, nil
		}
		p.takePost(member, post, terms, now)
		return true, nil
	}
	return false, nil
}

// tellHeld appends what there is of the envelope that comes in pieces, if pieces were heard since it was told.
func (p *poster) tellHeld(out []byte, now time.Time) []byte {
	if p.pieces == 0 {
		return out
	}
	p.pieces = 0
	held, ok := p.node.parcels.held(p.from, now)
	if !ok || held.ID != p.begun.ID {
		held = rvproto.HeldFrame{ID: p.begun.ID}
	}
	p.frame = rvproto.AppendHeld(p.frame[:0], held)
	return wire.AppendFrame(out, p.frame)
}
