package rendezvous

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// get asks a page of the node's metrics.
func (s *site) get(path string) (code int, text string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.node.metricsPages().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	var free atomic.Uint64
	free.Store(kv.MinFree)
	s := newSite(t, func(c *Config) { c.Volume = func(string) (uint64, uint64, error) { return free.Load(), 1 << 40, nil } })
	want := func(when string, code int, text string) {
		t.Helper()
		if gotCode, got := s.get("/healthz"); gotCode != code || got != text {
			t.Errorf("%s: %d %q, want %d %q", when, gotCode, got, code, text)
		}
	}
	want("at first", http.StatusOK, "ok\n")
	free.Store(kv.MinFree - 1)
	want("on a full disk", http.StatusServiceUnavailable, "disk full\n")
	free.Store(kv.MinFree)
	want("with room again", http.StatusOK, "ok\n")
	free.Store(1 << 40) // posts need more

	anna := s.found("Acme")
	phone := anna.add("phone")
	fail := func(err error) {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		s.queue.fail = err
	}
	fail(errors.New("input/output error"))
	wantAnswer(t, "a post", anna.post(anna.sealed(1), phone), wire.StatusUnavailable)
	want("while the queue fails", http.StatusServiceUnavailable, "queue fails\n")
	fail(nil)
	wantAnswer(t, "a post", anna.post(anna.sealed(1), phone), wire.StatusOK)
	want("once it works", http.StatusOK, "ok\n")

	s.end()
	want("after a stop", http.StatusServiceUnavailable, "stopping\n")
}

func TestMetricsCountAndNameNobody(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Version = "1.2" })
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben := anna.join("Ben Secretname")
	wantAnswer(t, "a post", anna.post(anna.sealed(1), phone), wire.StatusOK)
	wantAnswer(t, "a post that is no envelope", anna.post([]byte("nonsense"), phone), wire.StatusMalformed)
	anna.post(anna.sealed(1), phone, ben) // who gave no leave
	err := ben.submit(membership.Event{Remove: &membership.Remove{Member: anna.member}}, nil)
	if err == nil {
		t.Fatal("Ben removed an admin")
	}
	_, text := s.get("/metrics")
	id := anna.Org.String()
	for _, line := range []string{
		`muster_rendezvous_info{version="1.2"} 1`,
		"muster_rendezvous_healthy 1",
		"muster_rendezvous_posts_accepted_total 2",
		`muster_rendezvous_posts_refused_total{reason="malformed"} 1`,
		`muster_rendezvous_recipients_refused_total{reason="no_leave"} 1`,
		`muster_rendezvous_events_refused_total{reason="rules"} 1`,
		"muster_rendezvous_organizations 1",
		"muster_rendezvous_queue_entries 2",
		`muster_rendezvous_org_members{org="` + id + `"} 2`,
		`muster_rendezvous_org_queue_entries{org="` + id + `"} 2`,
		`muster_rendezvous_org_roll_entries{org="` + id + `"} 5`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	if !strings.Contains(text, "\nmuster_rendezvous_disk_free_bytes ") {
		t.Error("room on the disk is not told")
	}
	for _, secret := range traces(anna, phone, ben) {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

func TestMetricsOfTheQueue(t *testing.T) {
	s := newSite(t, embedded)
	anna := s.found("Acme")
	phone := anna.add("phone")
	_, text := s.get("/metrics")
	if !strings.Contains(text, "\nmuster_rendezvous_queue_oldest_seconds 0\n") {
		t.Error("something waits in an empty queue")
	}
	wantAnswer(t, "a post", anna.post(anna.sealed(3000), phone), wire.StatusOK)
	_, text = s.get("/metrics")
	for _, line := range []string{"queue_dead_bodies 0", "queue_orphans 0", "queue_damage 0"} {
		if !strings.Contains(text, "\nmuster_rendezvous_"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	for _, name := range []string{"queue_disk_bytes", "queue_oldest_seconds"} {
		_, rest, ok := strings.Cut(text, "\nmuster_rendezvous_"+name+" ")
		figure, _, _ := strings.Cut(rest, "\n")
		value, err := strconv.ParseFloat(figure, 64)
		if !ok || err != nil || value <= 0 || name == "queue_disk_bytes" && value < 3000 {
			t.Errorf("%s is %q", name, figure)
		}
	}
}

// traces is what tells members from one another, and may be in no metric and no log.
func traces(devices ...*device) (all []string) {
	all = []string{"Secretname", "Founder"}
	for _, d := range devices {
		all = append(all, d.key.Public().String(), d.key.Public().Short(), d.member.String(), d.member.Short())
	}
	return all
}

func TestRefusalsOfNoReasonAreNotCounted(t *testing.T) {
	var r refusals
	for _, status := range []wire.Status{wire.StatusOK, wire.StatusPending, 999} {
		r.count(status)
	}
	for i := range r {
		if r[i].Load() != 0 {
			t.Errorf("status %d counts", i)
		}
	}
	r.count(wire.StatusFull)
	if r[wire.StatusFull].Load() != 1 {
		t.Error("full does not count")
	}
}
