package node

import (
	"cmp"
	"slices"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// waitsFor counts what waits on this device for each member, so that a person can choose whom a bundle is for. [API-180]
type waitsFor struct {
	o        *organization
	members  map[keys.MemberID]*api.CarryingFor
	messages map[keys.MessageID]bool // that were counted
	carried  []store.Carry
}

func newWaitsFor(o *organization) *waitsFor {
	return &waitsFor{o: o, members: make(map[keys.MemberID]*api.CarryingFor), messages: make(map[keys.MessageID]bool)}
}

// of returns the count of a member.
func (w *waitsFor) of(member keys.MemberID) *api.CarryingFor {
	if w.members[member] == nil {
		w.members[member] = &api.CarryingFor{Member: member.String()}
	}
	return w.members[member]
}

// message counts an own message once for each member of whom some device lacks it. What waits and is no message is passed over.
func (w *waitsFor) message(tx *store.Tx, id *keys.MessageID) error {
	if id == nil || w.messages[*id] {
		return nil
	}
	w.messages[*id] = true
	deliveries, err := tx.Deliveries(w.o.org, *id)
	counted := make(map[keys.MemberID]bool)
	for _, d := range deliveries {
		if !d.State.Final() && !counted[d.Member] {
			counted[d.Member] = true
			w.of(d.Member).Messages++
		}
	}
	return err
}

// carryLocked counts an envelope of others once for each member of whom some device wants it; one for a whole group for nobody.
// Callers hold organization.mu.
func (w *waitsFor) carryLocked(c store.Carry) {
	counted := make(map[keys.MemberID]bool)
	for _, device := range c.Wanted {
		if member, ok := w.o.memberOfLocked(device); ok && !counted[member] {
			counted[member] = true
			w.of(member).Carried++
		}
	}
}

// all returns the counts, by name.
func (w *waitsFor) all() api.List[api.CarryingFor] {
	all := api.List[api.CarryingFor]{}
	w.o.mu.Lock()
	for _, c := range w.carried {
		w.carryLocked(c)
	}
	for member, count := range w.members {
		count.Name = w.o.memberNameLocked(member)
		all = append(all, *count)
	}
	w.o.mu.Unlock()
	slices.SortFunc(all, func(a, b api.CarryingFor) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Member, b.Member))
	})
	return all
}
