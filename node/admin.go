package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// AdminMembers lists the accounts of an organization.
func (n *Node) AdminMembers(_ context.Context, query api.AdminQuery) ([]api.AdminMember, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	names, err := o.formerNames()
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []api.AdminMember
	for _, m := range o.roll.State().Members() {
		if m.Removed && !query.All || !o.showsLocked(m.ID) {
			continue
		}
		described, err := o.adminMemberLocked(m)
		if err != nil {
			return nil, err
		}
		described.Formerly = names[m.ID]
		all = append(all, described)
	}
	return all, nil
}

// adminMemberLocked describes an account. Callers hold mu.
func (o *organization) adminMemberLocked(m membership.Member) (api.AdminMember, error) {
	described := api.AdminMember{
		Member: m.ID.String(), Name: o.memberNameLocked(m.ID), Role: m.Role.String(), Suspended: m.Suspended, Removed: m.Removed,
	}
	if until := time.UnixMilli(m.FrozenUntil); until.After(o.now()) {
		described.FrozenUntil = until.UTC()
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		entry, _, err := o.entryAt(tx, m.Joined)
		if err != nil {
			return err
		}
		described.Joined = time.UnixMilli(entry.Time).UTC()
		if issued, ok := o.roll.State().Invitation(m.Invitation); ok {
			described.InvitedBy = o.personLocked(issued.By)
		}
		for _, d := range m.Devices {
			device := api.AdminDevice{Device: d.Key.String(), Standing: d.Standing.String()}
			added, _, err := o.entryAt(tx, d.Since)
			if err != nil {
				return err
			}
			device.Added = time.UnixMilli(added.Time).UTC()
			if !d.By.IsZero() {
				device.IntroducedBy = d.By.String()
			}
			if !d.BarredBy.IsZero() {
				device.Barred, device.BarredBy = time.UnixMilli(d.BarredAt).UTC(), d.BarredBy.String()
			}
			described.Devices = append(described.Devices, device)
		}
		return nil
	})
	for _, r := range m.Readmissions {
		described.Readmissions = append(described.Readmissions, api.WaitingReadmission{
			ID: r.Event.String(), Device: r.Device.String(), By: r.By.String(), Due: time.UnixMilli(r.Due).UTC(), Rooted: r.Rooted,
		})
	}
	return described, err
}

// entryAt reads an entry of the own roll; of one that is not for this member the event is empty.
func (o *organization) entryAt(tx *store.Tx, index uint64) (membership.Entry, membership.Event, error) {
	data, err := tx.Entry(o.org, index)
	if err != nil {
		return membership.Entry{}, membership.Event{}, err
	}
	entry, err := membership.ParseEntry(data)
	if err != nil || entry.Hidden() {
		return entry, membership.Event{}, err
	}
	event, err := membership.ReadEvent(entry.Event)
	return entry, event, err
}

func (o *organization) personLocked(id keys.MemberID) api.Person {
	return api.Person{Member: id.String(), Name: o.memberNameLocked(id)}
}

// AdminInvitations lists invitations in the order of the roll, and those of this device that are to come there.
func (n *Node) AdminInvitations(_ context.Context, query api.AdminQuery) ([]api.AdminInvitation, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	listed, err := o.invitations(query.All)
	if err != nil {
		return nil, err
	}
	waiting, err := o.listWishes()
	return append(listed, waiting...), err
}

// invitations lists those of the roll.
func (o *organization) invitations(used bool) ([]api.AdminInvitation, error) {
	now := o.now().UnixMilli()
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	var all []api.AdminInvitation
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, issued := range state.AllInvitations() {
			unusable := state.Usable(issued.Key, max(now, state.Time()))
			if unusable != nil && !used {
				continue
			}
			made, _, err := o.entryAt(tx, issued.Since)
			if err != nil {
				return err
			}
			described := api.AdminInvitation{
				Key: issued.Key.String(), Role: issued.Role.String(), Name: issued.Name, Uses: issued.Uses, Used: issued.Used,
				Made: time.UnixMilli(made.Time).UTC(), Expires: time.Unix(issued.Expires, 0).UTC(), By: o.personLocked(issued.By),
				Open: unusable == nil, Apply: issued.Apply, State: api.InvitationActive,
			}
			if reason, refused := membership.ReasonOf(unusable); refused {
				described.State, described.Why = api.InvitationOver, reason.String()
			}
			all = append(all, described)
		}
		return nil
	})
	return all, err
}

// Decide puts a decision on the roll.
func (n *Node) Decide(ctx context.Context, request api.DecideRequest) (api.DecideResult, error) {
	o, member, err := n.decideAbout(request)
	if err != nil {
		return api.DecideResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.DecideResult{}, err
	}
	result := api.DecideResult{Org: o.org.String(), OrgName: o.name(), Do: request.Do}
	if request.Do == api.DecideRevoke {
		if found, err := o.takeBackWish(ctx, request.Key, request.Check); found || err != nil {
			return result, err
		}
	}
	event, err := o.decision(request, &member, &result)
	switch {
	case err != nil:
		result.Already, err = alreadySo(err)
	case request.Check:
		result.Already, err = alreadySo(o.mayDecide(event, root))
	default:
		result.Already, err = o.decide(ctx, event, root)
	}
	if err != nil {
		return api.DecideResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if m, ok := o.roll.State().Member(member); ok {
		result.Member, result.Role = o.personLocked(member), m.Role.String()
		for _, waiting := range m.Readmissions {
			if event.Readmit != nil && waiting.Device == event.Readmit.Device {
				result.Due = time.UnixMilli(waiting.Due).UTC()
			}
		}
	}
	return result, nil
}

// decideAbout finds the organization and the member of a decision; the member of a device or an invitation comes later.
func (n *Node) decideAbout(request api.DecideRequest) (*organization, keys.MemberID, error) {
	switch request.Do {
	case api.DecideBar, api.DecideRevoke:
		o, err := n.oneOrganization(request.Org)
		return o, keys.MemberID{}, err
	}
	return n.resolveAny(request.Org, request.Member)
}

// decision makes the event of a request; membership.ReasonAlready if there is nothing to do.
func (o *organization) decision(request api.DecideRequest, member *keys.MemberID, result *api.DecideResult) (membership.Event, error) {
	var event membership.Event
	switch request.Do {
	case api.DecideRole:
		role, err := membership.ParseRole(request.Role)
		if err != nil {
			return event, api.Errorf(api.CodeUsage, "%q is not a role", request.Role).WithHint("roles are admin, member, desk and guest")
		}
		event.Role = &membership.RoleChange{Member: *member, Role: role}
	case api.DecideSuspend:
		event.Suspend = &membership.Suspend{Member: *member}
	case api.DecideReinstate:
		event.Reinstate = &membership.Reinstate{Member: *member}
	case api.DecideRemove:
		if o.isRemoved(*member) {
			return event, membership.ReasonAlready
		}
		event.Remove = &membership.Remove{Member: *member}
	case api.DecideRename:
		event.Name = &membership.NameChange{Member: *member, Name: request.Name}
	case api.DecideBar:
		device, err := o.findDevice(request.Device, member)
		if err != nil {
			return event, err
		}
		event.Bar, result.Device = &membership.Bar{Device: device}, device.String()
	case api.DecideRevoke:
		key, err := o.findInvitation(request.Key)
		if err != nil {
			return event, err
		}
		event.Revoke = &membership.Revoke{Key: key}
	case api.DecideReadmit:
		readmit, code, err := o.readmission(request, *member)
		if err != nil {
			return event, err
		}
		event.Readmit, result.Device, result.Code = readmit, readmit.Device.String(), code
	default:
		return event, api.Errorf(api.CodeUsage, "there is no decision %q", request.Do)
	}
	return event, nil
}

// readmission reads the line that the member sent, and makes the code by which both make sure that they mean the same.
func (o *organization) readmission(request api.DecideRequest, member keys.MemberID) (_ *membership.Readmit, code string, err error) {
	again, err := membership.ParseRequest(request.Request)
	switch {
	case err != nil:
		return nil, "", api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole line, from muster:again/ on")
	case again.Org != o.org:
		return nil, "", api.Errorf(api.CodeRefused, "the request is for another organization").WithHint("name the organization with --org")
	}
	return again.Readmit(member, keys.PublicKey{}), again.Code(), nil
}

func (o *organization) isRemoved(member keys.MemberID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	m, _ := o.roll.State().Member(member)
	return m.Removed
}

// shortestDevice is how much of the end of a device's or invitation's key must be given.
const shortestDevice = 8

// findDevice finds the one device whose id is or ends with text, and whose it is.
func (o *organization) findDevice(text string, member *keys.MemberID) (keys.PublicKey, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text = strings.TrimPrefix(text, "…")
	var found []keys.PublicKey
	for _, m := range o.roll.State().Members() {
		for _, d := range m.Devices {
			if fits(d.Key, text) {
				found, *member = append(found, d.Key), m.ID
			}
		}
	}
	return oneKey(found, text, "device", "`muster admin members --all` lists the devices")
}

// findInvitation finds the one invitation whose key is or ends with text, or whose link text is.
func (o *organization) findInvitation(text string) (keys.PublicKey, error) {
	if link, err := membership.ParseInvitation(text); err == nil {
		text = link.Key().Public().String()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	text = strings.TrimPrefix(text, "…")
	var found []keys.PublicKey
	for _, issued := range o.roll.State().AllInvitations() {
		if fits(issued.Key, text) {
			found = append(found, issued.Key)
		}
	}
	return oneKey(found, text, "invitation", "`muster admin invitations --all` lists them")
}

func fits(key keys.PublicKey, text string) bool {
	return len(text) >= shortestDevice && strings.HasSuffix(key.String(), text)
}

func oneKey(found []keys.PublicKey, text, what, hint string) (keys.PublicKey, error) {
	switch found = slices.Compact(found); {
	case len(found) == 0:
		return keys.PublicKey{}, api.Errorf(api.CodeNotFound, "no %s %q", what, text).WithHint("%s", hint)
	case len(found) > 1:
		return keys.PublicKey{}, api.Errorf(api.CodeUsage, "%q is the end of more than one %s's id", text, what).WithHint("give more of it")
	}
	return found[0], nil
}

// resolveAny finds one member, this account too.
func (n *Node) resolveAny(org, name string) (*organization, keys.MemberID, error) {
	candidates, err := n.organizationsNamed(org)
	if err != nil {
		return nil, keys.MemberID{}, err
	}
	if len(candidates) == 0 {
		_, err := n.oneOrganization("")
		return nil, keys.MemberID{}, err
	}
	var in *organization
	var member keys.MemberID
	for _, o := range candidates {
		found, _, ok := o.find([]string{name})
		switch {
		case !ok:
		case in != nil:
			return nil, member, api.Errorf(api.CodeUsage, "%q is a member of more than one organization", name).
				WithHint("write name@organization, or use --org")
		default:
			in, member = o, found[0]
		}
	}
	if in == nil {
		return nil, member, api.Errorf(api.CodeNotFound, "no member %q", name).
			WithHint("`muster contacts --all` lists the members; names are told apart by their ids")
	}
	return in, member, nil
}
