package archive

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const metricsPrefix = "muster_archive_"

// pages are /metrics in the Prometheus text format and /healthz.
func (s *Service) pages() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	total := func(name, help string, value *atomic.Int64) {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: metricsPrefix + name + "_total", Help: help},
			func() float64 { return float64(value.Load()) }))
	}
	total("segments", "Segments stored.", &s.counters.segments)
	total("items", "Items stored.", &s.counters.items)
	total("bytes", "Bytes stored.", &s.counters.bytes)
	total("repeated", "Deliveries of what is stored already.", &s.counters.repeated)
	total("failures", "Attempts to store that failed.", &s.counters.failures)
	total("unreadable", "Deliveries that this version cannot read.", &s.counters.unreadable)
	now := func(name, help string, value func(Status) float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: metricsPrefix + name, Help: help},
			func() float64 { return value(s.Status()) }))
	}
	now("segment", "The number of the last segment: it never falls.", func(status Status) float64 { return float64(status.Segment) })
	now("stored_items", "Items in the store.", func(status Status) float64 { return float64(status.Items) })
	now("last_stored_seconds", "When the last segment was stored, in Unix seconds; 0: never.", func(status Status) float64 {
		if status.Stored.IsZero() {
			return 0
		}
		return float64(status.Stored.Unix())
	})
	now("waiting", "Deliveries on their way into the store.", func(status Status) float64 { return float64(status.Waiting) })
	now("nodes_connected", "Rendezvous nodes from which deliveries come.", func(status Status) float64 {
		count := 0
		for _, node := range status.Nodes {
			if node.Connected {
				count++
			}
		}
		return float64(count)
	})
	now("healthy", "1 while /healthz answers ok.", func(status Status) float64 {
		if len(healthOf(status)) > 0 {
			return 0
		}
		return 1
	})
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if troubles := healthOf(s.Status()); len(troubles) > 0 {
			http.Error(w, strings.Join(troubles, "\n"), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return pages
}

// healthOf says what keeps a service from its work, nothing while it is well.
func healthOf(status Status) (troubles []string) {
	for _, trouble := range status.Troubles {
		words, _, _ := strings.Cut(trouble, ":") // the page names nothing
		troubles = append(troubles, words)
	}
	for _, node := range status.Nodes {
		if node.Connected && !node.Moved {
			return troubles
		}
	}
	return append(troubles, "no deliveries come from any rendezvous node")
}
