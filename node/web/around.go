package web

import (
	"slices"
	"strings"
	"time"

	"muster.example/node/api"
)

func aroundRoutes() []route { return []route{{"GET /o/{org}/around", around}} }

// aroundScreen is who is around: in reach from device to device, and there by the word of the rendezvous node.
type aroundScreen struct {
	api.Around
	People []personAround // others, by name
	Own    []personAround // the own account, at most once
	Online []api.Presence // who is there and not in reach
}

// Bearers are the members whose devices were handed own envelopes to carry, in reach or not.
func (s aroundScreen) Bearers() (all []personAround) {
	for _, c := range s.Carriers {
		if last := len(all) - 1; last < 0 || all[last].Member != c.Member {
			all = append(all, personAround{Member: c.Member, Name: c.Name})
		}
		all[len(all)-1].Carrying += c.Count
	}
	return all
}

// personAround is one member whose devices are in reach.
type personAround struct {
	Member, Name string
	Devices      []api.Neighbour
	Present      api.PresenceState
	Carrying     int
}

// Heard is when the last of those devices was heard that no connection stands to; zero if there are none.
func (p personAround) Heard() (last time.Time) {
	for _, d := range p.Devices {
		if d.Path == "" && d.Heard.After(last) {
			last = d.Heard
		}
	}
	return last
}

// Paths are those of the devices, each once.
func (p personAround) Paths() (all []api.Path) {
	for _, d := range p.Devices {
		if !slices.Contains(all, d.Path) {
			all = append(all, d.Path)
		}
	}
	return all
}

// byPerson gathers the devices of each member, who are in the order of their names.
func byPerson(devices []api.Neighbour, own bool) (all []personAround) {
	for _, d := range devices {
		if d.Own != own {
			continue
		}
		if last := len(all) - 1; last < 0 || all[last].Member != d.Member {
			all = append(all, personAround{Member: d.Member, Name: d.Name})
		}
		p := &all[len(all)-1]
		p.Devices, p.Carrying = append(p.Devices, d), p.Carrying+d.Carrying
		if d.Present != "" {
			p.Present = d.Present
		}
	}
	return all
}

// around shows who is around.
func around(v *visit) (answer, error) {
	now, err := v.around()
	if err != nil {
		return answer{}, err
	}
	s := aroundScreen{Around: now, People: byPerson(now.Devices, false), Own: byPerson(now.Devices, true)}
	seen, err := v.backend().Presence(v.ctx(), api.PresenceQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	for _, p := range seen.Members {
		near := slices.ContainsFunc(s.People, func(a personAround) bool { return a.Member == p.Member })
		if !near && (p.State == api.PresenceOnline || p.State == api.PresenceAway) {
			s.Online = append(s.Online, p)
		}
	}
	return show("around", "around.title", s)
}

// around returns who of the organization is around, once a visit.
func (v *visit) around() (api.Around, error) {
	if v.near != nil {
		return *v.near, nil
	}
	all, err := v.backend().Around(v.ctx(), api.AroundQuery{Org: v.Org.Org})
	if err != nil {
		return api.Around{}, err
	}
	at := slices.IndexFunc(all, func(a api.Around) bool { return a.Org == v.Org.Org })
	if at < 0 {
		return api.Around{}, api.Errorf(api.CodeNotFound, "this device is in no such organization")
	}
	v.near = &all[at]
	return all[at], nil
}

// Near is how many other people are around, for the line below the organization's name: also those who were heard, since connections that
// nothing uses end.
func (v *visit) Near() int {
	if v.Org.Org == "" {
		return 0
	}
	now, err := v.around()
	if err != nil {
		return 0
	}
	return len(byPerson(now.Devices, false))
}

// Apart reports whether no rendezvous node of the organization is connected, though there is one to be connected with.
func (v *visit) Apart() bool {
	if v.Org.Org == "" {
		return false
	}
	status, err := v.status()
	if err != nil || len(status.Rendezvous) == 0 {
		return false
	}
	return !slices.ContainsFunc(status.Rendezvous, func(r api.RendezvousStatus) bool { return r.Connected })
}

// Travel says where a message is on its way to a device or a member: the state, and by which ways.
func (v *visit) Travel(p any) (string, error) {
	var state api.State
	var via []api.Via
	var carriers int
	var bundled bool
	switch p := p.(type) {
	case api.Progress:
		state, via, carriers, bundled = p.State, p.Via, p.Carriers, !p.Bundled.IsZero()
	case api.Recipient:
		state, carriers, bundled = p.State, p.Carriers, !p.Bundled.IsZero()
		if p.Via != "" {
			via = []api.Via{p.Via}
		}
	}
	var parts []string
	var failed error
	say := func(key string, arguments ...any) {
		text, err := v.T(key, arguments...)
		if err != nil {
			failed = err
		}
		parts = append(parts, text)
	}
	if state != api.StateCarried || carriers == 0 && !bundled {
		say("state." + string(state))
	}
	if state == api.StateDelivered {
		for _, way := range via {
			if v.words.knows("via." + string(way)) {
				say("via." + string(way))
			}
		}
	} else if !state.Final() {
		if carriers > 0 {
			say("travel.carriers", "count", carriers)
		}
		if bundled {
			say("travel.bundle")
		}
	}
	comma, err := v.T("roll.comma")
	if err != nil {
		return "", err
	}
	return strings.Join(parts, comma), failed
}
