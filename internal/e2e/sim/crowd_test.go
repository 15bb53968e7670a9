package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

// account is a member with several devices.
type account struct {
	name, id    string
	devices     []*person
	words, card string
}

// crowd founds an organization of members with so many devices each, in which any member may write to any other and the
// first one is the admin. Only who enters runs meanwhile: with everybody there each entry of the roll would cost as many
// times as there are devices. Each member's first device does what entered says when it is in.
func (w *world) crowd(members, devices int, entered func(i int, first *person)) []*account {
	w.t.Helper()
	accounts := make([]*account, members)
	var invitation string
	for i := range accounts {
		a := &account{name: fmt.Sprintf("m%02d", i)}
		first := w.person(a.name)
		if i == 0 {
			a.words, a.card, _ = first.foundWith("Harbour")
			invitation = first.invite(api.InviteRequest{Uses: uint64(members)})
			free := []string{"contact.admin.member=free", "contact.member.admin=free", "contact.member.member=free"}
			if _, err := first.node.SetPolicy(w.t.Context(), api.PolicyRequest{Set: free}); err != nil {
				w.t.Fatal(err)
			}
		} else {
			result, err := first.node.Join(w.t.Context(), api.JoinRequest{Invitation: invitation, As: a.name})
			if err != nil {
				w.t.Fatal(err)
			}
			a.words, a.card, first.id = strings.Join(result.RecoveryWords, " "), result.Card, result.Member
		}
		a.id, a.devices = first.id, []*person{first}
		entered(i, first)
		first.stop()
		for range devices - 1 {
			w.another(a).stop()
		}
		accounts[i] = a
	}
	return accounts
}

// assemble starts every device and waits until all are there.
func (w *world) assemble(started func(*person)) {
	w.t.Helper()
	for _, p := range w.all {
		p.start()
		started(p)
	}
	w.await(10*time.Minute, "everybody is there", w.together)
}

// another adds a device to an account, by its words.
func (w *world) another(a *account) *person {
	w.t.Helper()
	p := w.person(fmt.Sprint(a.name, "-", len(a.devices)+1))
	p.comeBack(a.devices[0], api.ReturnRequest{Card: a.card, Words: a.words})
	a.devices = append(a.devices, p)
	return p
}

// together reports whether every device that may is connected and has the whole roll.
func (w *world) together() bool {
	var size uint64
	for _, p := range w.all {
		if status := p.status(); status.Excluded == nil {
			size = max(size, status.Roll.Size)
		}
	}
	return !slices.ContainsFunc(w.all, func(p *person) bool {
		status := p.status()
		return status.Excluded == nil && (!status.Rendezvous[0].Connected || status.Roll.Size < size)
	})
}

// identity returns the key of a device, which its host has.
func (p *person) identity() keys.PrivateKey {
	p.world.t.Helper()
	raw, err := p.host.Peerstore().PrivKey(p.host.ID()).Raw()
	if err != nil {
		p.world.t.Fatal(err)
	}
	return keys.FromSeed([keys.SeedSize]byte(raw))
}

// inOrg returns the organization that a device is in.
func (p *person) inOrg() keys.OrgID {
	p.world.t.Helper()
	org, err := keys.ParseID[keys.Org](p.status().Org)
	if err != nil {
		p.world.t.Fatal(err)
	}
	return org
}

// act has a device sign an event and hand it in. It returns the signed event.
func (p *person) act(event membership.Event) ([]byte, error) {
	org := p.inOrg()
	member, err := keys.ParseID[keys.Member](p.id)
	if err != nil {
		return nil, err
	}
	self, node := p.identity(), p.world.node.key().Public()
	ctx, cancel := context.WithTimeout(p.world.t.Context(), 10*time.Second)
	defer cancel()
	client := rvclient.Client{Host: p.host, Node: node, Addresses: []string{serverAddress}, Org: org}
	page, err := client.Fetch(ctx, 0)
	if err != nil {
		return nil, err
	}
	entries := make([]membership.Entry, len(page.Entries))
	for i, data := range page.Entries {
		if entries[i], err = membership.ParseEntry(data); err != nil {
			return nil, err
		}
	}
	roll := membership.NewRoll(org)
	roll.ReadAs(member)
	if _, err := roll.Extend(page.Checkpoint, node, entries, nil); err != nil {
		return nil, err
	}
	event.Org, event.At, event.Counter = org, roll.Size(), 1
	audience := roll.AudienceOf(membership.SignEvent(event, self, nil))
	event.Counter = roll.State().NextCounterFor(audience, self.Public())
	signed := membership.SignEvent(event, self, nil)
	return signed, client.Submit(ctx, signed)
}

// bell counts the messages that each device told its user of.
type bell struct {
	mu    sync.Mutex // guards the following
	rings map[*person]map[string]int
}

// listen counts what a device tells from now on, until it ends.
func (b *bell) listen(p *person) {
	events, err := p.node.Watch(context.Background(), api.WatchQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	go func() {
		for event := range events {
			b.mu.Lock()
			if event.Kind == api.EventMessage && event.Message.Kind == api.KindMessage {
				if b.rings[p] == nil {
					b.rings[p] = make(map[string]int)
				}
				b.rings[p][event.Message.Text]++
			}
			b.mu.Unlock()
		}
	}()
}

func (b *bell) count(p *person, text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rings[p][text]
}

// apart cuts devices off from the rendezvous node and from all others.
func (w *world) apart(some []*person) {
	here, there := make([]string, 0, len(some)), []string{testnet.Address(serverPlace)}
	for _, p := range w.all {
		if slices.Contains(some, p) {
			here = append(here, p.address())
		} else {
			there = append(there, p.address())
		}
	}
	w.net.Partition(here, there)
}
