package node

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// organization is the account in one organization.
type organization struct {
	node   *Node
	log    *slog.Logger
	org    keys.OrgID
	member keys.MemberID
	self   keys.PrivateKey // the device's identity here
	device keys.PublicKey
	at     store.Node // the rendezvous node, as the invitation or claim named it
	local  host.Host  // made when the organization was entered, for its first run; nil: run makes one

	wakeSeal chan struct{} // capacity 1: there may be something to seal
	wakePost chan struct{} // capacity 1: there may be something to post
	wakeRoll chan struct{} // capacity 1: somebody knows a larger roll
	fetching chan struct{} // capacity 1: held by who fetches and adopts a page of the roll

	// mu guards the following, and every change of the organization's part of the store. It is never held while
	// waiting for the network.
	mu         sync.Mutex
	roll       *membership.Roll
	checkpoint membership.Checkpoint
	distrust   error                  // set for good when the rendezvous node was caught lying
	ahead      map[keys.MemberID]head // the largest roll that each member spoke of and that was not here
	view       *history.View
	prekeys    map[keys.PrekeyID]envelope.PrekeyPrivate
	client     *rvclient.Client // nil while not connected
	changed    chan struct{}    // closed and replaced at each change that a request may wait for
}

// openOrganization reads an organization from the store.
func (n *Node) openOrganization(kept store.Organization) (*organization, error) {
	self := keys.FromSeed(kept.Identity)
	o := &organization{
		node: n, org: kept.Org, member: kept.Member, self: self, device: self.Public(), at: kept.Node,
		log:      n.log.With("org", kept.Org.Short()),
		wakeSeal: make(chan struct{}, 1), wakePost: make(chan struct{}, 1), wakeRoll: make(chan struct{}, 1),
		fetching: make(chan struct{}, 1),
		roll:     membership.NewRoll(kept.Org), prekeys: make(map[keys.PrekeyID]envelope.PrekeyPrivate),
		ahead: make(map[keys.MemberID]head), changed: make(chan struct{}),
	}
	err := n.store.View(func(tx *store.Tx) error {
		if err := o.readRoll(tx); err != nil {
			return fmt.Errorf("reading the roll: %w", err)
		}
		if err := o.readPrekeys(tx); err != nil {
			return err
		}
		view, err := tx.Fold(o.org)
		o.view = view
		return err
	})
	return o, err
}

// name returns the organization's name on the roll.
func (o *organization) name() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.roll.State().OrgName()
}

// wake puts a signal into a channel of capacity 1.
func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// noteChangeLocked wakes the requests that wait for a change. Callers hold mu.
func (o *organization) noteChangeLocked() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// changes returns a channel that is closed at the next change. Ask for it before looking at what may change.
func (o *organization) changes() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// connection returns the client of the rendezvous node, or nil while there is no connection.
func (o *organization) connection() *rvclient.Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.client
}

func (o *organization) setConnection(client *rvclient.Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.client = client
	o.noteChangeLocked()
}
