//go:build unix

package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/membership/membershiptest"
	"muster.example/sync/exchange"
)

// What the programs of BenchmarkBulk are told by the environment.
const (
	bulkMessages = "MUSTER_BULK_MESSAGES" // how many there are; 1,000,000 if empty
	bulkFolder   = "MUSTER_BULK"          // where the stores lie; made if empty, and kept if not
	bulkRole     = "MUSTER_BULK_ROLE"     // give or take: which side a program is
	bulkPeer     = "MUSTER_BULK_PEER"     // the giving side's address
	bulkLink     = "MUSTER_BULK_LINK"     // tcp or quic
	bulkDurable  = "MUSTER_BULK_DURABLE"  // not empty: until all is durable alone
	bulkProfile  = "MUSTER_BULK_PROFILE"  // a folder for profiles of the processor's time; none if empty

	protocolRaw protocol.ID = "/muster/raw/0" // bytes that mean nothing
	rawBytes                = 512 << 20
)

// bulkResult is what the taking side measured.
type bulkResult struct {
	Raw, Durable, TakenIn       time.Duration // of rawBytes; until Begin returned; until nothing was left in the landing
	Records, Bytes              uint64
	Left                        uint64        // in the landing when Begin returned
	PeakDurable, PeakTakenIn    int           // KiB of the process's memory by then, with what of its files it had mapped
	Own                         int           // KiB of it that were no files', the most while records were taken in
	CPUDurable, CPUTakenIn, Top time.Duration // of the process by then; until the newest 1,024 were taken in
}

// BenchmarkBulk brings a device without a history in step with one that has 1,000,000 messages of some 600 bytes: two programs, each
// with its store and its libp2p host, over loopback. MUSTER_BULK names a folder that keeps the stores for the next run.
func BenchmarkBulk(b *testing.B) {
	messages := 1_000_000
	if text := os.Getenv(bulkMessages); text != "" {
		messages, _ = strconv.Atoi(text)
	}
	dir := os.Getenv(bulkFolder)
	if dir == "" {
		dir = b.TempDir()
	}
	makeBulk(b, dir, messages)
	for _, link := range []string{"tcp", "quic"} {
		b.Run(link, func(b *testing.B) {
			for range b.N {
				r := runBulk(b, dir, link)
				if r.Records < uint64(messages) {
					b.Fatalf("%d records came of %d", r.Records, messages)
				}
				n := float64(r.Records)
				b.ReportMetric(rawBytes/r.Raw.Seconds()/1e6, "raw-MB/s")
				b.ReportMetric(n/r.Durable.Seconds(), "durable/s")
				b.ReportMetric(float64(r.Bytes)/r.Durable.Seconds()/1e6, "MB/s")
				b.ReportMetric(n/r.TakenIn.Seconds(), "taken-in/s")
				b.ReportMetric(float64(n-float64(r.Left))/r.Durable.Seconds(), "taken-in-meanwhile/s")
				b.ReportMetric(r.Top.Seconds(), "s-first-1024")
				b.ReportMetric(float64(r.PeakDurable)/1024, "MiB-durable")
				b.ReportMetric(float64(r.PeakTakenIn)/1024, "MiB-taken-in")
				b.ReportMetric(float64(r.Own)/1024, "MiB-own")
				b.ReportMetric(r.CPUDurable.Seconds()/n*1e6, "µs-cpu-durable")
				b.ReportMetric(r.CPUTakenIn.Seconds()/n*1e6, "µs-cpu-taken-in")
			}
		})
	}
}

// makeBulk makes both stores, unless the folder has them.
func makeBulk(b *testing.B, dir string, messages int) {
	b.Helper()
	if _, err := os.Stat(filepath.Join(dir, "fresh")); err == nil {
		return
	}
	org := newRoll(b, "Bo")
	second := org.AddDevice(org.Founder)
	device := func(name string, self *membershiptest.Member) (*Node, *organization) {
		n, err := New(Config{Dir: filepath.Join(dir, name), Key: [32]byte{1}})
		if err != nil {
			b.Fatal(err)
		}
		return n, addOrganization(b, n, org, self)
	}
	n, full := device("source", org.Founder)
	full.receives(b, org.Members[1], messages)
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
	n, _ = device("fresh", &membershiptest.Member{ID: org.Founder.ID, Name: org.Founder.Name, Devices: []keys.PrivateKey{second}})
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
}

// runBulk runs both programs once, the taking one with a copy of the store that is fresh.
func runBulk(b *testing.B, dir, link string) (r bulkResult) {
	b.Helper()
	taker := b.TempDir()
	if err := os.CopyFS(filepath.Join(taker, "fresh"), os.DirFS(filepath.Join(dir, "fresh"))); err != nil {
		b.Fatal(err)
	}
	give, out := bulkProgram(b, "give", dir, link, "")
	in, err := give.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	start(b, give)
	address := readLine(b, out)
	take, out := bulkProgram(b, "take", taker, link, address)
	start(b, take)
	if err := json.Unmarshal([]byte(readLine(b, out)), &r); err != nil {
		b.Fatal(err)
	}
	if err := take.Wait(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := give.Wait(); err != nil {
		b.Fatal(err)
	}
	return r
}

func bulkProgram(b *testing.B, role, dir, link, address string) (*exec.Cmd, *bufio.Reader) {
	b.Helper()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), bulkRole+"="+role, bulkFolder+"="+dir, bulkLink+"="+link, bulkPeer+"="+address)
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	return program, bufio.NewReader(out)
}

func start(b *testing.B, program *exec.Cmd) {
	b.Helper()
	if err := program.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = program.Process.Kill() })
}

func readLine(b *testing.B, from *bufio.Reader) string {
	b.Helper()
	line, err := from.ReadString('\n')
	if err != nil {
		b.Fatalf("a program of the benchmark ended: %v", err)
	}
	return strings.TrimSpace(line)
}

// TestMain runs the tests, or, where BenchmarkBulk has started this program again, one side of it.
func TestMain(m *testing.M) {
	role := os.Getenv(bulkRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := bulkSide(context.Background(), role, os.Getenv(bulkFolder)); err != nil {
		fmt.Fprintln(os.Stderr, "BenchmarkBulk:", err)
		os.Exit(1)
	}
}

// bulkSide is one side of BenchmarkBulk. MUSTER_BULK_PROFILE names a folder for profiles of the processor's time.
func bulkSide(ctx context.Context, role, dir string) error {
	if folder := os.Getenv(bulkProfile); folder != "" {
		out, err := os.Create(filepath.Join(folder, role+".cpu"))
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	name := map[string]string{"give": "source", "take": "fresh"}[role]
	n, err := New(Config{Dir: filepath.Join(dir, name), Key: [32]byte{1}})
	if err != nil {
		return err
	}
	defer n.Close()
	o := n.all()[0]
	if role == "give" {
		return o.giveBulk(ctx)
	}
	result, err := o.takeBulk(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// giveBulk answers until its input ends.
func (o *organization) giveBulk(ctx context.Context) error {
	listen := map[string]string{"tcp": "/ip4/127.0.0.1/tcp/0", "quic": "/ip4/127.0.0.1/udp/0/quic-v1"}[os.Getenv(bulkLink)]
	h, err := p2p.NewHost(p2p.Config{Identity: o.self, Listen: []string{listen}})
	if err != nil {
		return err
	}
	defer h.Close()
	h.SetStreamHandler(protocolSync, func(stream network.Stream) {
		if _, err := exchange.Answer(ctx, stream, o.inExchange()); err != nil {
			fmt.Fprintln(os.Stderr, "giving:", err)
		}
		_ = stream.Close()
	})
	h.SetStreamHandler(protocolRaw, func(stream network.Stream) {
		for data, left := make([]byte, 256<<10), rawBytes; left > 0; left -= len(data) {
			if _, err := stream.Write(data); err != nil {
				fmt.Fprintln(os.Stderr, "giving:", err)
			}
		}
		_ = stream.Close()
	})
	fmt.Println(p2p.Addresses(h)[0], o.device)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// takeBulk takes what there is and measures it.
func (o *organization) takeBulk(ctx context.Context) (r bulkResult, err error) {
	h, err := p2p.NewHost(p2p.Config{Identity: o.self})
	if err != nil {
		return r, err
	}
	defer h.Close()
	address, device, _ := strings.Cut(os.Getenv(bulkPeer), " ")
	key, err := keys.ParsePublicKey(device)
	if err != nil {
		return r, err
	}
	where, err := p2p.AddressInfo(key, []string{address})
	if err != nil {
		return r, err
	}
	if err := h.Connect(ctx, where); err != nil {
		return r, err
	}
	raw, err := h.NewStream(ctx, where.ID, protocolRaw)
	if err != nil {
		return r, err
	}
	begun := time.Now()
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{raw}, make([]byte, 256<<10)); err != nil {
		return r, err
	}
	r.Raw = time.Since(begun)

	group := task.New(ctx)
	group.Go("landing", o.keepTakingIn)
	defer func() {
		group.Stop()
		_ = group.Wait()
	}()
	stream, err := h.NewStream(ctx, where.ID, protocolSync)
	if err != nil {
		return r, err
	}
	begun = time.Now()
	before := cpuTime()
	done, err := exchange.Begin(ctx, stream, o.inExchange(), exchange.Options{Report: func(now exchange.Progress) {
		if r.Top == 0 && now.Taken >= atOnce {
			r.Top = time.Since(begun)
		}
	}})
	if err != nil {
		return r, err
	}
	r.Durable, r.CPUDurable, r.Records, r.Bytes = time.Since(begun), cpuTime()-before, done.Taken, done.Received
	r.PeakDurable, r.Left = memory(peak), o.landing.State().Records
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for o.landing.State().Records > 0 && os.Getenv(bulkDurable) == "" {
		<-tick.C
		r.Own = max(r.Own, memory("RssAnon:"))
	}
	r.TakenIn, r.CPUTakenIn, r.PeakTakenIn = time.Since(begun), cpuTime()-before, memory(peak)
	return r, nil
}

func cpuTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// peak is the line of /proc/self/status for the most memory that the process has had.
const peak = "VmHWM:"

// memory returns a line of /proc/self/status, in KiB.
func memory(which string) (kib int) {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, which); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
}
