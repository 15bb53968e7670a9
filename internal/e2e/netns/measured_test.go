//go:build netns && linux

package netns

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"muster.example/internal/e2e/program"
)

// measured is a rendezvous node on a host whose metrics are read.
type measured struct {
	*program.Rendezvous
	network network
	host    string
}

const metricsAddress = "127.0.0.1:9100"

// measured starts a rendezvous node as rendezvous does, with metrics.
func (n network) measured(host, address string) measured {
	n.t.Helper()
	return measured{program.RunRendezvous(n.t, n.on(host), "--listen", "/ip4/"+address+"/tcp/4001",
		"--listen", "/ip4/"+address+"/udp/4001/quic-v1", "--metrics", metricsAddress), n, host}
}

// held is what a node holds at a time.
type held struct {
	memory     int64 // bytes that are no file's
	goroutines int64
	files      int64 // that are open, sockets among them
}

// holds reads what the node holds now.
func (m measured) holds(ctx context.Context) (h held, err error) {
	proc := fmt.Sprintf("/proc/%d/", m.ID())
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return h, err
	}
	h.memory = numberAfter(string(status), "RssAnon:") << 10
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		return h, err
	}
	h.files = int64(len(files))
	pages := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return m.network.dial(m.host, metricsAddress)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAddress+"/metrics", nil)
	if err != nil {
		return h, err
	}
	answer, err := pages.Do(request)
	if err != nil {
		return h, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	h.goroutines = numberAfter(string(page), "go_goroutines")
	return h, err
}

// numberAfter returns the number behind a name at the beginning of a line, -1 if there is none.
func numberAfter(text, name string) int64 {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != name {
			continue
		}
		if number, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			return number
		}
	}
	return -1
}

// watch looks ten times a second at what the node holds, until the returned function is called, which tells the most of each.
func (m measured) watch() (stop func() held) {
	ctx, cancel := context.WithCancel(m.network.t.Context())
	done := make(chan error, 1)
	var most held
	go func() {
		tick := time.NewTicker(time.Second / 10)
		defer tick.Stop()
		for {
			now, err := m.holds(m.network.t.Context())
			if err == nil && (now.memory <= 0 || now.goroutines <= 0) {
				err = fmt.Errorf("figures are missing: %+v", now)
			}
			if err != nil {
				done <- err
				return
			}
			most = held{max(most.memory, now.memory), max(most.goroutines, now.goroutines), max(most.files, now.files)}
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-tick.C:
			}
		}
	}()
	return func() held {
		m.network.t.Helper()
		cancel()
		if err := <-done; err != nil {
			m.network.t.Errorf("looking at what the node holds: %v", err)
		}
		return most
	}
}
