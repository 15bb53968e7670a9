package rendezvous

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// applications are the join events of one organization that wait for somebody to vouch for them, on disk. One is kept for a
// device. When there are too many, new ones are answered "full"; those that were declined go first. [RV-90]
type applications struct {
	org   keys.OrgID
	store *kv.Store

	mu    sync.Mutex // held while one is stored; guards the following
	hour  int64      // for which sites counts
	sites map[netip.Prefix]int
}

// applicationRecord is an application on disk, under the id of its event.
type applicationRecord struct {
	_        struct{} `cbor:",toarray"`
	Device   keys.PublicKey
	Time     int64  // when it came, Unix seconds
	Declined bool   // then neither event nor text is kept
	Event    []byte // signed join event
	Text     string
}

// gone reports whether the record's time is over.
func (r *applicationRecord) gone(now time.Time) bool {
	return now.Sub(time.Unix(r.Time, 0)) >= applicationTime
}

func newApplications(store *kv.Store, org keys.OrgID) *applications {
	return &applications{org: org, store: store, sites: make(map[netip.Prefix]int)}
}

func (a *applications) key(id keys.EventID) []byte { return kv.Key(tableApply, a.org[:], id[:]) }

// visit calls visit with every record after an id, in the order of their ids, until it returns false.
func (a *applications) visit(after keys.EventID, visit func(id keys.EventID, r *applicationRecord) bool) error {
	var last []byte
	if !after.IsZero() {
		last = a.key(after)
	}
	return a.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(tableApply, a.org[:]), last, false, func(key, value []byte) (bool, error) {
			var r applicationRecord
			if err := wire.Decode(value, &r); err != nil {
				return false, fmt.Errorf("%w: an application: %v", kv.ErrCorrupt, err)
			}
			return visit(keys.EventID(bytes.Clone(key[len(key)-keys.IDSize:])), &r), nil
		})
	})
}

// put keeps an application of a device, in the place of an earlier one of the same device, and returns StatusPending; or
// StatusRefused if the device was declined, StatusFull if there are too many, StatusLimit if too many came from its
// address within the hour. The same again changes nothing. [RV-90] [RV-91]
func (a *applications) put(device keys.PublicKey, event []byte, text string, from netip.Prefix, now time.Time) wire.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := membership.SignedEvent(event).ID()
	var ended, yielding []keys.EventID // whose place is taken; may be taken
	var declined, same bool
	held := 0
	err := a.visit(keys.EventID{}, func(other keys.EventID, r *applicationRecord) bool {
		switch {
		case r.gone(now):
			ended = append(ended, other)
			return true
		case r.Device == device:
			declined, same = r.Declined, other == id && r.Text == text
			if !declined && !same {
				ended = append(ended, other)
			}
			return !declined && !same
		}
		held++
		if r.Declined {
			yielding = append(yielding, other)
		}
		return true
	})
	if held >= maxApplications && len(yielding) > 0 {
		ended = append(ended, yielding[0])
		held--
	}
	switch {
	case err != nil:
		return statusOf(err)
	case declined:
		return wire.StatusRefused
	case same:
		return wire.StatusPending
	case held >= maxApplications:
		return wire.StatusFull
	case !a.mayLocked(from, now):
		return wire.StatusLimit
	}
	err = a.store.Update(func(tx *kv.Tx) error {
		for _, other := range ended {
			if err := tx.Delete(a.key(other)); err != nil {
				return err
			}
		}
		return tx.Put(a.key(id), wire.Encode(applicationRecord{Device: device, Time: now.Unix(), Event: event, Text: text}))
	})
	if err != nil {
		return statusOf(err)
	}
	return wire.StatusPending
}

// mayLocked counts an application for the address that it comes from. Addresses are counted in memory alone, and forgotten
// with the hour. The caller holds mu.
func (a *applications) mayLocked(from netip.Prefix, now time.Time) bool {
	if hour := now.Unix() / 3600; hour != a.hour {
		a.hour = hour
		clear(a.sites)
	}
	if a.sites[from] >= siteApplications || len(a.sites) >= maxAddresses {
		return false
	}
	a.sites[from]++
	return true
}

// drop removes what wanted names.
func (a *applications) drop(wanted func(*applicationRecord) bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ended []keys.EventID
	err := a.visit(keys.EventID{}, func(id keys.EventID, r *applicationRecord) bool {
		if wanted(r) {
			ended = append(ended, id)
		}
		return true
	})
	if err != nil || len(ended) == 0 {
		return err
	}
	return a.store.Update(func(tx *kv.Tx) error {
		for _, id := range ended {
			if err := tx.Delete(a.key(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// page returns the applications after an id, as many as one answer holds. admitted says whose are over.
func (a *applications) page(after keys.EventID, now time.Time, admitted func(keys.PublicKey) bool) (page []rvproto.Application, err error) {
	total := 0
	err = a.visit(after, func(_ keys.EventID, r *applicationRecord) bool {
		if r.Declined || r.gone(now) || admitted(r.Device) {
			return true
		}
		if total += len(r.Event); total > rvproto.MaxPageBytes || len(page) == rvproto.MaxApplications {
			return false
		}
		page = append(page, rvproto.Application{Event: r.Event, Text: r.Text, Time: r.Time})
		return true
	})
	return page, err
}

// decline ends an application. That it was is remembered as long as it would have waited, so that the same device does not
// come again at once. [RV-93]
func (a *applications) decline(id keys.EventID) wire.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.store.Update(func(tx *kv.Tx) error {
		value, err := tx.Get(a.key(id))
		if errors.Is(err, kv.ErrNotFound) {
			return wire.StatusNotFound
		} else if err != nil {
			return err
		}
		var r applicationRecord
		if err := wire.Decode(value, &r); err != nil {
			return fmt.Errorf("%w: an application: %v", kv.ErrCorrupt, err)
		}
		return tx.Put(a.key(id), wire.Encode(applicationRecord{Device: r.Device, Time: r.Time, Declined: true}))
	})
	return statusOf(err)
}

// apply answers an application. Whether the event may ever be taken is for those who vouch and the rules of the roll; what
// is certain now is asked now. [RV-90]
func (n *Node) apply(from keys.PublicKey, address ma.Multiaddr, r *rvproto.ApplyRequest) rvproto.RollAnswer {
	o, no := n.invited(from, r.Org, r.Invitation, r.Proof)
	if no.status != wire.StatusOK {
		return no.roll()
	}
	if no := o.elsewhere(); no.status != wire.StatusOK {
		return no.roll() // the one who decides asks there
	}
	event, by, err := membership.OpenEvent(r.Event)
	switch {
	case err != nil:
		return rollRefusal(statusOf(err))
	case event.Join == nil || by.Signer != from || by.Cosigner != r.Invitation || event.Org != o.id:
		return rollRefusal(wire.StatusRefused)
	case envelope.CheckText(r.Text) != nil:
		return rollRefusal(wire.StatusMalformed)
	}
	if n.directory.active(from) == o {
		return n.submitted(o, wire.StatusOK)
	}
	now := n.cfg.Now()
	if n.room.full(o.id) >= shedGuests {
		return rollRefusal(wire.StatusFull)
	}
	if status := o.mayApply(&event, r.Invitation, now); status != wire.StatusOK {
		return rollRefusal(status)
	}
	site, _ := siteOf(address)
	return rollRefusal(o.applications.put(from, r.Event, r.Text, site, now))
}

// mayApply asks what is certain of an application now.
func (o *org) mayApply(event *membership.Event, invitation keys.PublicKey, now time.Time) (status wire.Status) {
	o.roll.read(func(state *membership.State) {
		if state.Standing(event.Signer) != membership.StandingNone {
			status = wire.StatusUsed
			return
		}
		if issued, _ := state.Invitation(invitation); !issued.Apply {
			status = wire.StatusRefused // it lets its holder join
			return
		}
		status = statusOf(state.Usable(invitation, stampAfter(state, now)))
	})
	return status
}

// decides reports whether a member may see the applications that wait, since they may vouch for one; and whether they may
// decline one.
func (o *org) decides(device keys.PublicKey) (sees, declines bool) {
	o.roll.read(func(state *membership.State) {
		id, ok := state.MemberOf(device)
		if !ok {
			return
		}
		member, _ := state.Member(id)
		declines = member.Role == membership.RoleAdmin
		sees = declines || state.Policy().Vouches > 0 && member.Role != membership.RoleGuest
	})
	return sees, declines
}

// listApplications answers who asks for the applications. [RV-92]
func (n *Node) listApplications(o *org, from keys.PublicKey, after keys.EventID) rvproto.RollAnswer {
	if sees, _ := o.decides(from); !sees {
		return rollRefusal(wire.StatusRefused)
	}
	page, err := o.applications.page(after, n.cfg.Now(), o.known)
	if err != nil {
		return rollRefusal(n.fault("reading applications", err))
	}
	return rvproto.RollAnswer{Applications: page}
}

// decline answers who declines an application. [RV-93]
func (n *Node) decline(o *org, from keys.PublicKey, id keys.EventID) rvproto.RollAnswer {
	if _, declines := o.decides(from); !declines {
		return rollRefusal(wire.StatusRefused)
	}
	return rollRefusal(o.applications.decline(id))
}

// known reports whether a device is or was one of the organization's.
func (o *org) known(device keys.PublicKey) (known bool) {
	o.roll.read(func(state *membership.State) { known = state.Standing(device) != membership.StandingNone })
	return known
}

// expireApplications removes what waited too long, and what has become a member's.
func (o *org) expireApplications(now time.Time) error {
	return o.applications.drop(func(r *applicationRecord) bool { return r.gone(now) || o.known(r.Device) })
}
