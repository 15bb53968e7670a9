package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan is what to measure, from the flags.
type plan struct {
	program   string
	transport string // tcp or quic
	dir       string
	runs      int
	senders   int
	receivers int
	window    int // posts of one sender that are on their way at once
	messages  int // of the small workload and of the sealed one
	large     int // of the large workload, 0 for none
	body      int // bytes of the message inside an envelope
	rates     rates
	samples   int // of each rate of the live workload, at least
	posts     int // messages of the group's workload
	members   int // of the group
	linger    bool
	only      workloads
	perf      string        // folder for profiles of the node, "" for none
	soakTime  time.Duration // instead of measuring: see that nothing grows
	restTime  time.Duration // instead of the workloads: what devices cost that rest
	crowdTime time.Duration // instead of the workloads: how long a crowd of devices rests
}

// workloads are the names of those to measure.
type workloads []string

// The workloads, in the order in which they run.
var allWorkloads = workloads{"forward", "signing", "large", "saturation", "group", "sealed", "live"}

func (w *workloads) String() string { return strings.Join(*w, ",") }

// Set takes the names from a flag.
func (w *workloads) Set(names string) error {
	*w = strings.Split(names, ",")
	for _, name := range *w {
		if !slices.Contains(allWorkloads, name) {
			return fmt.Errorf("%q is none of %s", name, allWorkloads.String())
		}
	}
	return nil
}

// rates are numbers of messages a second.
type rates []int

func (r *rates) String() string { return strings.Trim(fmt.Sprint([]int(*r)), "[]") }

// Set takes the numbers from a flag.
func (r *rates) Set(numbers string) error {
	*r = nil
	for number := range strings.SplitSeq(numbers, ",") {
		rate, err := strconv.Atoi(number)
		if err != nil || rate < 1 || rate > 100_000 {
			return fmt.Errorf("%q is no number of messages a second", number)
		}
		*r = append(*r, rate)
	}
	return nil
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == livePart {
		os.Exit(runLive())
	}
	p := plan{only: allWorkloads, rates: rates{50, 1000}}
	flag.Var(&p.only, "only", "measure these `workloads` alone, with commas between")
	flag.StringVar(&p.program, "node", "bin/muster-rendezvous", "the `program` to measure")
	flag.StringVar(&p.transport, "transport", "tcp", "tcp or quic")
	flag.StringVar(&p.dir, "dir", os.TempDir(), "make the node's folder in this `folder`: its disk is measured")
	flag.IntVar(&p.runs, "runs", 3, "how often; the figures are medians")
	flag.IntVar(&p.senders, "senders", 20, "devices that send")
	flag.IntVar(&p.receivers, "receivers", 200, "devices that receive")
	flag.IntVar(&p.window, "window", 32, "posts of one sender on their way at once")
	flag.IntVar(&p.messages, "messages", 20_000, "messages of the small workloads")
	flag.IntVar(&p.large, "large", 100_000, "messages of the large workload, 0 for none")
	flag.IntVar(&p.body, "body", defaultBody, "bytes inside an envelope; the default makes envelopes of 1 KiB")
	flag.Var(&p.rates, "rates", "of the live workload: messages a second, with commas between")
	flag.IntVar(&p.samples, "samples", 2000, "messages of each rate of the live workload, at least; four seconds' worth if that is more")
	flag.IntVar(&p.posts, "group", 5_000, "messages of the group's workload")
	flag.IntVar(&p.members, "members", 100, "members of the group, at most all receivers")
	flag.StringVar(&p.perf, "perf", "", "have perf(1) profile the node in each workload, into this `folder`")
	flag.BoolVar(&p.linger, "linger", false, "leave the node running at the end until interrupted, for a profiler")
	flag.DurationVar(&p.soakTime, "soak", 0, "measure nothing, but see for so long that what the node holds does not grow")
	flag.DurationVar(&p.restTime, "rest", 0, "measure what all devices cost that are connected and rest for so long, and nothing else")
	flag.DurationVar(&p.crowdTime, "crowd", 0, "have all receivers be there, rest for so long, write and hear of events, and hold it against docs/capacity.md")
	flag.Parse()
	if err := p.check(); err != nil {
		fmt.Fprintln(os.Stderr, "load: error:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, p)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load: error:", err)
		os.Exit(1)
	}
}

func (p plan) check() error {
	switch {
	case p.transport != "tcp" && p.transport != "quic":
		return fmt.Errorf("-transport %q is neither tcp nor quic", p.transport)
	case p.runs < 1 || p.senders < 1 || p.receivers < 1 || p.window < 1 || p.messages < 1 || p.samples < 1 || p.posts < 1 || p.members < 1:
		return fmt.Errorf("counts begin at 1")
	case p.window > 1024:
		return fmt.Errorf("-window %d is beyond the protocol's 1,024", p.window)
	}
	return nil
}

// measure runs everything and prints the tables.
func measure(ctx context.Context, p plan) (err error) {
	dir, err := os.MkdirTemp(p.dir, "muster-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{plan: p, dir: filepath.Join(dir, "node"), report: newReport()}
	defer func() {
		if err != nil {
			b.showLog(os.Stderr)
		}
	}()
	defer b.close()
	printMachine(os.Stdout, p)
	if err := b.setUp(ctx); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	if p.soakTime > 0 {
		return b.soak(ctx)
	}
	if p.restTime > 0 {
		err := b.rest(ctx)
		b.report.print(os.Stdout)
		return err
	}
	if p.crowdTime > 0 {
		return b.measureCrowd(ctx)
	}
	for run := range p.runs {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", run+1, p.runs)
		if err := b.run(ctx, run == 0); err != nil {
			return fmt.Errorf("run %d: %w", run+1, err)
		}
	}
	if err := b.tidy(ctx); err != nil {
		return err
	}
	b.report.print(os.Stdout)
	if p.linger {
		fmt.Fprintf(os.Stderr, "node runs as process %d\n", b.node.command.Process.Pid)
		<-ctx.Done()
	}
	return nil
}
