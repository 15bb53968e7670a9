package node

import (
	"context"
	"errors"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Rename gives this account another name.
func (n *Node) Rename(ctx context.Context, request api.NameRequest) (api.DecideResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.DecideResult{}, err
	}
	if err := membership.CheckName(request.Name); err != nil {
		return api.DecideResult{}, badName("your name", request.Name, err)
	}
	if err := o.mayRename(request.Name); err != nil {
		return api.DecideResult{}, err
	}
	already, err := o.decide(ctx, membership.Event{Name: &membership.NameChange{Name: request.Name}}, nil)
	if err != nil {
		return api.DecideResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return api.DecideResult{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), Do: api.DecideRename, Member: o.personLocked(o.member), Already: already,
	}, nil
}

// takeGuestName gives a guest who has joined the name that they asked for: it is not part of joining, because it is for
// admins and desks alone. A request that is made again after a crash comes here again.
func (o *organization) takeGuestName(ctx context.Context, name string) error {
	o.mu.Lock()
	self, _ := o.roll.State().Member(o.member)
	o.mu.Unlock()
	if self.Role != membership.RoleGuest || self.Name != "" || name == "" {
		return nil
	}
	_, err := o.decide(ctx, membership.Event{Name: &membership.NameChange{Name: name}}, nil)
	if known, ok := errors.AsType[*api.Error](err); ok && known.Code == api.CodeRefused {
		return api.Errorf(known.Code, "you have joined, and the name %q is refused: %s", name, known.Message).
			WithHint("take another: muster name NAME")
	}
	return err
}

// mayRename says what to ask an admin for where the policy lets no member choose.
func (o *organization) mayRename(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	if self.Name == name || self.Role == membership.RoleAdmin || state.Policy().NameRule != membership.NamesApproved {
		return nil
	}
	return api.Errorf(api.CodeRefused, "an admin gives names in %s", state.OrgName()).
		WithHint("ask one for: muster admin rename %q %q", o.memberNameLocked(o.member), name)
}

// formerNames returns the names that members had before, oldest first.
func (o *organization) formerNames() (map[keys.MemberID][]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	former := make(map[keys.MemberID][]string)
	current := make(map[keys.MemberID]string)
	state := o.roll.State()
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, 0, func(index uint64, data []byte) (bool, error) {
			if index >= o.roll.Size() {
				return false, nil
			}
			named, name, err := o.namedBy(index, data)
			if err != nil || named.IsZero() {
				return true, err
			}
			if before := current[named]; before != "" {
				former[named] = append(former[named], before)
			}
			current[named] = name
			return true, nil
		})
	})
	for id := range former { // a name that came back is not a former one twice
		m, _ := state.Member(id)
		former[id] = distinctBut(former[id], m.Name)
	}
	return former, err
}

// namedBy returns whom an entry gives a name, and which; a zero id for other entries.
func (o *organization) namedBy(index uint64, data []byte) (keys.MemberID, string, error) {
	entry, err := membership.ParseEntry(data)
	if err != nil || entry.Hidden() {
		return keys.MemberID{}, "", err
	}
	event, err := membership.ReadEvent(entry.Event)
	switch {
	case err != nil:
		return keys.MemberID{}, "", err
	case event.Found != nil:
		return membership.MemberOf(o.org, entry.Event), event.Found.Member, nil
	case event.Join != nil:
		return membership.MemberOf(o.org, entry.Event), event.Join.Name, nil
	case event.Vouch != nil:
		id := membership.MemberOf(o.org, event.Vouch.Join)
		m, ok := o.roll.State().Member(id)
		join, err := membership.ReadEvent(event.Vouch.Join)
		if err != nil || !ok || m.Joined != index {
			return keys.MemberID{}, "", err // it has not admitted anybody, or not this time
		}
		return id, join.Join.Name, nil
	case event.Name != nil && !event.Name.Member.IsZero():
		return event.Name.Member, event.Name.Name, nil
	case event.Name != nil:
		id, _ := o.roll.State().AccountOf(event.Signer)
		return id, event.Name.Name, nil
	}
	return keys.MemberID{}, "", nil
}

// distinctBut returns names, each once, without one of them.
func distinctBut(names []string, but string) (distinct []string) {
	seen := map[string]bool{but: true}
	for _, name := range names {
		if !seen[name] {
			distinct = append(distinct, name)
		}
		seen[name] = true
	}
	return distinct
}

// addFormer fills in the former names of contacts.
func (o *organization) addFormer(contacts []api.Contact) error {
	former, err := o.formerNames()
	if err != nil {
		return err
	}
	for i := range contacts {
		if id, err := keys.ParseID[keys.Member](contacts[i].Member); err == nil {
			contacts[i].Formerly = former[id]
		}
	}
	return nil
}
