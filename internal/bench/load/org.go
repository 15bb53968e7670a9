package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// org is the organization that the load is in. All its keys are here.
type org struct {
	id        keys.OrgID
	founder   *device
	senders   []*device
	receivers []*device
	memberOf  map[keys.PublicKey]keys.MemberID
	byKey     map[keys.PublicKey]*device
	size      uint64 // of the roll that everybody is on

	group    keys.GroupID // zero before there is one
	audience []*device    // its members, but for the first sender
}

const (
	atOnce     = 48 // devices that connect side by side
	joinAtOnce = 16 // and that join: a node works on few joins at once, and says so to the others
)

// found founds an organization with a claim link.
func found(ctx context.Context, link string) (*org, error) {
	claim, err := rvproto.ParseClaim(link)
	if err != nil {
		return nil, err
	}
	root := keys.Generate()
	founder := newDevice(claim.Node)
	signed := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: "Load", Root: root.Public(), Member: "Founder",
		Recovery: keys.Generate().Public(), Policy: membership.DefaultPolicy(),
	}}, founder.key, &root)
	o := &org{
		id: membership.OrgOf(signed), founder: founder,
		memberOf: make(map[keys.PublicKey]keys.MemberID), byKey: make(map[keys.PublicKey]*device),
	}
	founder.member = membership.MemberOf(o.id, signed)
	place := membership.SignEvent(membership.Event{Org: o.id, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: 1,
	}}, founder.key, nil)
	if err := founder.open(o.id, claim.Addresses); err != nil {
		return nil, err
	}
	return o, founder.client.Claim(ctx, claim.Token, signed, place)
}

// fill has all devices join by one invitation of the founder's, each as a member, publish a prekey, and gives every
// sender every receiver's leave. Devices join by the door and come back by the node's own address.
func (o *org) fill(ctx context.Context, p plan, door string, node []string) error {
	invitation := keys.Generate()
	err := o.founder.client.Submit(ctx, membership.SignEvent(membership.Event{Org: o.id, Counter: 3, At: 2,
		Invite: &membership.Invite{
			Key: invitation.Public(), Role: membership.RoleMember,
			Uses: uint64(p.senders + p.receivers), Expires: time.Now().Add(24 * time.Hour).Unix(),
		}}, o.founder.key, nil))
	if err != nil {
		return fmt.Errorf("inviting: %w", err)
	}
	o.size = uint64(3 + p.senders + p.receivers)
	for range p.senders {
		o.senders = append(o.senders, newDevice(o.founder.node))
	}
	for range p.receivers {
		o.receivers = append(o.receivers, newDevice(o.founder.node))
	}
	join := func(kind string) func(context.Context, int, *device) error {
		return func(ctx context.Context, i int, d *device) error {
			if err := d.open(o.id, []string{door}); err != nil {
				return err
			}
			return errors.Join(d.join(ctx, o.id, invitation, fmt.Sprintf("%s %d", kind, i+1)), d.close())
		}
	}
	if err := some(ctx, joinAtOnce, o.senders, join("Sender")); err != nil {
		return err
	}
	if err := some(ctx, joinAtOnce, o.receivers, join("Receiver")); err != nil {
		return err
	}
	for _, d := range append(o.senders[:len(o.senders):len(o.senders)], o.receivers...) {
		o.memberOf[d.public], o.byKey[d.public] = d.member, d
	}
	err = each(ctx, o.receivers, func(ctx context.Context, _ int, from *device) error {
		if err := from.open(o.id, node); err != nil {
			return err
		}
		return errors.Join(o.giveLeave(ctx, from), from.close())
	})
	return errors.Join(err, o.founder.close())
}

// giveLeave lets every sender write to a receiver.
func (o *org) giveLeave(ctx context.Context, from *device) error {
	for _, to := range o.senders {
		grant := membership.Grant{Org: o.id, From: from.member, To: to.member, Number: 1, Open: true}
		if err := from.client.PutGrant(ctx, membership.SignGrant(grant, from.key)); err != nil {
			return fmt.Errorf("granting: %w", err)
		}
	}
	return nil
}

// closeAll takes every device off the network.
func (o *org) closeAll() error {
	var errs []error
	for _, d := range append(o.senders[:len(o.senders):len(o.senders)], o.receivers...) {
		errs = append(errs, d.close())
	}
	return errors.Join(append(errs, o.founder.close())...)
}

// device is one member's only device.
type device struct {
	key    keys.PrivateKey
	public keys.PublicKey
	node   keys.PublicKey
	member keys.MemberID
	prekey envelope.PrekeyPrivate
	client *rvclient.Client // nil while it is off the network
	chains map[keys.PublicKey]*line
	heard  map[keys.ChainID]*envelope.Inbound

	receipts map[keys.EnvelopeID]bool // every one that came, by its id
}

// line is a sender's side of a conversation.
type line struct {
	chain *envelope.Chain
	line  envelope.Line
}

func newDevice(node keys.PublicKey) *device {
	key := keys.Generate()
	return &device{key: key, public: key.Public(), node: node,
		chains: make(map[keys.PublicKey]*line), heard: make(map[keys.ChainID]*envelope.Inbound),
		receipts: make(map[keys.EnvelopeID]bool)}
}

// open puts the device on the network: with a host, and no connection yet.
func (d *device) open(id keys.OrgID, addresses []string) error {
	h, err := p2p.NewHost(p2p.Config{Identity: d.key})
	if err != nil {
		return err
	}
	d.client = &rvclient.Client{Host: h, Node: d.node, Addresses: addresses, Org: id}
	return nil
}

// close takes the device off the network.
func (d *device) close() error {
	if d.client == nil {
		return nil
	}
	h := d.client.Host
	d.client = nil
	return h.Close()
}

// join makes the device a member's and publishes its prekey.
func (d *device) join(ctx context.Context, id keys.OrgID, invitation keys.PrivateKey, name string) error {
	event := membership.SignEvent(membership.Event{Org: id, Counter: 1, At: 3, Join: &membership.Join{
		Invitation: invitation.Public(), Name: name, Recovery: keys.Generate().Public(),
	}}, d.key, &invitation)
	if err := d.client.SubmitJoin(ctx, invitation, event); err != nil {
		return fmt.Errorf("joining as %s: %w", name, err)
	}
	d.member = membership.MemberOf(id, event)
	prekey, signed, err := envelope.NewPrekey(rand.Reader, d.key, id, time.Now().Add(7*24*time.Hour))
	if err != nil {
		return err
	}
	d.prekey = prekey
	return d.client.PutPrekey(ctx, signed)
}

// each calls work for every device, atOnce side by side.
func each(ctx context.Context, devices []*device, work func(ctx context.Context, i int, d *device) error) error {
	return some(ctx, atOnce, devices, work)
}

// some calls work for every device, so many side by side.
func some(ctx context.Context, most int, devices []*device, work func(ctx context.Context, i int, d *device) error) error {
	group := task.New(ctx)
	tokens := make(chan struct{}, most)
	for i, d := range devices {
		group.Go("device", func(ctx context.Context) error {
			select {
			case tokens <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { <-tokens }()
			return work(ctx, i, d)
		})
	}
	return errors.Join(group.Wait(), ctx.Err())
}
