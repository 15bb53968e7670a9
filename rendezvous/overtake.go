package rendezvous

import (
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// errOvertaken means that another process has put an entry where ours was to go.
var errOvertaken = errors.New("another process has gone on with the roll")

// overtakenTries is how often an event is judged anew because other processes were faster.
const overtakenTries = 20

// overtake folds what another process has put on a roll, and makes hold what it says. What was folded holds at once, whatever fails
// then; overtake is to be called again. The caller holds sequence.
func (n *Node) overtake(o *org) error {
	before, after, err := o.roll.advance(n.cfg.Now())
	if before == after {
		return err
	}
	if events, ok := o.roll.fewEvents(before, after); ok {
		for i := range events {
			n.holdsNow(o, &events[i].event, events[i].principal)
		}
	} else {
		n.allHoldsNow(o)
	}
	o.sessions.wakeAll()
	wake(n.news)
	return err
}

// holdsNow makes hold what an event says that another process has put on a roll.
func (n *Node) holdsNow(o *org, event *membership.Event, principal membership.Principal) {
	n.enforce(o, event, principal, keys.PublicKey{})
	if judges(event) || event.Policy != nil {
		o.presence.reconsider()
	}
	if event.Nodes != nil || event.Rendezvous != nil {
		n.notePeers()
	}
}

// allHoldsNow makes hold what a roll says, whatever of it is new.
func (n *Node) allHoldsNow(o *org) {
	n.judge(o, keys.PublicKey{})
	n.directory.archivesOf(o)
	o.presence.reconsider()
	n.notePeers()
}

// advance folds the entries that are on disk and not folded, and signs the roll as it is then. It returns the sizes before and after,
// which differ if anything was folded, even on an error.
func (r *roll) advance(now time.Time) (before, after uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.roll.Size()
	err = r.load(membership.MaxSize)
	after = r.roll.Size()
	if signed, failed := rvproto.CheckpointSize(r.note); err == nil && (failed != nil || signed < after) {
		err = r.sign(now)
	}
	return before, after, err
}

// opened is an event of the roll, and who speaks in it.
type opened struct {
	event     membership.Event
	principal membership.Principal
}

// fewEvents returns the events of [from, to) that can be read here; false if there are many, or some that should be cannot.
func (r *roll) fewEvents(from, to uint64) (events []opened, ok bool) {
	if to-from > followSingly {
		return nil, false
	}
	entries, err := r.entries(from, to)
	if err != nil || uint64(len(entries)) != to-from {
		return nil, false
	}
	for _, value := range entries {
		entry, err := membership.ParseEntry(value)
		if err != nil {
			return nil, false
		}
		if entry.Hidden() {
			continue
		}
		event, principal, err := membership.OpenEvent(entry.Event)
		if err != nil {
			return nil, false
		}
		events = append(events, opened{event, principal})
	}
	return events, true
}
