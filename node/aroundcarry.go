package node

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// carryTally counts what is carried here for others, by author, and own envelopes that others were handed to carry, by device. [API-181]
type carryTally struct {
	from map[keys.MemberID]*api.CarriedFrom
	by   map[keys.PublicKey]int
}

// noteWaiting counts an own envelope at those who were handed it and of whom no receipt ended it.
func (y *carryTally) noteWaiting(w store.Waiting) {
	if len(w.Pending) == 0 || w.Accepted { // once a rendezvous node has it, carriers put theirs down
		return
	}
	for _, device := range w.Carriers {
		if y.by == nil {
			y.by = make(map[keys.PublicKey]int)
		}
		y.by[device]++
	}
}

// noteCarriedLocked counts what is carried, which comes with what was taken first in front. Callers hold organization.mu.
func (y *carryTally) noteCarriedLocked(o *organization, carries []store.Carry) (total api.CarriedTotal) {
	y.from = make(map[keys.MemberID]*api.CarriedFrom)
	for _, c := range carries {
		since := time.UnixMilli(c.Taken).UTC()
		if total.Count == 0 {
			total.Oldest = since
		}
		total.Count, total.Bytes = total.Count+1, total.Bytes+int64(c.Size)
		author, ok := o.memberOfLocked(c.Sender)
		if !ok {
			continue // it goes within the hour
		}
		of := y.from[author]
		if of == nil {
			of = &api.CarriedFrom{Member: author.String(), Name: o.memberNameLocked(author), Oldest: since}
			y.from[author] = of
		}
		of.Count, of.Bytes = of.Count+1, of.Bytes+int64(c.Size)
	}
	total.From = api.List[api.CarriedFrom]{}
	for of := range maps.Values(y.from) {
		total.From = append(total.From, *of)
	}
	slices.SortFunc(total.From, func(a, b api.CarriedFrom) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Member, b.Member))
	})
	return total
}

// carriersLocked returns the devices that were handed own envelopes which still wait, and tells those in reach of it. Callers hold
// organization.mu.
func (y *carryTally) carriersLocked(o *organization, inReach []api.Neighbour) (all api.List[api.Carrier]) {
	all = api.List[api.Carrier]{}
	for device, count := range y.by {
		member, ok := o.memberOfLocked(device)
		if !ok {
			continue // it may not act any more, and hands on nothing
		}
		all = append(all, api.Carrier{Member: member.String(), Name: o.memberNameLocked(member), Device: device.String(), Count: count})
		for i := range inReach {
			if inReach[i].Device == device.String() {
				inReach[i].Carrying = count
			}
		}
	}
	slices.SortFunc(all, func(a, b api.Carrier) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Device, b.Device))
	})
	return all
}
