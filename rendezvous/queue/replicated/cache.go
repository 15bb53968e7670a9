package replicated

import "time"

// cache is bodies that were put here a moment ago: a device that is there gets them from it.
type cache struct {
	bodies map[*item][]byte
	order  []*item
	bytes  int
}

func (c *cache) add(it *item, body []byte) {
	if it == nil || len(body) > cacheBytes/4 {
		return
	}
	it.checked = time.Now()
	c.bodies[it] = body
	c.order = append(c.order, it)
	c.bytes += len(body) + noteBytes
	for c.bytes > cacheBytes || len(c.order) > 0 && c.order[0].entries == 0 {
		oldest := c.order[0]
		c.order = c.order[1:]
		c.bytes -= len(c.bodies[oldest]) + noteBytes
		delete(c.bodies, oldest)
	}
}

// drop forgets a body that nobody waits for.
func (c *cache) drop(it *item) {
	if body, known := c.bodies[it]; known {
		c.bytes -= len(body)
		delete(c.bodies, it)
	}
}

func (c *cache) clear() { c.bodies, c.order, c.bytes = make(map[*item][]byte), nil, 0 }

// shelf is sealed messages that were read: devices that drain their queues side by side want bodies that lie together.
type shelf struct {
	packs map[place][]byte
	order []place
	bytes int
}

// place names a message of the bodies of a shard.
type place struct {
	shard int
	seq   uint64
}

func (s *shelf) add(at place, pack []byte) {
	if _, known := s.packs[at]; known || len(pack) > packedBytes/8 {
		return
	}
	s.packs[at] = pack
	s.order = append(s.order, at)
	for s.bytes += len(pack); s.bytes > packedBytes; {
		s.bytes -= len(s.packs[s.order[0]])
		delete(s.packs, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *shelf) clear() { s.packs, s.order, s.bytes = make(map[place][]byte), nil, 0 }
