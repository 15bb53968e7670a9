package node

import (
	"slices"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// stalledAfter is for how long a node may owe an answer to a post before another is posted to, if there is one.
	stalledAfter = 5 * time.Second
	// goneAfter is for how long a node is away before what it alone has taken is offered to another.
	goneAfter = 15 * time.Second
	// nearer and nearerBy say what makes another node so much nearer that it is posted to instead: a round trip of less than
	// half, and shorter by this at least. So the choice does not swing.
	nearer   = 2
	nearerBy = 10 * time.Millisecond
)

// fleet is the rendezvous nodes of one organization as this device reaches them, and which of them it posts to. With one node
// it says always the same.
type fleet struct {
	now func() time.Time

	mu      sync.Mutex // guards the following; innermost
	reached map[keys.PublicKey]*reached
	primary keys.PublicKey
	posts   int           // to how many a message is posted, by the policy
	unrest  chan struct{} // capacity 1: something is under way that time decides
	changed chan struct{} // closed and replaced when what there is to do may be another
}

// reached is one node.
type reached struct {
	client  *rvclient.Client // nil while not connected
	posting *poster          // nil while nothing can be posted
	trip    time.Duration    // of an answer, as measured of late
	lost    time.Time        // since when it has not been connected
	away    bool             // that is long, as posters were told
	owes    time.Time        // since when it owes an answer to a post; zero: it owes none
}

// poster is one post stream.
type poster struct {
	node  keys.PublicKey
	leave chan []byte // signed grants that the node may lack; bounded, and what has no room is brought by the next try

	borne map[keys.MemberID]borne // what was brought of each member; guarded by organization.mu
}

// borne is a grant that was brought to a node.
type borne struct {
	number uint64
	at     time.Time
}

// leaveAtOnce is how many grants wait to be brought to a node.
const leaveAtOnce = 64

func newFleet() *fleet {
	return &fleet{now: time.Now, reached: make(map[keys.PublicKey]*reached), unrest: make(chan struct{}, 1), changed: make(chan struct{})}
}

func (f *fleet) atLocked(node keys.PublicKey) *reached {
	r := f.reached[node]
	if r == nil {
		r = &reached{lost: f.now()}
		f.reached[node] = r
	}
	return r
}

func (f *fleet) changedLocked() {
	f.electLocked()
	close(f.changed)
	f.changed = make(chan struct{})
}

// news returns a channel that is closed when what there is to do for a poster may be another.
func (f *fleet) news() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// connect notes that a node is connected. The returned function ends that.
func (f *fleet) connect(client *rvclient.Client) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.atLocked(client.Node).client = client
	f.changedLocked()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r := f.reached[client.Node]; r != nil && r.client == client {
			r.client, r.lost = nil, f.now()
			f.changedLocked()
			wake(f.unrest)
		}
	}
}

// clientOf returns the client of a node, nil while it is not connected.
func (f *fleet) clientOf(node keys.PublicKey) *rvclient.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.reached[node]; r != nil {
		return r.client
	}
	return nil
}

// clients returns all that are connected.
func (f *fleet) clients() (all []*rvclient.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.reached {
		if r.client != nil {
			all = append(all, r.client)
		}
	}
	return all
}

// describe tells whether a node is connected, and its round trip, 0 if that is not known.
func (f *fleet) describe(node keys.PublicKey) (connected bool, trip time.Duration, posting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.reached[node]; r != nil {
		return r.client != nil, r.trip, r.posting != nil && f.primary == node
	}
	return false, 0, false
}

// post notes that a node can be posted to, and how long it took to say so. The returned function ends that.
func (f *fleet) post(node keys.PublicKey, trip time.Duration) (p *poster, leave func()) {
	p = &poster{node: node, leave: make(chan []byte, leaveAtOnce), borne: make(map[keys.MemberID]borne)}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.atLocked(node)
	r.posting, r.owes, r.trip = p, time.Time{}, trip
	f.changedLocked()
	return p, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r := f.reached[node]; r != nil && r.posting == p {
			r.posting, r.owes = nil, time.Time{}
			f.changedLocked()
		}
	}
}

// asked notes that a node was posted to, and answered that it answered one post, after so long, and owes more or not.
func (f *fleet) asked(node keys.PublicKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.atLocked(node); r.owes.IsZero() {
		r.owes = f.now()
		wake(f.unrest)
	}
}

func (f *fleet) answered(node keys.PublicKey, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.atLocked(node)
	wasStalled := r.stalled(f.now())
	if r.owes = (time.Time{}); more {
		r.owes = f.now()
	}
	if wasStalled {
		f.changedLocked()
	}
}

func (r *reached) stalled(now time.Time) bool {
	return !r.owes.IsZero() && now.Sub(r.owes) >= stalledAfter
}

// electLocked chooses the node that is posted to: the nearest of those that answer, but the one of before as long as none is
// much nearer.
func (f *fleet) electLocked() {
	now := f.now()
	var best keys.PublicKey
	better := func(node keys.PublicKey, r *reached) bool {
		b := f.reached[best]
		switch {
		case b == nil:
			return true
		case b.stalled(now) != r.stalled(now):
			return b.stalled(now)
		case b.trip != r.trip:
			return r.trip < b.trip
		}
		return node.Compare(best) < 0
	}
	for node, r := range f.reached {
		if r.posting != nil && better(node, r) {
			best = node
		}
	}
	held := f.reached[f.primary]
	if held != nil && held.posting != nil && !best.IsZero() {
		b := f.reached[best]
		if held.stalled(now) == b.stalled(now) && (b.trip*nearer >= held.trip || held.trip-b.trip < nearerBy) {
			return
		}
	}
	f.primary = best
}

// look elects anew, since time has passed, and tells posters if it makes a difference. It reports whether time may make one
// yet.
func (f *fleet) look() (restless bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, other := f.primary, false
	f.electLocked()
	for _, r := range f.reached {
		away := r.client == nil && f.now().Sub(r.lost) >= goneAfter
		other = other || away != r.away
		r.away = away
		restless = restless || r.client == nil && !away || !r.owes.IsZero()
	}
	if other || before != f.primary {
		f.changedLocked()
	}
	return restless
}

// isPrimary reports whether a poster is the one that offers what no node is known to have.
func (f *fleet) isPrimary(p *poster) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.reached[p.node]
	return f.primary == p.node && r != nil && r.posting == p
}

// isSecond reports whether a poster is the one that offers what another node has to one more: the nearest behind the
// primary.
func (f *fleet) isSecond(p *poster) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var second keys.PublicKey
	for node, r := range f.reached {
		if node == f.primary || r.posting == nil || r.stalled(f.now()) {
			continue
		}
		if b := f.reached[second]; b == nil || r.trip < b.trip || r.trip == b.trip && node.Compare(second) < 0 {
			second = node
		}
	}
	r := f.reached[p.node]
	return second == p.node && r != nil && r.posting == p
}

// gone returns a function that says whether what a node has taken is as good as not taken: it is not of those that serve, or
// has been away for a while.
func (f *fleet) gone(serves []keys.PublicKey) func(keys.PublicKey) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	away := make(map[keys.PublicKey]bool)
	for _, node := range serves {
		r := f.atLocked(node)
		away[node] = r.client == nil && f.now().Sub(r.lost) >= goneAfter
	}
	return func(node keys.PublicKey) bool {
		is, known := away[node]
		return is || !known
	}
}

// keep forgets nodes that are not among those named, and takes to how many a message is posted.
func (f *fleet) keep(nodes []store.Node, posts int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.posts != posts {
		f.posts = posts
		f.changedLocked()
	}
	for key, r := range f.reached {
		if r.client == nil && !slices.ContainsFunc(nodes, func(n store.Node) bool { return n.Key == key }) {
			delete(f.reached, key)
		}
	}
	for _, node := range nodes {
		f.atLocked(node.Key)
	}
	wake(f.unrest)
}
