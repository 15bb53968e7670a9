package rendezvous

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
)

// counters are the totals since the start.
type counters struct {
	events, faults, refusedStreams   atomic.Int64
	sessions                         atomic.Int64 // long-lived streams that were begun
	accepted, answered, batches      atomic.Int64
	delivered, acknowledged, expired atomic.Int64
	receiptsGivenUp, presenceTold    atomic.Int64
	returns, returnsGivenUp          atomic.Int64
	rumoursTaken, rumoursDropped     atomic.Int64
	hasty                            atomic.Int64
	archived, archiveMissed          atomic.Int64
	siblingCalls, memberCalls        atomic.Int64 // that were relayed
	memberCallsRefused, callsCut     atomic.Int64

	refusedPosts, refusedRecipients, refusedEvents refusals
}

// traffic counts what keeps a node from being quiet.
func (c *counters) traffic() int64 { return c.answered.Load() + c.delivered.Load() + c.events.Load() }

// reasons are the statuses as metrics name them. Those that a node never refuses by have no name.
var reasons = [...]string{
	wire.StatusMalformed: "malformed", wire.StatusNotMember: "not_member", wire.StatusRefused: "rules",
	wire.StatusNoLeave: "no_leave", wire.StatusTooLarge: "too_large", wire.StatusFull: "full",
	wire.StatusUnavailable: "fault", wire.StatusNotFound: "not_found", wire.StatusStale: "stale", wire.StatusUsed: "used",
	wire.StatusExpired: "expired", wire.StatusNameTaken: "name_taken", wire.StatusBadName: "bad_name",
	wire.StatusLimit: "allowance", wire.StatusBarred: "barred", wire.StatusSuspended: "suspended",
	wire.StatusMoved: "moved", wire.StatusConflict: "conflict",
	wire.StatusParked: "parked", wire.StatusArchive: "archive", wire.StatusArchiveFull: "archive_full",
}

// refusals counts by the reason.
type refusals [len(reasons)]atomic.Int64

// count notes one answer, unless it is no refusal.
func (r *refusals) count(status wire.Status) {
	if int(status) < len(r) && reasons[status] != "" {
		r[status].Add(1)
	}
}

const metricsPrefix = "muster_rendezvous_"

// metricsPages are /metrics in the Prometheus text format and /healthz. They say nothing of any member.
func (n *Node) metricsPages() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	n.registerTotals(registry)
	n.registerGauges(registry)
	registry.MustRegister(orgMetrics{n}, queueMetrics{n})

	pages := http.NewServeMux()
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	pages.HandleFunc("GET /healthz", n.healthPage)
	return pages
}

// registerTotals registers what only grows.
func (n *Node) registerTotals(registry *prometheus.Registry) {
	count := func(name, help string, labels prometheus.Labels, value *atomic.Int64) {
		registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: metricsPrefix + name + "_total", Help: help, ConstLabels: labels},
			func() float64 { return float64(value.Load()) }))
	}
	total := func(name, help string, value *atomic.Int64) { count(name, help, nil, value) }
	total("events", "Events taken into rolls.", &n.counters.events)
	total("gossip_events", "Events taken into rolls that were heard by gossip.", &n.counters.rumoursTaken)
	total("gossip_dropped", "Messages of gossip that there was no room to look at.", &n.counters.rumoursDropped)
	total("faults", "Requests that failed on this side.", &n.counters.faults)
	total("refused_streams", "Streams of strangers that were refused.", &n.counters.refusedStreams)
	total("hasty_devices", "Devices cut off because they opened streams too fast.", &n.counters.hasty)
	total("posts_accepted", "Envelopes that are on disk.", &n.counters.accepted)
	total("posts_answered", "Posts answered, whatever the answer.", &n.counters.answered)
	total("post_batches", "Batches of envelopes put into the queue.", &n.counters.batches)
	total("deliveries", "Bodies sent to devices.", &n.counters.delivered)
	total("receipts_given_up", "Receipts that their sender's queue had no room for.", &n.counters.receiptsGivenUp)
	total("acknowledgements", "Bodies acknowledged by devices.", &n.counters.acknowledged)
	total("presence_told", "Changes of presence, and notices of typing, told to devices.", &n.counters.presenceTold)
	total("expired", "Entries removed because their time was over.", &n.counters.expired)
	total("returns", "Returns queued for senders.", &n.counters.returns)
	total("returns_given_up", "Returns that their sender's queue had no room for.", &n.counters.returnsGivenUp)
	total("archive_copies", "Copies for archives that are on disk.", &n.counters.archived)
	total("archive_missed", "Envelopes that went on without the archive's copy, because it was behind.", &n.counters.archiveMissed)
	const relayed = "Calls relayed, by whose devices the two are."
	count("relayed_calls", relayed, prometheus.Labels{"between": "account"}, &n.counters.siblingCalls)
	count("relayed_calls", relayed, prometheus.Labels{"between": "members"}, &n.counters.memberCalls)
	total("relayed_calls_refused", "Calls between members' devices that were refused: no leave, by policy, or too many.", &n.counters.memberCallsRefused)
	total("relayed_calls_cut", "Calls between members' devices ended because they had taken what they may.", &n.counters.callsCut)
	for status, reason := range reasons {
		if reason != "" {
			labels := prometheus.Labels{"reason": reason}
			count("posts_refused", "Posts refused as a whole.", labels, &n.counters.refusedPosts[status])
			count("recipients_refused", "Recipients refused of posts that others got.", labels, &n.counters.refusedRecipients[status])
			count("events_refused", "Events refused.", labels, &n.counters.refusedEvents[status])
		}
	}
}

// registerGauges registers what the node is like now, but for what is said of each organization.
func (n *Node) registerGauges(registry *prometheus.Registry) {
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: metricsPrefix + name, Help: help, ConstLabels: labels}, value))
	}
	now := func(name, help string, value func() float64) { gauge(name, help, nil, value) }
	gauge("info", "Always 1; the version is a label.", prometheus.Labels{"version": n.cfg.Version}, func() float64 { return 1 })
	now("healthy", "1 while /healthz answers ok.", func() float64 {
		if len(n.Health()) > 0 {
			return 0
		}
		return 1
	})
	now("disk_free_bytes", "Room on the volume of the node's folder; -1 where the system does not say.", func() float64 {
		free, _, err := n.volume()
		if err != nil {
			return -1
		}
		return float64(free)
	})
	now("room_used_percent", "How much of what may wait waits; from 80 on guests are refused, from 95 on all posts.", func() float64 {
		return float64(n.room.used())
	})
	now("organizations", "Organizations on the node.", func() float64 { return float64(len(n.directory.all())) })
	now("devices_online", "Devices that listen for deliveries.", func() (sum float64) {
		for _, o := range n.directory.all() {
			sum += float64(o.sessions.online())
		}
		return sum
	})
	now("devices_parked", "Devices that stayed away for so long that nothing is kept for them.", func() (sum float64) {
		for _, o := range n.directory.all() {
			sum += float64(len(o.attendance.away()))
		}
		return sum
	})
	now("gossip_neighbours", "Devices that take part in gossip.", func() (sum float64) {
		for _, o := range n.directory.all() {
			sum += float64(len(n.gossip.Peers(o.topic)))
		}
		return sum
	})
	queued := func(of func(queue.Stats) int64) func() float64 {
		return func() (sum float64) {
			for _, stats := range n.queue.Stats() {
				sum += float64(of(stats))
			}
			return sum
		}
	}
	now("queue_entries", "Pairs of envelope and device that wait.", queued(func(s queue.Stats) int64 { return s.Entries }))
	now("queue_bodies", "Envelopes that wait.", queued(func(s queue.Stats) int64 { return s.Bodies }))
	now("queue_bytes", "Bytes of the envelopes that wait.", queued(func(s queue.Stats) int64 { return s.Bytes }))
}

// orgMetrics says of each organization how large it is and what waits for it, by its id: not who is in it.
type orgMetrics struct{ node *Node }

var orgGauges = []struct {
	about *prometheus.Desc
	value func(OrgStatus) float64
}{
	{aboutOrg("members", "Members of an organization."), func(o OrgStatus) float64 { return float64(o.Members) }},
	{aboutOrg("devices_online", "Devices of an organization that listen."), func(o OrgStatus) float64 { return float64(o.DevicesOnline) }},
	{aboutOrg("roll_entries", "Entries of an organization's roll."), func(o OrgStatus) float64 { return float64(o.RollSize) }},
	{aboutOrg("queue_entries", "Pairs of envelope and device that wait."), func(o OrgStatus) float64 { return float64(o.Entries) }},
	{aboutOrg("queue_bodies", "Envelopes that wait."), func(o OrgStatus) float64 { return float64(o.Bodies) }},
	{aboutOrg("archive_waiting", "Envelopes that wait for an organization's archive."), ofArchive(func(a ArchiveStatus) int64 { return a.Waiting })},
	{aboutOrg("archive_bytes", "Bytes of the envelopes that wait for an organization's archive."), ofArchive(func(a ArchiveStatus) int64 { return a.Bytes })},
	{aboutOrg("archive_missed", "Envelopes that went on without the archive's copy."), ofArchive(func(a ArchiveStatus) int64 { return a.Missed })},
	{aboutOrg("queue_bytes", "Bytes of the envelopes that wait."), func(o OrgStatus) float64 { return float64(o.Bytes) }},
}

// ofArchive is a figure of an organization's archive, 0 for one without.
func ofArchive(figure func(ArchiveStatus) int64) func(OrgStatus) float64 {
	return func(o OrgStatus) float64 {
		if o.Archive == nil {
			return 0
		}
		return float64(figure(*o.Archive))
	}
}

func aboutOrg(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(metricsPrefix+"org_"+name, help, []string{"org"}, nil)
}

// Describe implements prometheus.Collector.
func (orgMetrics) Describe(all chan<- *prometheus.Desc) {
	for _, gauge := range orgGauges {
		all <- gauge.about
	}
}

// Collect implements prometheus.Collector.
func (m orgMetrics) Collect(all chan<- prometheus.Metric) {
	for _, o := range m.node.Status().Orgs {
		for _, gauge := range orgGauges {
			all <- prometheus.MustNewConstMetric(gauge.about, prometheus.GaugeValue, gauge.value(o), o.Org.String())
		}
	}
}

// queueMetrics says what the queue says of itself, if it does.
type queueMetrics struct{ node *Node }

var queueGauges = []struct {
	about *prometheus.Desc
	value func(report queue.Report, now time.Time) float64
}{
	{aboutQueue("disk_bytes", "Bytes of all files of the queue."),
		func(r queue.Report, _ time.Time) float64 { return float64(r.Disk) }},
	{aboutQueue("dead_bodies", "Bodies that nobody waits for, and whose room is not free yet."),
		func(r queue.Report, _ time.Time) float64 { return float64(r.Dead) }},
	{aboutQueue("orphans", "Files, keys and entries that belong to nothing."),
		func(r queue.Report, _ time.Time) float64 { return float64(orphans(r)) }},
	{aboutQueue("damage", "Places on disk that cannot be read."),
		func(r queue.Report, _ time.Time) float64 { return float64(len(r.Damage)) }},
	{aboutQueue("oldest_seconds", "For how long the oldest entry has waited; 0 if nothing waits."),
		func(r queue.Report, now time.Time) float64 {
			if r.Oldest.IsZero() {
				return 0
			}
			return max(0, now.Sub(r.Oldest).Seconds())
		}},
}

func aboutQueue(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(metricsPrefix+"queue_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector.
func (queueMetrics) Describe(all chan<- *prometheus.Desc) {
	for _, gauge := range queueGauges {
		all <- gauge.about
	}
}

// Collect implements prometheus.Collector. A queue that does not answer in time has no figures.
func (m queueMetrics) Collect(all chan<- prometheus.Metric) {
	q, reports := m.node.queue.(reporter)
	if !reports {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTime/2)
	defer cancel()
	report, err := q.Report(ctx)
	if err != nil {
		return
	}
	for _, gauge := range queueGauges {
		all <- prometheus.MustNewConstMetric(gauge.about, prometheus.GaugeValue, gauge.value(report, time.Now()))
	}
}
