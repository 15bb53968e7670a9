package node

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/envelope"
	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/landing"
	"muster.example/node/orgtime"
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
	former store.Node // the one before a move that was followed since the start, until it was asked; the session's alone
	at     store.Node // the rendezvous node, as the invitation or claim named it
	local  host.Host  // made when the organization was entered, for its first run; nil: run makes one
	gate   *gate      // of the host: who may call this device

	archiveAsked atomic.Bool                   // the rendezvous node asked for an archive that the own roll may lack
	roomless     roomless                      // what the rendezvous node has no room for
	path         path                          // to the rendezvous node
	wakeSeal     chan struct{}                 // capacity 1: there may be something to seal
	wakePost     chan struct{}                 // capacity 1: there may be something to post
	wakeOffer    chan struct{}                 // capacity 1: an envelope is to be offered before its time
	wakeRoll     chan struct{}                 // capacity 1: somebody knows a larger roll
	wakeGossip   chan struct{}                 // capacity 1: there is something to tell the other devices
	participants atomic.Pointer[participants]  // who may take part in the gossip
	gossip       atomic.Pointer[gossip.Gossip] // while it runs
	wakeSession  chan struct{}                 // capacity 1: a session may succeed now
	wakeErase    chan struct{}                 // capacity 1: something was erased, or is to be
	wakeSiblings chan struct{}                 // capacity 1: there is something that the account's other devices lack
	wakePlace    chan struct{}                 // capacity 1: there is a new device of the account that could call
	wakeWishes   chan struct{}                 // capacity 1: an invitation is to be put on the roll
	wakeCarried  chan struct{}                 // capacity 1: there is something of others to hand to the rendezvous node
	sealing      chan struct{}                 // capacity 1: held by who works on a job
	wakeHosting  chan struct{}                 // capacity 1: the rendezvous node in this program is elsewhere now
	givenUp      chan struct{}                 // closed once the person has given up a joining ahead of the roll: what is here of it goes
	wishing      chan struct{}                 // capacity 1: held by who hands in or takes back what waits for that
	met          chan struct{}                 // closed once histories were exchanged with another device of the account
	meet         sync.Once                     // closes met
	siblings     *siblingMeetings              // the account's other devices
	neighbours   *neighbours                   // other members' devices
	landing      *landing.Landing              // what siblings gave and was not taken in yet
	wakeLanding  chan struct{}                 // capacity 1: something was landed
	takingIn     sync.Mutex                    // held over taking in what was landed longest ago; outside mu
	inflow       inflow                        // how fast that goes
	faded        int64                         // the horizon up to which all that is past was taken away; of keepExpiring alone
	fetching     chan struct{}                 // capacity 1: held by who fetches and adopts a page of the roll

	presence *presence    // who is there
	mesh     *meshStreams // the other members' devices in reach
	groups   *groupTopics // what goes round in groups by gossip
	carriers *carriers    // what goes with these for others

	reckoning  *orgtime.Reckoning // the organization's time; has a lock of its own
	chosenHere map[string]string  // settings of this device alone

	fleet     *fleet         // the rendezvous nodes
	several   atomic.Bool    // there is more than one
	wakeNodes chan struct{}  // capacity 1: who they are, or whom the main session is with, has changed
	wakeHome  chan struct{}  // capacity 1: the main session may belong to another node now
	wakeTwice chan struct{}  // capacity 1: one node has taken something that a second one is to have
	avoid     keys.PublicKey // the node whose session failed last; the session's alone
	avoided   time.Time      // when

	// mu guards the following, and every change of the organization's part of the store. It is never held while
	// waiting for the network.
	mu          sync.Mutex
	roll        *membership.Roll
	checkpoint  membership.Checkpoint
	distrust    error                      // set when the rendezvous node was caught lying: no new events are taken from it
	proved      bool                       // distrust is stored, and for good
	ahead       map[keys.MemberID]head     // the largest roll that each member spoke of and that was not here
	futile      map[keys.MemberID]futile   // whose envelopes had the roll fetched in vain, and how long that is no reason to
	early       map[keys.EventID]*earlyBar // bars that the roll lacks
	newcomers   map[keys.EventID]*joiner   // joins that it lacks
	passed      map[keys.EventID]*joiner   // joins that were ahead of it once, and are not taken
	joining     membership.Ahead           // what newcomers come to
	invites     map[keys.PublicKey][]byte  // events of invitations that it lacks, as signed
	generosity  generosity                 // what was given again to who asked
	view        *history.View
	cuts        map[keys.PublicKey]recordCut       // where the records of barred devices of the account end to count
	tile        tile                               // the image of the skin, as it was last made ready
	blocked     *blocked                           // who is blocked, as far as that was asked; nil: to be asked anew
	talks       map[keys.ConversationID]store.Talk // conversations of several
	prekeys     map[keys.PrekeyID]envelope.PrekeyPrivate
	client      *rvclient.Client // nil while not connected
	move        []byte           // the signed event of a move of the sequencing duty, not followed yet
	common      uint64           // as in store.Organization
	bear        bool             // as in store.Organization
	joined      int64            // unix milliseconds
	termTried   time.Time        // when a roll of another term was last fetched
	sameHead    int              // how many devices have told of our newest checkpoint lately
	lacking     bool             // the whole roll is to be fetched anew
	exclusion   *exclusion       // why this device may not act, nil while it may
	host        host.Host        // while it runs
	given       map[int64]uint64 // by the day, how many messages other devices gave since the start
	historyTold time.Time        // when watchers were last told of records of other devices
	changed     chan struct{}    // closed and replaced at each change that a request may wait for
}

// openOrganization reads an organization from the store.
func (n *Node) openOrganization(kept store.Organization) (*organization, error) {
	self := keys.FromSeed(kept.Identity)
	o := &organization{
		gate: n.newGate(), met: make(chan struct{}), node: n, org: kept.Org, member: kept.Member, self: self, device: self.Public(), at: kept.Node,
		log:      n.log.With("org", kept.Org.Short()),
		wakeSeal: make(chan struct{}, 1), wakePost: make(chan struct{}, 1), wakeOffer: make(chan struct{}, 1), wakeRoll: make(chan struct{}, 1),
		fetching: make(chan struct{}, 1), wakeGossip: make(chan struct{}, 1), wakeSession: make(chan struct{}, 1),
		wakeCarried: make(chan struct{}, 1), sealing: make(chan struct{}, 1),
		given:     make(map[int64]uint64),
		wakeErase: make(chan struct{}, 1), wakeSiblings: make(chan struct{}, 1), wakePlace: make(chan struct{}, 1),
		wakeLanding: make(chan struct{}, 1), wakeWishes: make(chan struct{}, 1), wakeHosting: make(chan struct{}, 1), wishing: make(chan struct{}, 1), givenUp: make(chan struct{}),
		prekeys: make(map[keys.PrekeyID]envelope.PrekeyPrivate),
		move:    kept.Move, common: kept.Common, bear: kept.Bear, joined: kept.Joined,
		ahead: make(map[keys.MemberID]head), futile: make(map[keys.MemberID]futile), changed: make(chan struct{}),
		early: make(map[keys.EventID]*earlyBar), newcomers: make(map[keys.EventID]*joiner), passed: make(map[keys.EventID]*joiner), invites: make(map[keys.PublicKey][]byte),
		presence: newPresence(), fleet: newFleet(),
		wakeNodes: make(chan struct{}, 1), wakeHome: make(chan struct{}, 1), wakeTwice: make(chan struct{}, 1),
	}
	o.siblings, o.neighbours, o.mesh, o.groups = newSiblingMeetings(o), newNeighbours(o), newMeshStreams(o), newGroupTopics(o)
	o.neighbours.meet, o.mesh.paths = o.mesh.meet, o.neighbours
	o.carriers = newCarriers(o)
	o.carriers.near, o.carriers.want = o.neighbours.near, o.neighbours.want
	o.talks = make(map[keys.ConversationID]store.Talk)
	o.roll = o.newRoll()
	var err error
	if o.landing, err = landing.Open(n.config.Landing, n.config.Key, o.org); err != nil {
		return nil, err
	}
	err = n.store.View(func(tx *store.Tx) (err error) {
		if err := o.readRoll(tx); err != nil {
			return fmt.Errorf("reading the roll: %w", err)
		}
		if err := o.readTime(tx); err != nil {
			return err
		}
		if err := o.readEarly(tx); err != nil {
			return err
		}
		if err := o.readNewcomers(tx); err != nil {
			return err
		}
		if err := o.readExclusion(tx); err != nil {
			return err
		}
		if err := o.readPrekeys(tx); err != nil {
			return err
		}
		if err := o.readShare(tx); err != nil {
			return err
		}
		o.gatherJoiningLocked()
		o.noteParticipantsLocked()
		if err := tx.Talks(o.org, func(id keys.ConversationID, t store.Talk) { o.talks[id] = t }); err != nil {
			return err
		}
		if o.view, err = tx.Fold(o.org, o.member, o.countsLocked); err != nil {
			return err
		}
		if o.chosenHere, err = tx.DeviceSettings(o.org); err != nil {
			return err
		}
		o.noteCallableLocked() // as the person chose, which was not known above
		if err := o.carriers.read(tx); err != nil {
			return err
		}
		return o.readUndelivered(tx)
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
	wake(o.groups.wake)
	o.noteChangeLocked()
	wake(o.wakeNodes)
}
