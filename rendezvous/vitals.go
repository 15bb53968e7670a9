package rendezvous

import (
	"context"
	"math/bits"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// reportPause is for how long a report of the queue is told again: it takes a look at everything that waits.
const reportPause = time.Minute

// reports is the newest report of the queue.
type reports struct {
	mu     sync.Mutex // guards the following, and one look at a time
	taken  time.Time
	report queue.Report
}

// get returns a report that is not older than reportPause, as far as the queue gives any.
func (r *reports) get(ctx context.Context, q Queue, now time.Time) (queue.Report, error) {
	looker, ok := q.(reporter)
	if !ok {
		return queue.Report{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.taken); age >= 0 && age < reportPause {
		return r.report, nil
	}
	report, err := looker.Report(ctx)
	if err == nil {
		r.taken, r.report = now, report
	}
	return report, err
}

func encodeHealth(r refusal) []byte { return wire.Encode(r.health()) }

func (r refusal) health() rvproto.HealthAnswer {
	return rvproto.HealthAnswer{Status: r.status, Move: r.move}
}

// serveHealth answers /muster/health/1, to admins. [RV-140]
func (n *Node) serveHealth(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	return exchange(s, rvproto.MaxHealthRequest, rvproto.AnswerTime, n.still(from), refusal.health,
		func(rvproto.HealthRequest) rvproto.HealthAnswer {
			admin := false
			o.roll.read(func(state *membership.State) {
				member, _ := state.MemberOf(from)
				account, ok := state.Member(member)
				admin = ok && account.Role == membership.RoleAdmin
			})
			if !admin {
				return rvproto.HealthAnswer{Status: wire.StatusRefused}
			}
			return rvproto.HealthAnswer{Health: n.health(ctx, o)}
		})
}

// health says how the node is, to one organization: of the whole node only what says little of others. [RV-141]
func (n *Node) health(ctx context.Context, o *org) *rvproto.Health {
	now := n.cfg.Now()
	held := n.queue.Stats()[o.id]
	h := &rvproto.Health{
		Version: cut(n.cfg.Version, rvproto.MaxVersion), Now: seconds(now), Since: seconds(n.started), Signed: seconds(o.roll.signedAt()),
		Online: uint64(o.sessions.online()), Entries: uint64(held.Entries), Bodies: uint64(held.Bodies), Bytes: uint64(held.Bytes),
		Day: o.tally.last(now, 24), Week: o.tally.last(now, tallyHours),
	}
	if a := n.archiveStatus(o); a != nil {
		h.Archive = &rvproto.ArchiveHealth{
			Connected: a.Connected, Behind: a.Behind, Waiting: uint64(a.Waiting), Bytes: uint64(a.Bytes), Missed: uint64(a.Missed),
		}
		if !a.Since.IsZero() {
			h.Archive.Since = seconds(a.Since)
		}
	}
	if free, _, err := n.volume(); err == nil && free > 0 {
		h.Free = 1 << (bits.Len64(free) - 1)
	}
	if n.diskFull() {
		h.Troubles |= rvproto.TroubleDisk
	}
	if n.queueFails.Load() {
		h.Troubles |= rvproto.TroubleQueue
	}
	used := n.room.open(o.id, keys.MemberID{})
	h.Share, h.Room = uint64(used.share), uint64(used.room)
	if h.Shared = len(n.directory.all()) > 1; h.Shared {
		h.Share, h.Room = rvproto.FillStep(h.Share), rvproto.FillStep(h.Room)
		return h
	}
	report, err := n.reports.get(ctx, n.queue, now)
	if err != nil {
		n.fault("looking at the queue", err)
		h.Troubles |= rvproto.TroubleQueue
		return h
	}
	h.Disk, h.Damaged = uint64(report.Disk), uint64(len(report.Damage))
	if !report.Oldest.IsZero() {
		h.Oldest = seconds(report.Oldest)
	}
	for _, damage := range report.Damage[:min(len(report.Damage), rvproto.MaxDamage)] {
		h.Damage = append(h.Damage, cut(damage.Error(), rvproto.MaxDamageText))
	}
	return h
}

func seconds(t time.Time) uint64 { return uint64(max(0, t.Unix())) }

// cut returns the beginning of a text that has at most so many bytes, all of them characters.
func cut(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// signedAt returns when the newest checkpoint was signed.
func (r *roll) signedAt() time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.signed
}
