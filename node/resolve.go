package node

import (
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/node/api"
)

// resolve finds the members that names stand for: each a name, name@org, or a member id, all in one organization and
// none of them this account.
func (n *Node) resolve(org string, names []string) (*organization, []keys.MemberID, error) {
	if len(names) == 0 {
		return nil, nil, api.Errorf(api.CodeUsage, "nobody is named")
	}
	candidates, err := n.organizationsNamed(org)
	if err != nil {
		return nil, nil, err
	}
	if len(candidates) == 0 {
		_, err := n.oneOrganization("")
		return nil, nil, err
	}
	var fitting []*organization
	var members [][]keys.MemberID
	var missing string
	for _, o := range candidates {
		found, unknown, ok := o.find(names)
		if !ok {
			missing = unknown
			continue
		}
		fitting, members = append(fitting, o), append(members, found)
	}
	switch {
	case len(fitting) == 0:
		return nil, nil, api.Errorf(api.CodeNotFound, "no member %q", missing).
			WithHint("`muster contacts --all` lists the members; names are told apart by their ids")
	case len(fitting) > 1:
		return nil, nil, api.Errorf(api.CodeUsage, "%q is a member of more than one organization", names[0]).
			WithHint("write name@organization, or use --org")
	case slices.Contains(members[0], fitting[0].member):
		return nil, nil, api.Errorf(api.CodeUsage, "%q is yourself", fitting[0].ownName())
	}
	return fitting[0], members[0], nil
}

// find returns the members that names stand for here, each once, or the first name that stands for nobody.
func (o *organization) find(names []string) (members []keys.MemberID, unknown string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	for _, name := range names {
		id, ok := o.findLocked(name)
		if !ok {
			if at := strings.LastIndexByte(name, '@'); at > 0 && (name[at+1:] == state.OrgName() || name[at+1:] == o.org.String()) {
				id, ok = o.findLocked(name[:at])
			}
		}
		if !ok {
			return nil, name, false
		}
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	return members, "", true
}

// findLocked finds a member by id or name. Callers hold mu.
func (o *organization) findLocked(name string) (keys.MemberID, bool) {
	if id, err := keys.ParseID[keys.Member](name); err == nil {
		_, ok := o.allPeopleLocked().Member(id)
		return id, ok && o.showsLocked(id)
	}
	m, ok := o.allPeopleLocked().MemberByName(name)
	return m.ID, ok && o.showsLocked(m.ID)
}

// ownName returns the account's name here.
func (o *organization) ownName() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.memberNameLocked(o.member)
}
