package rendezvous

import (
	"fmt"
	"sync/atomic"
	"time"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// org is one organization on the node. Nothing in it knows of another.
type org struct {
	id       keys.OrgID
	topic    string // of its gossip
	roll     *roll
	prekeys  prekeys
	grants   *grants
	talks    *talks
	fans     fans
	intros   allowances
	arrivals arrivals
	debts    debts
	asked    asked
	pace     *rate[payer] // of events
	sessions *sessions
	tally    tally

	applications *applications
	presence     *presence
	attendance   *attendance
	archive      *archive

	conditions map[keys.PublicKey]condition // of every device that the roll has or had; only the sequencer looks at it

	several atomic.Bool // there are other nodes
	journal *journal    // for these
	done    done

	move     atomic.Pointer[[]byte] // the signed event by which another node has taken over; nil while none has
	given    atomic.Int64           // when that was, Unix seconds
	informed *informed              // who was told of it
}

// openOrg reads an organization's tables from the store. A checkpoint is signed unless another node has taken over.
func openOrg(store *kv.Store, node keys.PrivateKey, id keys.OrgID, now time.Time) (*org, error) {
	record, err := readOrg(store, id)
	if err != nil {
		return nil, fmt.Errorf("reading the organization: %w", err)
	}
	r, err := openRoll(store, node, id, record.rollTable())
	if err == nil && len(record.Move) == 0 && !r.roll.State().Serves(node.Public()) {
		err = r.retired(&record, now)
	}
	if err == nil && len(record.Move) == 0 {
		if r.roll.State().IsFurther(node.Public()) {
			err = r.recallNote()
		} else {
			err = r.sign(now)
		}
	}
	if err != nil {
		return nil, err
	}
	g, err := openGrants(store, r)
	if err != nil {
		return nil, err
	}
	o := &org{
		id: id, topic: gossip.Topic(id), roll: r, grants: g, talks: newTalks(store, r),
		prekeys:  prekeys{org: id, store: store},
		intros:   allowances{org: id, store: store},
		pace:     newRate[payer](),
		sessions: newSessions(),

		applications: newApplications(store, id),
		presence:     newPresence(store, id, g),
		attendance:   newAttendance(store, id),
		archive:      newArchive(store, id),
	}
	if err := o.attendance.open(); err != nil {
		return nil, err
	}
	if err := o.archive.open(); err != nil {
		return nil, err
	}
	if err := o.presence.open(); err != nil {
		return nil, fmt.Errorf("reading presence: %w", err)
	}
	g.changed = o.presence.touch
	if len(record.Move) > 0 {
		o.move.Store(&record.Move)
		o.given.Store(record.Given)
	}
	if o.informed, err = openInformed(store, id); err != nil {
		return nil, fmt.Errorf("reading who knows of a move: %w", err)
	}
	r.read(func(state *membership.State) { o.conditions = conditionsIn(state) })
	return o, nil
}

// moved says that another node has taken over; the zero refusal while none has. [RV-72]
func (o *org) moved() refusal {
	if move := o.move.Load(); move != nil {
		return refusal{status: wire.StatusMoved, org: o.id, move: *move}
	}
	return refusal{}
}
