// Package membershiptest builds organizations for tests: a roll with a founder, a node and as many members as a test
// asks for, with every private key at hand, and the same bytes for the same seed.
//
// It owns no rule: whatever it appends goes through membership.Roll. It must not know network, disk or clock; an Org has
// a clock of its own, which moves by a second with each entry.
//
// Spec: docs/spec/03-roll.md.
package membershiptest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// Config is what an Org starts from. The zero value of each field stands for a default.
type Config struct {
	Seed      uint64             // of all keys and nonces
	Start     time.Time          // the stamp of the first entry: 2026-01-01 00:00 UTC
	OrgName   string             // "Example"
	Founder   string             // the founder's name: "Founder"
	Policy    *membership.Policy // membership.DefaultPolicy
	Node      keys.PrivateKey    // the rendezvous node's key: from the seed
	Addresses []string           // the node's: one of a documentation network
}

// Org is an organization in the making. It fails its test when a step is refused that should not be.
type Org struct {
	ID      keys.OrgID
	Root    keys.PrivateKey    // the organization's root key
	Node    keys.PrivateKey    // the sequencer's key, of the last term
	Founder *Member            // an admin
	Members []*Member          // in the order in which they joined; the founder first
	Roll    *membership.Roll   // the sequencer's
	Entries []membership.Entry // all of the roll
	Now     time.Time          // the stamp of the next entry

	t      testing.TB
	random io.Reader
}

// Member is an account with all its private keys.
type Member struct {
	ID       keys.MemberID
	Name     string
	Recovery keys.PrivateKey
	Devices  []keys.PrivateKey // the first is the one that joined
}

// Device returns the account's first device.
func (m *Member) Device() keys.PrivateKey { return m.Devices[0] }

// New returns an organization of one founder with its node named: a roll of two entries.
func New(t testing.TB, seed uint64) *Org { return NewWith(t, Config{Seed: seed}) }

// NewWith is New with choices.
func NewWith(t testing.TB, cfg Config) *Org {
	t.Helper()
	o := Unfounded(t, cfg)
	o.Append(o.Found(cfg))
	o.Append(o.Rendezvous(cfg))
	return o
}

// Unfounded returns an organization with its keys and an empty roll, which takes only the event that Found returns
// for the same choices.
func Unfounded(t testing.TB, cfg Config) *Org {
	t.Helper()
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], cfg.Seed)
	o := &Org{t: t, random: rand.NewChaCha8(seed), Now: cfg.Start}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	o.Root, o.Node = o.Key(), o.Key()
	if !cfg.Node.IsZero() {
		o.Node = cfg.Node
	}
	o.Founder = &Member{
		Name: or(cfg.Founder, "Founder"), Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()},
	}
	o.Members = []*Member{o.Founder}
	found := o.Found(cfg)
	o.ID = membership.OrgOf(found)
	o.Founder.ID = membership.MemberOf(o.ID, found)
	o.Roll = membership.NewRoll(o.ID)
	return o
}

// Found returns the founding event.
func (o *Org) Found(cfg Config) membership.SignedEvent {
	policy := membership.DefaultPolicy()
	if cfg.Policy != nil {
		policy = *cfg.Policy
	}
	return membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: or(cfg.OrgName, "Example"), Root: o.Root.Public(), Member: o.Founder.Name,
		Recovery: o.Founder.Recovery.Public(), Policy: policy,
	}}, o.Founder.Device(), &o.Root)
}

// Rendezvous returns the founder's event that names the node.
func (o *Org) Rendezvous(cfg Config) membership.SignedEvent {
	addresses := cfg.Addresses
	if len(addresses) == 0 {
		addresses = []string{"/ip4/192.0.2.1/udp/4001/quic-v1"}
	}
	e := o.Event(o.Founder.Device())
	e.Rendezvous = &membership.Rendezvous{Node: o.Node.Public(), Addresses: addresses, Term: 1}
	return membership.SignEvent(e, o.Founder.Device(), nil)
}

// Key returns the next private key of the seed.
func (o *Org) Key() keys.PrivateKey { return keys.GenerateFrom(o.random) }

// Event returns an event without a kind that signer could sign next: its organization, counter and roll size.
func (o *Org) Event(signer keys.PrivateKey) membership.Event {
	state := o.Roll.State()
	return membership.Event{Org: o.ID, Counter: state.NextCounter(signer.Public()), At: state.Size()}
}

// Entry returns the entry of an event as the sequencer would append it now. It appends nothing.
func (o *Org) Entry(event membership.SignedEvent) membership.Entry {
	o.t.Helper()
	entry, err := membership.NewEntry(o.random, o.Now.UnixMilli(), o.Roll.AudienceOf(event), event)
	if err != nil {
		o.t.Fatalf("making an entry: %v", err)
	}
	return entry
}

// Append appends an event, which must be accepted, and moves the clock by a second.
func (o *Org) Append(event membership.SignedEvent) membership.Entry {
	o.t.Helper()
	entry := o.Entry(event)
	if err := o.Roll.Append(entry); err != nil {
		o.t.Fatalf("appending entry %d: %v", o.Roll.Size(), err)
	}
	o.Entries = append(o.Entries, entry)
	o.Now = o.Now.Add(time.Second)
	return entry
}

// Invite puts an invitation by a member on the roll that is good for a week, and returns its private half.
func (o *Org) Invite(by *Member, role membership.Role, uses uint64) keys.PrivateKey {
	o.t.Helper()
	key := o.Key()
	o.Append(o.InviteEvent(by, key.Public(), role, uses))
	return key
}

// InviteEvent returns the event of Invite for a key.
func (o *Org) InviteEvent(by *Member, key keys.PublicKey, role membership.Role, uses uint64) membership.SignedEvent {
	e := o.Event(by.Device())
	e.Invite = &membership.Invite{Key: key, Role: role, Uses: uses, Expires: o.Now.Add(7 * 24 * time.Hour).Unix()}
	return membership.SignEvent(e, by.Device(), nil)
}

// InviteToApply puts an invitation to apply by a member on the roll that is good for a week, and returns its private half.
func (o *Org) InviteToApply(by *Member, role membership.Role, uses uint64) keys.PrivateKey {
	o.t.Helper()
	key := o.Key()
	o.Append(o.sign(by.Device(), nil, func(e *membership.Event) {
		e.Invite = &membership.Invite{
			Key: key.Public(), Role: role, Uses: uses, Expires: o.Now.Add(7 * 24 * time.Hour).Unix(), Apply: true,
		}
	}))
	return key
}

// Applicant returns somebody with keys and a name, and the join by which they apply.
func (o *Org) Applicant(invitation keys.PrivateKey, name string) (*Member, membership.SignedEvent) {
	m := &Member{Name: name, Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()}}
	join := o.JoinEvent(invitation, m)
	m.ID = membership.MemberOf(o.ID, join)
	return m, join
}

// VouchEvent returns a vouch for somebody who applies.
func (o *Org) VouchEvent(by keys.PrivateKey, join membership.SignedEvent) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Vouch = &membership.Vouch{Join: join} })
}

// Vouch appends VouchEvent.
func (o *Org) Vouch(by keys.PrivateKey, join membership.SignedEvent) membership.Entry {
	o.t.Helper()
	return o.Append(o.VouchEvent(by, join))
}

// DismissEvent returns the removal of all guests who joined from one position to another, by one invitation if it is not
// zero.
func (o *Org) DismissEvent(by keys.PrivateKey, from, to uint64, invitation keys.PublicKey) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.Dismiss = &membership.Dismiss{From: from, To: to, Invitation: invitation}
	})
}

// Dismiss appends DismissEvent.
func (o *Org) Dismiss(by keys.PrivateKey, from, to uint64, invitation keys.PublicKey) membership.Entry {
	o.t.Helper()
	return o.Append(o.DismissEvent(by, from, to, invitation))
}

// Join adds a member with RoleMember, whom the founder invites.
func (o *Org) Join(name string) *Member {
	o.t.Helper()
	return o.JoinAs(name, membership.RoleMember)
}

// JoinAs adds a member with a role, whom the founder invites.
func (o *Org) JoinAs(name string, role membership.Role) *Member {
	o.t.Helper()
	return o.JoinBy(o.Invite(o.Founder, role, 1), name)
}

// JoinBy adds a member by an invitation. A guest's name takes an entry of its own.
func (o *Org) JoinBy(invitation keys.PrivateKey, name string) *Member {
	o.t.Helper()
	m := &Member{Name: name, Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()}}
	event := o.JoinEvent(invitation, m)
	o.Append(event)
	m.ID = membership.MemberOf(o.ID, event)
	o.Members = append(o.Members, m)
	if o.forGuests(invitation) {
		o.Rename(m.Device(), nil, name)
	}
	return m
}

func (o *Org) forGuests(invitation keys.PrivateKey) bool {
	issued, ok := o.Roll.State().Invitation(invitation.Public())
	return ok && issued.Role == membership.RoleGuest
}

// JoinEvent returns the event by which m, who has keys and a name, would join; as a guest without the name.
func (o *Org) JoinEvent(invitation keys.PrivateKey, m *Member) membership.SignedEvent {
	e := o.Event(m.Device())
	if o.forGuests(invitation) {
		e.Join = &membership.Join{Invitation: invitation.Public(), Recovery: m.Recovery.Public()}
		return membership.SignEvent(e, m.Device(), &invitation)
	}
	e.Join = &membership.Join{Invitation: invitation.Public(), Name: m.Name, Recovery: m.Recovery.Public()}
	return membership.SignEvent(e, m.Device(), &invitation)
}

// AddDevice adds a device to an account, signed by its first device.
func (o *Org) AddDevice(m *Member) keys.PrivateKey {
	o.t.Helper()
	device := o.Key()
	o.Append(o.DeviceEvent(m.Device(), device))
	m.Devices = append(m.Devices, device)
	return device
}

// DeviceEvent returns the event by which a device adds another to its account.
func (o *Org) DeviceEvent(by, device keys.PrivateKey) membership.SignedEvent {
	e := o.Event(by)
	e.Device = &membership.Device{Add: device.Public()}
	return membership.SignEvent(e, by, &device)
}

// SetPolicy replaces the policy, signed by the founder.
func (o *Org) SetPolicy(policy membership.Policy) {
	o.t.Helper()
	e := o.Event(o.Founder.Device())
	e.Policy = &membership.PolicyChange{Policy: policy}
	o.Append(membership.SignEvent(e, o.Founder.Device(), nil))
}

// SkinEvent returns the event by which a key chooses how the organization's inbox looks.
func (o *Org) SkinEvent(by keys.PrivateKey, skin membership.Skin) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.Skin = &skin })
}

// SetSkin appends SkinEvent.
func (o *Org) SetSkin(by keys.PrivateKey, skin membership.Skin) membership.Entry {
	o.t.Helper()
	return o.Append(o.SkinEvent(by, skin))
}

// NodeAt returns a rendezvous node at a made-up host.
func NodeAt(key keys.PublicKey, name string) membership.NodeAddress {
	return membership.NodeAddress{Key: key, Addresses: []string{"/dns4/" + name + ".example/tcp/4411"}}
}

// NodesEvent returns the event by which a key says which further rendezvous nodes there are, whatever their order.
func (o *Org) NodesEvent(by keys.PrivateKey, further ...membership.NodeAddress) membership.SignedEvent {
	slices.SortFunc(further, func(a, b membership.NodeAddress) int { return a.Key.Compare(b.Key) })
	return o.sign(by, nil, func(e *membership.Event) { e.Nodes = &membership.Nodes{Further: further} })
}

// SetNodes appends NodesEvent of the founder.
func (o *Org) SetNodes(further ...membership.NodeAddress) membership.Entry {
	o.t.Helper()
	return o.Append(o.NodesEvent(o.Founder.Device(), further...))
}

// Grant returns a member's leave for another to write to them, signed by the first device.
func (o *Org) Grant(from, to *Member, number uint64, open bool) []byte {
	grant := membership.Grant{Org: o.ID, From: from.ID, To: to.ID, Number: number, Open: open}
	return membership.SignGrant(grant, from.Device())
}

// ConversationGrant returns a member's leave for everybody in a conversation, signed by the first device.
func (o *Org) ConversationGrant(from *Member, conversation keys.ConversationID, number uint64, open bool) []byte {
	return membership.SignGrant(membership.ConversationGrant(o.ID, from.ID, conversation, number, open), from.Device())
}

// Checkpoint returns the node's checkpoint of the whole roll, signed at the time of the org's clock.
func (o *Org) Checkpoint() []byte {
	o.t.Helper()
	return o.CheckpointAt(o.Roll.Size())
}

// CheckpointAt returns the node's checkpoint of the first size entries, signed at the time of the org's clock.
func (o *Org) CheckpointAt(size uint64) []byte {
	o.t.Helper()
	return membership.SignCheckpoint(o.Node, o.ID, max(o.Term(), 1), size, o.RootAt(size), o.Now)
}

// RootAt returns the root of the first size entries.
func (o *Org) RootAt(size uint64) membership.Hash {
	o.t.Helper()
	root, err := o.Roll.Root(size)
	if err != nil {
		o.t.Fatalf("root: %v", err)
	}
	return root
}

// Consistency returns the proof that the whole roll begins with its first size entries.
func (o *Org) Consistency(size uint64) []membership.Hash {
	o.t.Helper()
	proof, err := o.Roll.ProveConsistency(size, o.Roll.Size())
	if err != nil {
		o.t.Fatalf("proof: %v", err)
	}
	return proof
}

// Replica returns a roll of its own with all entries, as a device gets it: by Extend from an empty one.
func (o *Org) Replica() *membership.Roll {
	o.t.Helper()
	roll := membership.NewRoll(o.ID)
	if _, err := roll.Extend(o.Checkpoint(), o.Node.Public(), o.Entries, nil); err != nil {
		o.t.Fatalf("extending an empty roll: %v", err)
	}
	return roll
}

// Invitation returns what the link for an invitation's private half holds.
func (o *Org) Invitation(key keys.PrivateKey) membership.Invitation {
	o.t.Helper()
	sequencer, ok := o.Roll.State().Sequencer()
	if !ok {
		o.t.Fatal("an invitation before the roll names a node")
	}
	return membership.Invitation{
		Org: o.ID, OrgName: o.Roll.State().OrgName(), Seed: key.Seed(),
		Nodes: []membership.NodeAddress{{Key: sequencer.Node, Addresses: sequencer.Addresses}},
		Size:  o.Roll.Size(), Root: o.RootAt(o.Roll.Size()),
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
