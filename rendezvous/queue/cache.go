package queue

import (
	"slices"

	"muster.example/internal/keys"
)

// cached is a body in memory, with the id that the index does not hold whole.
type cached struct {
	id   keys.EnvelopeID
	kind Kind
	data []byte
}

// cache keeps the bodies put last, up to a number of bytes.
type cache struct {
	bodies map[handle]cached
	order  []handle
	bytes  int
	limit  int
}

func (c *cache) add(h handle, r *record) {
	data := r.body
	if data == nil || len(data) > c.limit/4 {
		return
	}
	c.drop(h)
	c.bodies[h] = cached{r.id, r.of, data}
	c.order = append(c.order, h)
	c.bytes += len(data) + cacheOverhead
	for c.bytes > c.limit && len(c.order) > 0 {
		c.drop(c.order[0])
		c.order = c.order[1:]
	}
	if len(c.order) > 64 && len(c.order) > 2*len(c.bodies) {
		c.order = slices.DeleteFunc(c.order, func(h handle) bool { _, ok := c.bodies[h]; return !ok })
	}
}

func (c *cache) drop(h handle) {
	if old, ok := c.bodies[h]; ok {
		delete(c.bodies, h)
		c.bytes -= len(old.data) + cacheOverhead
	}
}

func (c *cache) clear() { c.bodies, c.order, c.bytes = make(map[handle]cached), nil, 0 }
