package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// Server is the rendezvous node that this program can run itself, for organizations that have no other. To the device it is as any
// rendezvous node, but for where it is called.
type Server interface {
	// Run runs the node, from when there is one, until ctx ends. That it cannot run now is no error.
	Run(ctx context.Context) error
	// Claim returns a link by which one more organization can be founded there, or moved to it. If there is no node it is made.
	Claim(ctx context.Context, places ServerPlaces) (link string, err error)
	// Move has the node listen elsewhere, or be announced under other addresses. It returns when it listens.
	Move(ctx context.Context, places ServerPlaces) error
	// At returns the node's key, zero if there is none, and while it listens where this device calls it and where others do.
	At() (key keys.PublicKey, local, addresses []string)
	// Status tells how the node is.
	Status() ServerStatus
}

// ServerPlaces is where a node listens, and by which further addresses it is reached. What is empty is as it was, or as is usual.
type ServerPlaces struct{ Listen, Announce []string }

// ServerStatus is how the node is.
type ServerStatus struct {
	Running   bool
	Failed    error     // why not
	Since     time.Time // since when
	Places    ServerPlaces
	Addresses []string // where it says that it is
	Orgs      map[keys.OrgID]ServerOrg
}

// ServerOrg is what the node has of one organization.
type ServerOrg struct {
	Members, Online        int
	Entries, Bodies, Bytes int64
	Moved                  bool // to another node: what waits is delivered still
	Untold                 int  // devices that do not know that yet
}

// serverAt is Server.At where there may be none.
func (n *Node) serverAt() (key keys.PublicKey, local, addresses []string) {
	if n.config.Server == nil {
		return keys.PublicKey{}, nil, nil
	}
	return n.config.Server.At()
}

// callAt returns where a rendezvous node is called: the one in this program on this very machine, whatever networks that is on.
func (n *Node) callAt(at store.Node) []string {
	if key, local, _ := n.serverAt(); key == at.Key && len(local) > 0 {
		return local
	}
	return at.Addresses
}

// shownAt returns where others are told that a rendezvous node is: of the one in this program, where it is now.
func (n *Node) shownAt(at store.Node) []string {
	if key, _, addresses := n.serverAt(); key == at.Key && len(addresses) > 0 {
		return addresses
	}
	return slices.Clone(at.Addresses)
}

// claimHere returns a claim link of the rendezvous node in this program.
func (n *Node) claimHere(ctx context.Context, places ServerPlaces) (string, error) {
	if n.config.Server == nil {
		return "", api.Errorf(api.CodeFailed, "this program has no rendezvous node in it").
			WithHint("run muster-rendezvous, and give its claim link")
	}
	link, err := n.config.Server.Claim(ctx, places)
	return link, cannotRun(err)
}

// cannotRun says that the rendezvous node in this program does not run.
func cannotRun(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.CodeFailed, "the rendezvous node on this computer is not ready yet").WithHint("try again; its log says more: muster logs")
	}
	return api.Errorf(api.CodeFailed, "the rendezvous node cannot run on this computer: %v", err).
		WithHint("another program may have the port: give addresses with --listen")
}

// foundHere prepares the creation of an organization on the rendezvous node in this program. [API-80] A creation that was begun before goes on
// with the claim that it had, unless that node is gone.
func (n *Node) foundHere(ctx context.Context, e *entry, request api.CreateOrgRequest) (rvproto.Claim, *entry, error) {
	for _, o := range n.all() {
		if key, _, _ := n.serverAt(); key == o.sequencer() && o.name() == request.Name && !e.begun {
			return rvproto.Claim{}, nil, api.Errorf(api.CodeRefused, "there is an organization %s on this computer already", request.Name).
				WithHint("give this one another name, or see muster org list")
		}
	}
	if e.begun {
		claim, err := rvproto.ParseClaim(e.kept.Claim)
		if err != nil {
			return claim, nil, err
		}
		if key, _, _ := n.serverAt(); key == claim.Node {
			return claim, e, nil
		}
		if err := n.abandon(e); err != nil {
			return claim, nil, err
		}
		if e, err = n.resume(e.request); err != nil {
			return claim, nil, err
		}
	}
	link, err := n.claimHere(ctx, ServerPlaces{Listen: request.Listen, Announce: request.Announce})
	if err != nil {
		return rvproto.Claim{}, nil, err
	}
	e.kept.Claim = link
	claim, err := rvproto.ParseClaim(link)
	return claim, e, err
}

// sequencer returns the rendezvous node that the organization is at.
func (o *organization) sequencer() keys.PublicKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at.Key
}

// MoveHere has the rendezvous node in this program listen elsewhere, or be announced under other addresses, and tells how it is.
func (n *Node) MoveHere(ctx context.Context, request api.HereRequest) (api.Here, error) {
	key, _, _ := n.serverAt()
	if key.IsZero() {
		return api.Here{}, api.Errorf(api.CodeNotFound, "no rendezvous node runs on this computer").
			WithHint("muster org create NAME --here makes one, and muster admin rendezvous move --here")
	}
	if len(request.Listen)+len(request.Announce) > 0 {
		err := n.config.Server.Move(ctx, ServerPlaces{Listen: request.Listen, Announce: request.Announce})
		if err != nil {
			return api.Here{}, cannotRun(err)
		}
		for _, o := range n.all() {
			wake(o.wakeHosting)
		}
	}
	return describeServer(n.config.Server.Status()), nil
}

// describeServer tells how the node is, but for what is of one organization.
func describeServer(status ServerStatus) api.Here {
	here := api.Here{
		Running: status.Running, Addresses: status.Addresses, Listen: status.Places.Listen, Announce: status.Places.Announce,
	}
	if status.Running {
		here.Since = status.Since.UTC()
	}
	if status.Failed != nil {
		here.Why = status.Failed.Error()
	}
	return here
}

// hereLocked says of a rendezvous node how it is, if it is the one in this program; nil if not. Callers hold mu.
func (o *organization) hereLocked(key keys.PublicKey) *api.Here {
	here, _, _ := o.node.serverAt()
	if here.IsZero() || here != key {
		return nil
	}
	status := o.node.config.Server.Status()
	described, of := describeServer(status), status.Orgs[o.org]
	described.Members, described.DevicesOnline = of.Members, of.Online
	described.Entries, described.Bodies, described.Bytes = of.Entries, of.Bodies, of.Bytes
	described.Moved, described.Untold = of.Moved, of.Untold
	return &described
}

// formerHereLocked tells of the rendezvous node in this program if the organization has moved from it to another and it is
// needed still; nil if not. Callers hold mu.
func (o *organization) formerHereLocked() *api.RendezvousStatus {
	key, _, addresses := o.node.serverAt()
	if key.IsZero() || key == o.at.Key {
		return nil
	}
	here := o.hereLocked(key)
	if here == nil || !here.Moved {
		return nil
	}
	return &api.RendezvousStatus{Address: joined(addresses), Node: key.String(), Here: here}
}
