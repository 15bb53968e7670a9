package replicated

import (
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// answer is where the answer to an item goes.
type answer struct {
	request *request
	slot    int
}

// write is what one record is to say of an item.
type write struct {
	item     *queue.Item // what was put first
	devices  []keys.PublicKey
	answers  []answer
	existing *item // that gains these devices; nil for an item with a body of its own

	key   bodyKey
	index uint32
	parts []part
}

// plan decides what becomes of items. What needs nothing written is answered at once, and what is to be looked at first, since
// its body may be lost, is in doubt.
type plan struct {
	shard  *shard
	writes []*write
	byID   map[keys.EnvelopeID]*write
	doubt  []*item
}

// checkedTime is how long ago a body may have been seen last of which it is said that it is there.
const checkedTime = time.Minute

// addLocked adds an item.
func (p *plan) addLocked(it *queue.Item, to answer, now time.Time) {
	e, devices := p.shard.engine, it.Devices()
	w := p.byID[it.ID]
	if w == nil {
		held := e.newest(it.ID)
		if held != nil && now.Sub(held.checked) > checkedTime {
			p.doubt = append(p.doubt, held)
		}
		w = &write{item: it, existing: held}
	}
	more := devices
	if w.existing != nil || len(w.devices) > 0 {
		more = make([]keys.PublicKey, 0, len(devices))
		for i := range devices {
			if !w.has(&devices[i], e) {
				more = append(more, devices[i])
			}
		}
	}
	if len(more) == 0 {
		if len(w.answers) == 0 {
			to.request.errs[to.slot] = nil // it is there
			return
		}
		w.answers = append(w.answers, to)
		return
	}
	if err := e.reserveLocked(more, int64(len(it.Body)), w.existing == nil && len(w.devices) == 0); err != nil {
		to.request.errs[to.slot] = err
		return
	}
	if len(w.devices) == 0 {
		w.devices = more
	} else {
		w.devices = append(slices.Clone(w.devices), more...)
		slices.SortFunc(w.devices, keys.PublicKey.Compare)
	}
	w.answers = append(w.answers, to)
	if p.byID[it.ID] == nil {
		p.byID[it.ID] = w
		p.writes = append(p.writes, w)
	}
}

// has reports whether a device waits for the item, or is going to.
func (w *write) has(device *keys.PublicKey, e *Engine) bool {
	if _, found := slices.BinarySearchFunc(w.devices, *device, keys.PublicKey.Compare); found {
		return true
	}
	d := e.devices[*device]
	return d != nil && w.existing != nil && d.of(w.existing) != nil
}

// reserveLocked takes room for entries of devices, or says who has none. The quotas count what this process knows: of several,
// each may exceed them by what it is just putting.
func (e *Engine) reserveLocked(devices []keys.PublicKey, size int64, body bool) error {
	if body && e.opt.MaxBytes > 0 && max(e.used.Bytes+e.reserved, e.stored) > e.opt.MaxBytes {
		return fmt.Errorf("%w: %d bytes wait in the cluster", queue.ErrFull, e.used.Bytes)
	}
	if e.opt.DeviceEntries > 0 || e.opt.DeviceBytes > 0 {
		var full []keys.PublicKey
		for i := range devices {
			d := e.devices[devices[i]]
			if d == nil {
				d = &device{}
			}
			if e.opt.DeviceEntries > 0 && d.count >= e.opt.DeviceEntries ||
				e.opt.DeviceBytes > 0 && d.bytes+size > e.opt.DeviceBytes {
				full = append(full, devices[i])
			}
		}
		if len(full) > 0 {
			return &queue.FullError{Devices: full}
		}
	}
	for i := range devices {
		d := e.device(devices[i])
		d.count++
		d.bytes += size
	}
	if body {
		e.reserved += size + noteBytes
	}
	return nil
}

// releaseLocked gives back what was reserved: what was accepted counts by itself now.
func (e *Engine) releaseLocked(w *write) {
	size := int64(len(w.item.Body))
	for i := range w.devices {
		if d := e.devices[w.devices[i]]; d != nil {
			d.count--
			d.bytes -= size
			e.forget(d)
		}
	}
	if w.existing == nil {
		e.reserved -= size + noteBytes
	}
}

func (w *write) answer(err error) {
	for _, to := range w.answers {
		to.request.errs[to.slot] = err
	}
}

// noteOf says of a write what stands in the record.
func (w *write) note(lists *lister, token uint64) note {
	n := note{
		ID: w.item.ID, Org: w.item.Org, Kind: uint8(w.item.Kind), Payer: w.item.Payer, Size: uint32(len(w.item.Body)),
		Expires: uint64(max(w.item.Expires.Unix(), 0)), Groups: []group{{List: lists.add(w.devices)}},
		Token: token, Key: w.index, Parts: w.parts,
	}
	if w.existing != nil {
		n.Of, n.Token, n.Key, n.Parts = w.existing.numbers[0], 0, 0, nil
	}
	return n
}
