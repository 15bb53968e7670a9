package rendezvous

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster.example/rendezvous/queue"
)

// counters are the totals since the start.
type counters struct {
	events, faults, refusedStreams   atomic.Int64
	accepted, answered, batches      atomic.Int64
	delivered, acknowledged, expired atomic.Int64
	receiptsGivenUp, presenceTold    atomic.Int64
	rumoursTaken, rumoursDropped     atomic.Int64
}

// metricsPages are /metrics in the Prometheus text format and /healthz.
func (n *Node) metricsPages() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	total := func(name, help string, value *atomic.Int64) {
		registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: "muster", Subsystem: "rendezvous", Name: name + "_total", Help: help},
			func() float64 { return float64(value.Load()) }))
	}
	total("events", "Events taken into rolls.", &n.counters.events)
	total("gossip_events", "Events taken into rolls that were heard by gossip.", &n.counters.rumoursTaken)
	total("gossip_dropped", "Messages of gossip that there was no room to look at.", &n.counters.rumoursDropped)
	total("faults", "Requests that failed on this side.", &n.counters.faults)
	total("refused_streams", "Streams of strangers that were refused.", &n.counters.refusedStreams)
	total("posts_accepted", "Envelopes that are on disk.", &n.counters.accepted)
	total("posts_answered", "Posts answered, whatever the answer.", &n.counters.answered)
	total("post_batches", "Batches of envelopes put into the queue.", &n.counters.batches)
	total("deliveries", "Bodies sent to devices.", &n.counters.delivered)
	total("receipts_given_up", "Receipts that their sender's queue had no room for.", &n.counters.receiptsGivenUp)
	total("acknowledgements", "Bodies acknowledged by devices.", &n.counters.acknowledged)
	total("presence_told", "Changes of presence, and notices of typing, told to devices.", &n.counters.presenceTold)
	total("expired", "Entries removed because their time was over.", &n.counters.expired)
	now := func(name, help string, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: "muster", Subsystem: "rendezvous", Name: name, Help: help}, value))
	}
	now("organizations", "Organizations on the node.", func() float64 { return float64(len(n.directory.all())) })
	now("devices_online", "Devices that listen for deliveries.", func() (sum float64) {
		for _, o := range n.directory.all() {
			sum += float64(o.sessions.online())
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

	pages := http.NewServeMux()
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if n.stopping() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return pages
}
