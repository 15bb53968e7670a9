package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/notify"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
	"muster.example/rendezvous/queue/replicated"
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
Both transports are encrypted, with a post-quantum key exchange. Claim links say
where the node listens; where devices reach it at other addresses, because it is
behind a router or in a container, --announce says at which.

The folder holds the node's identity, the membership rolls, and the sealed
messages that wait. Keep it: without the identity the organizations on it must
move to another node.

Every option is also a setting of a configuration file, TOML, by the same name:
  listen = ["/ip4/192.0.2.7/tcp/4747"]
  metrics = "127.0.0.1:9100"
It is the file of --config, else the file config in the folder if there is one.
Options count before the file. A setting that there is not is an error. Nothing
in it is secret. --print-config shows what holds.

What may wait here is what the volume has room for; --room says less. Sizes are
like 500MiB, 20GiB or 1TB. Nobody can use up what others need: --org-share and
--member-share say how much of what the others leave one may have.

Messages wait in the folder. With --queue nats://HOST:PORT,HOST:PORT they wait in a
NATS JetStream cluster, together with what the node knows of its organizations: any
number of processes with one identity file may serve them, and each may be lost.
--queue-credentials names the file with the node's key for the cluster, which
nobody else may be able to read. docs/cluster.md says how such a cluster is run.

Memory: half of the machine's memory, or of what a container or service may have,
is the soft limit. GOMEMLIMIT sets another.

Under systemd it says when it serves and when it stops (Type=notify), and tells
the watchdog that it lives.`

// runOptions are the flags of run.
type runOptions struct {
	listen, announce    []string
	queue               queueOptions
	metrics             string
	logFormat, logLevel string
	quotas              quotaOptions
}

func newRun() *cobra.Command {
	var options runOptions
	var printOnly bool
	command := &cobra.Command{
		Use:     "run",
		Short:   "start the node",
		Example: "muster-rendezvous run\nmuster-rendezvous run --dir /srv/muster --listen /ip4/192.0.2.7/tcp/4747 --metrics 127.0.0.1:9100",
		Long:    longRun,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			held, err := readSettings(c)
			if err == nil {
				err = options.check()
			}
			if err != nil {
				return err
			}
			dir, err := folder(c)
			if err != nil {
				return err
			}
			if printOnly {
				return held.print(c, dir)
			}
			cfg := rendezvous.Config{
				Dir: dir, Listen: options.listen, Announce: options.announce, Metrics: options.metrics, Version: version,
				Quotas: options.quotas.quotas(),
			}
			return run(c.Context(), c.OutOrStdout(), options, cfg)
		},
	}
	flags := command.Flags()
	flags.String("config", "", "read settings from this `file` (default: the file config in the folder, if there is one)")
	flags.BoolVar(&printOnly, "print-config", false, "show the settings that hold, as a configuration file, and start nothing")
	flags.StringArrayVar(&options.listen, "listen", nil, "listen on this `multiaddr` and the others given, and on no other")
	flags.StringArrayVar(&options.announce, "announce", nil, "devices reach the node at this `multiaddr` and the others given: where it is behind a router or in a container")
	options.queue.addTo(flags)
	flags.StringVar(&options.metrics, "metrics", "", "serve Prometheus metrics and /healthz at `host:port`")
	options.quotas.addTo(flags)
	flags.StringVar(&options.logFormat, "log-format", "text", "how the log is written: `text` or json")
	flags.StringVar(&options.logLevel, "log-level", "info", "what is logged: `debug`, info, warn or error, and what is worse")
	return command
}

func (o *runOptions) check() error {
	for flag, addresses := range map[string][]string{"listen": o.listen, "announce": o.announce} {
		for _, address := range addresses {
			if err := p2p.CheckAddress(address); err != nil {
				return usageError{fmt.Errorf("--%s %q is not /ip4|ip6/ADDRESS/tcp/PORT or /ip4|ip6/ADDRESS/udp/PORT/quic-v1", flag, address)}
			}
		}
	}
	if err := o.queue.check(); err != nil {
		return err
	}
	if o.metrics != "" {
		if _, _, err := net.SplitHostPort(o.metrics); err != nil {
			return usageError{fmt.Errorf("--metrics %q is not HOST:PORT", o.metrics)}
		}
	}
	if err := o.quotas.check(); err != nil {
		return err
	}
	return checkLog(o.logFormat, o.logLevel)
}

// run runs the node until a signal.
func run(ctx context.Context, stdout io.Writer, options runOptions, cfg rendezvous.Config) error {
	limitMemory()
	manager := notify.FromEnvironment()
	cfg.Logger = slog.New(newHandler(os.Stderr, options.logFormat, options.logLevel))
	// The network's own warnings are about what strangers do, who could fill a disk with them.
	slog.SetDefault(slog.New(newHandler(nameless{os.Stderr}, options.logFormat, "error")))
	if options.queue.remote() {
		opt, err := options.queue.engine(cfg)
		if err != nil {
			return err
		}
		cfg.OpenQueue = func() (rendezvous.Queue, error) { return replicated.Open(ctx, opt) }
	}
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
		group.Stop() // the others wait for that
		return nil
	})
	group.Go("greeting", func(ctx context.Context) error { return greet(ctx, node, stdout) })
	group.Go("manager", func(ctx context.Context) error { return tellManager(ctx, manager, node) })
	group.Go("signals", func(ctx context.Context) error {
		stop := func() {
			tell(manager, notify.Stopping)
			end()
		}
		return obey(ctx, signals, stop, os.Exit)
	})
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
func obey(ctx context.Context, signals <-chan os.Signal, stop func(), exit func(code int)) error {
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
		exit(exitStopped)
	case <-late.C:
		terminal.Printf(os.Stderr, "muster-rendezvous: error: the stop took more than %s; still running:\n%s\n",
			stopTime, terminal.Lines(strings.TrimSpace(stacks()), ""))
		exit(exitFailed)
	}
	return nil
}
