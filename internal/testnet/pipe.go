package testnet

import "time"

// packetHeaders is what UDP and IPv4 add to a packet, in bytes.
const packetHeaders = 28

// pipe is a link's bandwidth: packets go through it one after the other, and some wait for their turn.
type pipe struct {
	bits   int // a second; 0: without bound
	buffer int // bytes that wait at most

	free  time.Time   // when all that was let in is through
	turns []time.Time // when each packet is through that was let in and has not been sent on its way yet
}

// admit gives a packet of a size in bytes its turn, unless too much waits: then it is dropped.
func (p *pipe) admit(size int, now time.Time) (through time.Time, ok bool) {
	if p.bits == 0 {
		return now, true
	}
	size += packetHeaders
	if p.free.Before(now) {
		p.free = now
	}
	if p.time(p.buffer) < p.free.Sub(now)+p.time(size) {
		return now, false
	}
	p.free = p.free.Add(p.time(size))
	return p.free, true
}

// time returns how long a number of bytes takes.
func (p *pipe) time(bytes int) time.Duration {
	return time.Duration(bytes) * 8 * time.Second / time.Duration(p.bits)
}

// enter notes a packet that goes on its way and is through at a time.
func (p *pipe) enter(through time.Time) {
	if p.bits > 0 {
		p.turns = append(p.turns, through)
	}
}

// leave returns for how long the packet that entered first still waits for its turn and goes through.
func (p *pipe) leave(now time.Time) time.Duration {
	if len(p.turns) == 0 {
		return 0
	}
	through := p.turns[0]
	p.turns = p.turns[1:]
	return max(0, through.Sub(now))
}
