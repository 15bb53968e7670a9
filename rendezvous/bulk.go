package rendezvous

import (
	"context"
	"encoding/binary"
	"sync"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// Memory for bodies that are larger than what every stream has.
const (
	bulkPart  = 8        // of the machine's memory
	leastBulk = 64 << 20 // four envelopes of the largest size
	bulkShare = 4        // a member may have one part in so many of what the others leave, and one body of half of what is free
)

// bulk is the memory for large posts that are arriving, and large bodies that are being delivered: who sends or takes them
// slowly, or not at all, holds only so much of it. [RV-132]
type bulk struct {
	most int64

	mu    sync.Mutex // guards the following
	held  int64
	of    map[keys.MemberID]int64
	freed chan struct{} // closed when some was given back; nil while nobody waits
}

func newBulk(memory int64) *bulk {
	return &bulk{most: max(leastBulk, memory/bulkPart), of: make(map[keys.MemberID]int64)}
}

// take takes so many bytes for a member, if there are.
func (b *bulk) take(member keys.MemberID, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.takeLocked(member, size)
}

func (b *bulk) takeLocked(member keys.MemberID, size int64) bool {
	free, mine := b.most-b.held, b.of[member]
	if mine == 0 && size > free/2 || mine > 0 && mine+size > (free+mine)/bulkShare {
		return false
	}
	b.held += size
	b.of[member] = mine + size
	return true
}

// await takes so many bytes once there are.
func (b *bulk) await(ctx context.Context, member keys.MemberID, size int64) error {
	for {
		b.mu.Lock()
		if b.takeLocked(member, size) {
			b.mu.Unlock()
			return nil
		}
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give gives back what was taken.
func (b *bulk) give(member keys.MemberID, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= size
	if b.of[member] -= size; b.of[member] == 0 {
		delete(b.of, member)
	}
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// announced looks at what has arrived of a frame that is larger than the buffer of every stream. If the memory for such is
// used up, the frame is thrown away as it comes, and its sender is told to try later. [RV-132]
func (p *poster) announced() {
	size, n := binary.Uvarint(p.buffer[p.start:p.end])
	if p.skip > 0 || n <= 0 || size <= postBuffer || size > rvproto.MaxPostFrame || p.bulk > 0 {
		return
	}
	member, _ := p.org.roll.memberOf(p.from)
	if p.node.bulk.take(member, int64(size)) {
		p.bulk, p.payer = int64(size), member
		return
	}
	p.start += n
	p.skip = int(size)
	p.answers = append(p.answers, rvproto.AnswerFrame{Status: wire.StatusFull})
}

// giveBulk gives the memory of a large frame back, once that was worked off.
func (p *poster) giveBulk() {
	if p.bulk == 0 {
		return
	}
	p.node.bulk.give(p.payer, p.bulk)
	p.bulk = 0
	if rest := p.end - p.start; rest <= postBuffer && len(p.buffer) > postBuffer {
		smaller := make([]byte, postBuffer)
		p.start, p.end = 0, copy(smaller, p.buffer[p.start:p.end])
		p.buffer = smaller
	}
}
