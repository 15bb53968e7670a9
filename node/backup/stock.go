package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// stock is what the drive has: the items of all packs that can be relied on. Memory: about 40 bytes an item.
type stock struct {
	salt   [32]byte            // names are hashed under it, so that nobody can prepare two that collide
	items  map[[16]byte]uint32 // to the item's number
	sizes  []uint32            // of bodies, by number
	live   []uint64            // a bit for each number: the Source has the item
	packs  []*stocked
	absent map[hash]error // packs and lists that cannot be relied on, and why
	ours   bool           // whether a list of a pack could be opened
}

// stocked is a pack of the stock.
type stocked struct {
	packLine
	base    int   // the number of its first item
	made    int64 // see contents
	rewrite bool  // its items go into new packs
}

// fresh is the number of items that this run has written.
const fresh = ^uint32(0)

func (s *stock) key(e *Entry) [16]byte {
	var data [32 + 1 + 32 + 32]byte
	copy(data[:], s.salt[:])
	data[32] = byte(e.Kind)
	copy(data[33:], e.Org[:])
	copy(data[65:], e.ID[:])
	sum := sha256.Sum256(data[:])
	return [16]byte(sum[:])
}

func (s *stock) isLive(number int) bool { return s.live[number/64]>>(number%64)&1 == 1 }

func (s *stock) setLive(number int) { s.live[number/64] |= 1 << (number % 64) }

// of returns the pack of an item.
func (s *stock) of(number int) *stocked {
	i, exact := slices.BinarySearchFunc(s.packs, number, func(p *stocked, n int) int { return p.base - n })
	if !exact {
		i--
	}
	return s.packs[i]
}

// weigh returns how many items of a pack are live, and the bytes of those and of the others.
func (s *stock) weigh(p *stocked) (items int, live, dead int64) {
	for number := p.base; number < p.base+p.items; number++ {
		if s.isLive(number) {
			items, live = items+1, live+int64(s.sizes[number])
		} else {
			dead += int64(s.sizes[number]) + 1
		}
	}
	return items, live, dead
}

// takeStock reads the lists of all packs. A pack is relied on if its list is intact and it is there with its size; if no snapshot
// names it, so that it may be what a torn run left, or if it is its turn, it is read too.
func (r *run) takeStock(ctx context.Context) (*stock, error) {
	s := &stock{items: make(map[[16]byte]uint32), absent: make(map[hash]error)}
	if _, err := rand.Read(s.salt[:]); err != nil {
		return nil, fmt.Errorf("backup: no randomness: %w", err)
	}
	named := r.named()
	turn := r.turn()
	for _, h := range r.listOrder(named) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, c, err := r.readIndex(h)
		if err == nil {
			s.ours = true
			line, ok := named[x.Pack]
			err = r.relyOn(x, c, !ok || line.index != h || turn[x.Pack] || r.Check)
		}
		if err != nil {
			s.absent[h] = err
			if x.Pack != (hash{}) {
				s.absent[x.Pack] = err
			}
			continue
		}
		r.stockPack(s, h, x, c)
		r.tell(func(p *Progress) { p.Items += c.count() })
	}
	s.live = make([]uint64, (len(s.sizes)+63)/64)
	r.noteRepairs(s, named)
	return s, nil
}

// listOrder returns the lists of packs. Of an item that lies in several packs the first one counts: one that a run has written that ended
// early, so that it need not be done again; then one of the newest complete snapshot; then one of an older.
func (r *run) listOrder(named map[hash]*packLine) []hash {
	older, newest := make(map[hash]bool), make(map[hash]bool)
	for _, line := range named {
		older[line.index] = true
	}
	for _, line := range r.lines {
		newest[line.index] = true
	}
	rank := func(h hash) int {
		switch {
		case newest[h]:
			return 1
		case older[h]:
			return 2
		}
		return 0
	}
	lists := sorted(r.shelf.indexes)
	slices.SortStableFunc(lists, func(a, b hash) int { return rank(a) - rank(b) })
	return lists
}

// named returns what snapshots say of packs.
func (r *run) named() map[hash]*packLine {
	named := make(map[hash]*packLine)
	for _, one := range r.all {
		for i := range one.lines {
			named[one.lines[i].pack] = &one.lines[i]
		}
	}
	return named
}

// turn returns the packs that are read again in this run: others each hour.
func (r *run) turn() map[hash]bool {
	count := scrubBytes / packTarget
	turn, packs := make(map[hash]bool), sorted(r.shelf.packs)
	for i := range min(count, len(packs)) {
		turn[packs[(int(r.now/3_600_000)*count+i)%len(packs)]] = true
	}
	return turn
}

func (r *run) readIndex(h hash) (index, contents, error) {
	data, err := r.shelf.checked(h, indexSuffix, r.shelf.indexes[h])
	if err != nil {
		return index{}, contents{}, err
	}
	list, err := r.keys.openList(data, markIndex)
	if err != nil {
		return index{}, contents{}, err
	}
	return parseIndex(list)
}

// relyOn looks whether a pack is there.
func (r *run) relyOn(x index, c contents, read bool) error {
	size, there := r.shelf.packs[x.Pack]
	switch {
	case c.Repository != r.Repository:
		return fmt.Errorf("%w: a list of another repository", ErrDamaged)
	case !there:
		return fmt.Errorf("%w: the pack is missing", ErrDamaged)
	case size != int64(x.Size):
		return fmt.Errorf("%w: the pack has %d bytes of %d", ErrDamaged, size, x.Size)
	case !read:
		return nil
	}
	_, err := r.shelf.checked(x.Pack, packSuffix, size)
	r.shelf.bad[x.Pack] = err != nil
	return err
}

func (r *run) stockPack(s *stock, h hash, x index, c contents) {
	kinds, newest := c.summary()
	p := &stocked{packLine: packLine{pack: x.Pack, index: h, size: x.Size, items: c.count(), kinds: kinds, newest: newest},
		base: len(s.sizes), made: int64(c.Made)}
	s.packs = append(s.packs, p)
	for i := range c.count() {
		e := c.entry(i)
		key := s.key(&e)
		if _, twice := s.items[key]; !twice {
			s.items[key] = uint32(len(s.sizes))
		}
		s.sizes = append(s.sizes, uint32(e.Size))
	}
}

// noteRepairs tells of packs that the snapshots name and that cannot be relied on.
func (r *run) noteRepairs(s *stock, named map[hash]*packLine) {
	relied := make(map[hash]bool)
	for _, p := range s.packs {
		relied[p.pack] = true
	}
	for _, h := range sorted(named) {
		if relied[h] {
			continue
		}
		line := named[h]
		file, err := h.pathIn(r.Repository, packSuffix), s.absent[h]
		if cause := s.absent[line.index]; err == nil && cause != nil {
			file, err = line.index.pathIn(r.Repository, indexSuffix), cause
		}
		if err == nil {
			file, err = line.index.pathIn(r.Repository, indexSuffix), fmt.Errorf("%w: the list is missing", ErrDamaged)
		}
		r.result.Repaired = append(r.result.Repaired, Damage{File: file, Err: err, Items: line.items - line.deadCount()})
	}
}

// compare marks what the Source has, and decides which packs are written anew.
func (r *run) compare(ctx context.Context) error {
	r.enter(PhaseComparing, 0, 0)
	added, whole := 0, int64(0)
	for item, err := range r.Source(ctx) {
		if err == nil {
			err = errors.Join(ctx.Err(), checkItem(&item))
		}
		if err != nil {
			return err
		}
		if number, known := r.stock.items[r.stock.key(&item.Entry)]; known {
			r.stock.setLive(int(number))
		} else {
			added, whole = added+1, whole+int64(item.Size)
		}
		r.tell(func(p *Progress) { p.Items++ })
	}
	rewritten, bytes := r.decide()
	r.enter(PhaseWriting, added+rewritten, whole+bytes)
	return nil
}

// checkItem refuses an item that cannot be, and gives one from before all times the first of them.
func checkItem(item *Item) error {
	if item.Kind == 0 || item.Load == nil {
		return fmt.Errorf("%w: of kind %d", ErrItem, item.Kind)
	}
	item.Time, item.Size = max(item.Time, 0), min(max(item.Size, 0), MaxBody)
	return nil
}
