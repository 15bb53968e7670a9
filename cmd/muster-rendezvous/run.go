package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/pbnjay/memory"
	"github.com/spf13/cobra"

	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

// stopTime is how long a stop may take before the program gives up on it.
const stopTime = 10 * time.Second

const longRun = `run starts the node in the foreground. It serves until it gets SIGINT or SIGTERM,
then finishes what is in flight; a second signal ends it at once.

The first time, it makes its identity in the folder and prints a claim link, one
line on standard output. Whoever has the link can found one organization here,
once: muster org create NAME --claim LINK --as NAME. More links come from
muster-rendezvous claim. Everything else it says goes to standard error.

Without --listen the node listens on every address of the machine, TCP and QUIC
on port 4747; with it on exactly the addresses given, for example
  --listen /ip4/192.0.2.7/tcp/4747 --listen /ip4/192.0.2.7/udp/4747/quic-v1
Both transports are encrypted, with a post-quantum key exchange.

The folder holds the node's identity, the membership rolls, and the sealed
messages that wait. Keep it: without the identity the organizations on it must
move to another node.

Memory: on a small machine set GOMEMLIMIT; unset, half of the machine's memory
is the soft limit.`

func newRun() *cobra.Command {
	var listen []string
	var queueAt, metrics string
	command := &cobra.Command{
		Use:     "run",
		Short:   "start the node",
		Example: "muster-rendezvous run\nmuster-rendezvous run --dir /srv/muster --listen /ip4/192.0.2.7/tcp/4747 --metrics 127.0.0.1:9100",
		Long:    longRun,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkRun(listen, queueAt, metrics); err != nil {
				return err
			}
			dir, err := folder(c)
			if err != nil {
				return err
			}
			return run(c.Context(), c.OutOrStdout(), rendezvous.Config{
				Dir: dir, Listen: listen, Metrics: metrics, Version: version,
			})
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&listen, "listen", nil, "listen on this `multiaddr` and the others given, and on no other")
	flags.StringVar(&queueAt, "queue", "embedded", "where messages wait: `embedded`, in the folder")
	flags.StringVar(&metrics, "metrics", "", "serve Prometheus metrics and /healthz at `host:port`")
	return command
}

func checkRun(listen []string, queueAt, metrics string) error {
	for _, address := range listen {
		if err := p2p.CheckAddress(address); err != nil {
			return usageError{fmt.Errorf("--listen %q is not /ip4|ip6/ADDRESS/tcp/PORT or /ip4|ip6/ADDRESS/udp/PORT/quic-v1", address)}
		}
	}
	if queueAt != "embedded" {
		return usageError{fmt.Errorf("--queue %q: this version has only the embedded queue", queueAt)}
	}
	if metrics != "" {
		if _, _, err := net.SplitHostPort(metrics); err != nil {
			return usageError{fmt.Errorf("--metrics %q is not HOST:PORT", metrics)}
		}
	}
	return nil
}

// run runs the node until a signal.
func run(ctx context.Context, stdout io.Writer, cfg rendezvous.Config) error {
	limitMemory()
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	// The network's own warnings are about what strangers do, who could fill a disk with them.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	node, err := rendezvous.New(cfg)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	life, end := context.WithCancel(ctx)
	defer end()
	group := task.New(ctx)
	var failed error
	group.Go("node", func(context.Context) error {
		failed = node.Run(life)
		group.Stop() // the other two wait for that
		return nil
	})
	group.Go("greeting", func(ctx context.Context) error { return greet(ctx, node, stdout) })
	group.Go("signals", func(ctx context.Context) error { return obey(ctx, signals, end) })
	return errors.Join(group.Wait(), failed)
}

// greet prints the claim link of a new node.
func greet(ctx context.Context, node *rendezvous.Node, stdout io.Writer) error {
	select {
	case <-ctx.Done():
		return nil
	case <-node.Ready():
	}
	if !node.Fresh() {
		return nil
	}
	link, err := node.NewClaim()
	if err != nil {
		return err
	}
	_, err = terminal.Println(stdout, terminal.Line(link))
	return err
}

// obey begins the stop at the first signal. At the second, or when the stop takes too long, it ends the process.
func obey(ctx context.Context, signals <-chan os.Signal, stop func()) error {
	select {
	case <-ctx.Done():
		return nil
	case <-signals:
		stop()
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-signals:
		os.Exit(130)
	case <-late.C:
		terminal.Printf(os.Stderr, "muster-rendezvous: error: the stop took more than %s; still running:\n%s\n",
			stopTime, terminal.Lines(strings.TrimSpace(stacks()), ""))
		os.Exit(exitFailed)
	}
	return nil
}

// limitMemory makes the collector work harder as memory gets short, unless the environment says something else.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if total := memory.TotalMemory(); total > 0 && total < math.MaxInt64 {
		debug.SetMemoryLimit(int64(total / 2))
	}
}
