package queue

import "math/bits"

// ref stands for entries in a list: those that a message came with, or, with the highest bit, a gain. 0 is a hole.
type ref uint32

const refGain ref = 1 << 31

func refOfGain(i uint32) ref { return refGain | ref(i) }

// list is entries in the order of their numbers. Of a set's list, each has a bit for each member that it waits for still.
type list struct {
	refs   []ref
	holes  int
	stride int      // words of bits of an entry, 0 for a device's own list
	bits   []uint64 // stride for each ref
	trims  int      // entries ever taken off the front: a place is an index and these
}

// numberer tells the number of what a ref stands for.
type numberer interface{ numberOf(r ref) uint64 }

// find returns an index from which on everything that lives has at least that number, and before which nothing has.
func (l *list) find(n numberer, number uint64) int {
	low, high := 0, len(l.refs)
	if high > 0 && n.numberOf(l.refs[0]) >= number { // the first is no hole; most acknowledgements are for it
		return 0
	}
	for low < high {
		middle := int(uint(low+high) >> 1)
		probe := middle
		for probe < high && l.refs[probe] == 0 {
			probe++
		}
		if probe == high || n.numberOf(l.refs[probe]) >= number {
			high = middle
		} else {
			low = probe + 1
		}
	}
	return low
}

// living returns the first index at or behind i that is no hole, or the length.
func (l *list) living(i int) int {
	for i < len(l.refs) && l.refs[i] == 0 {
		i++
	}
	return i
}

// at returns the index of a ref with its number, -1 if it is not there.
func (l *list) at(n numberer, r ref, number uint64) int {
	if i := l.living(l.find(n, number)); i < len(l.refs) && l.refs[i] == r {
		return i
	}
	return -1
}

// append adds an entry with a higher number than all.
func (l *list) append(r ref, waiting []uint64) {
	l.refs = append(l.refs, r)
	l.bits = append(l.bits, waiting...)
}

// waiting returns the bits of an entry.
func (l *list) waiting(i int) bitmap { return l.bits[i*l.stride : (i+1)*l.stride] }

// remove makes an entry a hole, and closes holes at both ends, and when they are many.
func (l *list) remove(i int) {
	l.refs[i] = 0
	l.holes++
	front, back := 0, len(l.refs)
	for front < back && l.refs[front] == 0 {
		front++
	}
	for back > front && l.refs[back-1] == 0 {
		back--
	}
	l.holes -= front + len(l.refs) - back
	l.trims += front
	l.refs, l.bits = l.refs[front:back], l.bits[front*l.stride:back*l.stride]
	switch {
	case len(l.refs) == 0:
		l.refs, l.bits = nil, nil
	case l.holes > 16 && l.holes > len(l.refs)/2, cap(l.refs) > 1024 && len(l.refs) < cap(l.refs)/4:
		l.pack()
	}
}

// pack closes all holes.
func (l *list) pack() {
	refs := make([]ref, 0, len(l.refs)-l.holes)
	words := make([]uint64, 0, cap(refs)*l.stride)
	for i, r := range l.refs {
		if r != 0 {
			refs, words = append(refs, r), append(words, l.waiting(i)...)
		}
	}
	l.refs, l.bits, l.holes = refs, words, 0
}

// bitmap has a bit for each member of a set, in their order.
type bitmap []uint64

// wordsFor returns how many words hold n bits.
func wordsFor(n int) int { return (n + 63) / 64 }

// fullBitmap returns n bits that are set.
func fullBitmap(n int) bitmap {
	b := make(bitmap, wordsFor(n))
	for i := range b {
		b[i] = ^uint64(0)
	}
	if rest := n % 64; rest > 0 {
		b[len(b)-1] = 1<<rest - 1
	}
	return b
}

func (b bitmap) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitmap) unset(i int)    { b[i/64] &^= 1 << (i % 64) }

func (b bitmap) empty() bool {
	for _, word := range b {
		if word != 0 {
			return false
		}
	}
	return true
}

func (b bitmap) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// each visits the bits that are set.
func (b bitmap) each(visit func(i int)) {
	for w, word := range b {
		for word != 0 {
			visit(w*64 + bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
}
