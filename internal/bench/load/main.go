package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
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
	live      int // messages of the live workload
	linger    bool
}

func main() {
	var p plan
	flag.StringVar(&p.program, "node", "bin/muster-rendezvous", "the `program` to measure")
	flag.StringVar(&p.transport, "transport", "tcp", "tcp or quic")
	flag.StringVar(&p.dir, "dir", os.TempDir(), "make the node's folder in this `folder`: its disk is measured")
	flag.IntVar(&p.runs, "runs", 3, "how often; the figures are medians")
	flag.IntVar(&p.senders, "senders", 20, "devices that send")
	flag.IntVar(&p.receivers, "receivers", 200, "devices that receive")
	flag.IntVar(&p.window, "window", 32, "posts of one sender on their way at once")
	flag.IntVar(&p.messages, "messages", 20_000, "messages of the small workloads")
	flag.IntVar(&p.large, "large", 200_000, "messages of the large workload, 0 for none")
	flag.IntVar(&p.body, "body", defaultBody, "bytes inside an envelope; the default makes envelopes of 1 KiB")
	flag.IntVar(&p.live, "live", 400, "messages of the live workload, 50 a second")
	flag.BoolVar(&p.linger, "linger", false, "leave the node running at the end until interrupted, for a profiler")
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
	case p.runs < 1 || p.senders < 1 || p.receivers < 1 || p.window < 1 || p.messages < 1 || p.live < 1:
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
	for run := range p.runs {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", run+1, p.runs)
		if err := b.run(ctx); err != nil {
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
