package node

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// parties are devices of one organization that know each other. A rendezvous node there is none: the test carries envelopes.
type parties struct {
	org     *membershiptest.Org
	all     []*organization
	prekeys map[keys.PublicKey]envelope.Prekey
}

// newParties returns an organization of the founder and others, each with a number of devices, all of them acquainted: the
// founder's first, then the others' by name.
func newParties(t *testing.T, devices int, names ...string) *parties {
	t.Helper()
	return newPartiesWith(t, membership.DefaultPolicy(), devices, names...)
}

// newPartiesWith is newParties under a policy.
func newPartiesWith(t *testing.T, policy membership.Policy, devices int, names ...string) *parties {
	t.Helper()
	return newPartiesOf(t, newRollWith(t, membershiptest.Config{Seed: 1, Policy: &policy}, names...), devices)
}

// newPartiesOf is newParties of a roll.
func newPartiesOf(t *testing.T, org *membershiptest.Org, devices int) *parties {
	t.Helper()
	p := &parties{org: org, prekeys: make(map[keys.PublicKey]envelope.Prekey)}
	for _, m := range p.org.Members {
		for len(m.Devices) < devices {
			p.org.AddDevice(m)
		}
	}
	p.open(t)
	return p
}

// newStrangers is newParties under a policy by which members write to each other at once: none is acquainted.
func newStrangers(t *testing.T, names ...string) *parties {
	t.Helper()
	policy := membership.DefaultPolicy()
	for _, from := range allRoles {
		for _, to := range allRoles {
			if from != membership.RoleGuest && to != membership.RoleGuest {
				policy.Contact.Set(from, to, membership.ContactFree)
			}
		}
	}
	p := &parties{org: newRollWith(t, membershiptest.Config{Seed: 1, Policy: &policy}, names...), prekeys: make(map[keys.PublicKey]envelope.Prekey)}
	for _, m := range p.org.Members {
		p.enters(t, m, m.Device())
	}
	return p
}

// enters opens a member's device.
func (p *parties) enters(t *testing.T, m *membershiptest.Member, device keys.PrivateKey) *organization {
	t.Helper()
	o := newDevice(t, p.org, &membershiptest.Member{ID: m.ID, Name: m.Name, Devices: []keys.PrivateKey{device}})
	p.all, p.prekeys[o.device] = append(p.all, o), o.ownPrekey(t)
	return o
}

// open opens a device of its own for each key, with the roll as it is.
func (p *parties) open(t *testing.T) {
	t.Helper()
	for _, m := range p.org.Members {
		others := slices.DeleteFunc(slices.Clone(p.org.Members), func(other *membershiptest.Member) bool { return other == m })
		for _, device := range m.Devices {
			p.enters(t, m, device).acquainted(t, p.org, m, others...)
		}
	}
}

// post is an envelope on its way.
type post struct {
	to   *organization
	kind envelope.Kind
	data []byte
}

// seal seals all that a device has to send and takes it out of its outbox: one post for each envelope and device, in the
// order in which they were made.
func (p *parties) seal(t *testing.T, from *organization) (posts []post) {
	t.Helper()
	for {
		job, ok, err := from.nextJob(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if job.Kind == jobReport {
			err = from.sealReportFor(job, p.prekeys)
		} else {
			err = from.sealJob(job, published(p.prekeys))
		}
		if err != nil {
			t.Fatalf("sealing: %v", err)
		}
	}
	var sent []store.Waiting
	view(t, from.node.store, func(tx *store.Tx) error {
		return tx.Waiting(from.org, 0, func(w store.Waiting) (bool, error) {
			data, err := tx.Envelope(from.org, w)
			for _, to := range p.all {
				if slices.Contains(w.Pending, to.device) {
					posts = append(posts, post{to, envelope.Kind(w.Kind), data})
				}
			}
			sent = append(sent, w)
			return true, err
		})
	})
	update(t, from.node.store, func(tx *store.Tx) error {
		for _, w := range sent {
			if err := tx.DeleteWaiting(from.org, w); err != nil {
				return err
			}
		}
		return nil
	})
	return posts
}

// carry delivers posts one by one, and wants each to be opened.
func carry(t *testing.T, posts ...post) {
	t.Helper()
	for i, one := range posts {
		if opened, _ := one.to.deliver(t, one.data); opened != 1 {
			t.Fatalf("post %d of %d, of kind %d, was not opened by %s", i, len(posts), one.kind, one.to.device.Short())
		}
	}
}

// exchange seals what a device has to send and delivers it to all.
func (p *parties) exchange(t *testing.T, from *organization) {
	t.Helper()
	carry(t, p.seal(t, from)...)
}

// sends saves a message of a device for members.
func (p *parties) sends(t *testing.T, from *organization, request api.SendRequest, to ...*organization) keys.MessageID {
	t.Helper()
	var members []keys.MemberID
	for _, o := range to {
		members = append(members, o.member)
	}
	d, err := from.draft(request, target{members: members}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.save(d, nil); err != nil {
		t.Fatal(err)
	}
	return d.message.ID()
}

// sees returns a message as a device shows it, which must have it.
func (o *organization) sees(t *testing.T, id keys.MessageID) api.Message {
	t.Helper()
	_, r, err := o.node.findMessage("", id.String())
	if err != nil {
		t.Fatalf("%s: %v", o.device.Short(), err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.messageLocked(r)
	m.Versions = o.versionsLocked(r)
	return m
}

// has reports whether a device shows a message at all.
func (o *organization) has(id keys.MessageID) bool {
	_, _, err := o.node.findMessage("", id.String())
	return err == nil
}

// record returns what a device keeps of a message.
func (o *organization) record(t *testing.T, id keys.MessageID) (r history.Record) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, id); return err })
	return r
}

// chosen chooses a setting.
func (o *organization) chosen(t *testing.T, name, value string) {
	t.Helper()
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: name, Value: value}); err != nil {
		t.Fatal(err)
	}
}

// fails delivers a post that must not be opened.
func fails(t *testing.T, one post) {
	t.Helper()
	if _, failed := one.to.deliver(t, one.data); failed != 1 {
		t.Error("it was opened")
	}
}
