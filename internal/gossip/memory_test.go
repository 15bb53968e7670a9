package gossip

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// envHub makes the test binary a hub: "plain" without gossip, "gossip" with it.
const envHub = "MUSTER_GOSSIP_HUB"

var benchTopic = Topic(keys.OrgID{1})

func everybody(keys.PublicKey, string) bool { return true }

func TestMain(m *testing.M) {
	if mode := os.Getenv(envHub); mode != "" {
		if err := serveHub(mode == "gossip"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveHub says its key and address, and then for each line that it reads what memory it uses.
func serveHub(gossip bool) error {
	identity := keys.Generate()
	h, err := p2p.NewHost(p2p.Config{Identity: identity, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Connections: 2000})
	if err != nil {
		return err
	}
	if gossip {
		g, err := New(Config{Host: h, Member: everybody, Neighbours: 4000})
		if err != nil {
			return err
		}
		if err := g.Join(benchTopic, MaxMessage, func(context.Context, Received) Verdict { return Accept }); err != nil {
			return err
		}
		go func() { _ = g.Run(context.Background()) }()
	}
	fmt.Println(identity.Public(), p2p.Addresses(h)[0])
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		fmt.Println(len(h.Network().Peers()), runtime.NumGoroutine(), stats.HeapAlloc+stats.StackInuse, resident())
	}
	return nil
}

// resident returns the process's resident memory in bytes, 0 where the system does not say.
func resident() int {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	return pages * os.Getpagesize()
}

// BenchmarkHubMemory measures what one connected device costs a hub in another process, over TCP.
func BenchmarkHubMemory(b *testing.B) {
	const devices = 300
	for _, mode := range []string{"plain", "gossip"} {
		b.Run(mode, func(b *testing.B) {
			for b.Loop() {
				measureHub(b, mode, devices)
			}
		})
	}
}

func measureHub(b *testing.B, mode string, devices int) {
	b.Helper()
	hub := exec.CommandContext(b.Context(), os.Args[0])
	hub.Env = append(os.Environ(), envHub+"="+mode)
	hub.Stderr = os.Stderr
	in, err := hub.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := hub.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := hub.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = hub.Wait() }()
	var text, address string
	if _, err := fmt.Fscanln(out, &text, &address); err != nil {
		b.Fatal(err)
	}
	key, err := keys.ParsePublicKey(text)
	if err != nil {
		b.Fatal(err)
	}
	read := func() (peers, goroutines, heap, rss int) {
		if _, err := fmt.Fprintln(in); err != nil {
			b.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, &peers, &goroutines, &heap, &rss); err != nil {
			b.Fatal(err)
		}
		return peers, goroutines, heap, rss
	}
	_, goroutines, heap, rss := read()
	where, err := p2p.AddressInfo(key, []string{address})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for range devices {
		h, err := p2p.NewHost(p2p.Config{Identity: keys.Generate()})
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close()
		if mode == "gossip" {
			g, err := New(Config{Host: h, Member: everybody})
			if err != nil {
				b.Fatal(err)
			}
			if err := g.Join(benchTopic, MaxMessage, func(context.Context, Received) Verdict { return Accept }); err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{})
			go func() { defer close(done); _ = g.Run(ctx) }()
			defer func() { cancel(); <-done }()
		}
		if err := h.Connect(ctx, where); err != nil {
			b.Fatal(err)
		}
	}
	<-time.After(5 * time.Second) // meshes form
	peers, goroutines2, heap2, rss2 := read()
	if peers != devices {
		b.Fatalf("%d of %d devices are connected", peers, devices)
	}
	b.ReportMetric(float64(heap2-heap)/float64(devices)/1000, "kB-heap+stack/device")
	b.ReportMetric(float64(rss2-rss)/float64(devices)/1000, "kB-resident/device")
	b.ReportMetric(float64(goroutines2-goroutines)/float64(devices), "goroutines/device")
}
