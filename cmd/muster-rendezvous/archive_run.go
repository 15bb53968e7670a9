package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/keys"
	"muster.example/internal/notify"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/rendezvous/archive"
)

const longArchiveRun = `run starts the archive's service in the foreground. It takes what the organization's
rendezvous nodes queue for it, appends that to the store, and acknowledges it once it
is durable there. It posts nothing, and can read nothing. It stops at SIGINT or
SIGTERM.

The folder (--dir) holds the service's key and an index of what is stored; make it
with archive identity. --org and --node say which organization, and where its
rendezvous nodes are: /ip4/192.0.2.7/tcp/4747/p2p/12D3KooW…; give each node, and each
address of it. --key is the archive's public key, or a file that holds it.

The store is a folder, whose files are read-only and never written again, or an S3
bucket with object lock, where each object is retained in compliance mode for
--retain: until then nobody can remove it. A bucket without object lock is refused.
Credentials come from a file or from the environment.

--heads names a file that gets a line now and then: by it archive verify sees that
nothing was taken from the end of the store. Keep it away from the store.

Every option is also a setting of a configuration file, as those of
muster-rendezvous run are: the file of --config, else the file config in the folder.
Under systemd the service says when it serves (Type=notify).`

// archiveRunOptions are the flags of archive run.
type archiveRunOptions struct {
	org, key, retain, heads string
	nodes                   []string
	batchAge                time.Duration
	metrics                 string
	logFormat, logLevel     string
	store                   storeOptions
}

func newArchiveRun() *cobra.Command {
	var options archiveRunOptions
	var printOnly bool
	command := &cobra.Command{
		Use:   "run",
		Short: "start the archive's service",
		Example: `muster-rendezvous archive run --dir /srv/archive --org ORG --key archive.pub --store /srv/store --node /ip4/192.0.2.7/tcp/4747/p2p/12D3KooW…
muster-rendezvous archive run --config /etc/muster/archive.toml`,
		Long: longArchiveRun,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			held, err := readSettings(c)
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
			return options.run(c.Context(), dir)
		},
	}
	flags := command.Flags()
	flags.String("config", "", "read settings from this `file` (default: the file config in the folder, if there is one)")
	flags.BoolVar(&printOnly, "print-config", false, "show the settings that hold, as a configuration file, and start nothing")
	flags.StringVar(&options.org, "org", "", "the organization's `id`")
	flags.StringArrayVar(&options.nodes, "node", nil, "a rendezvous node: `multiaddr` with /p2p/ and its key; give each address of each")
	flags.StringVar(&options.key, "key", "", "the archive's public `key`, age1pq1…, or a file that holds it")
	options.store.addTo(flags)
	flags.StringVar(&options.retain, "retain", "", "how long a bucket keeps each object at least, like 90d or 10y: the `time` that the law says")
	flags.StringVar(&options.heads, "heads", "", "add the head of the store to this `file` once a minute; keep it away from the store")
	flags.DurationVar(&options.batchAge, "batch-age", archive.DefaultBatchAge, "after what `time` a segment is written that is not full")
	flags.StringVar(&options.metrics, "metrics", "", "serve Prometheus metrics and /healthz at `host:port`")
	flags.StringVar(&options.logFormat, "log-format", "text", "how the log is written: `text` or json")
	flags.StringVar(&options.logLevel, "log-level", "info", "what is logged: `debug`, info, warn or error, and what is worse")
	return command
}

// config checks the flags and opens the store.
func (o *archiveRunOptions) config(ctx context.Context, dir string) (cfg archive.Config, store place, err error) {
	cfg = archive.Config{Dir: dir, Heads: o.heads, BatchAge: o.batchAge, Metrics: o.metrics, Version: version}
	if err := checkLog(o.logFormat, o.logLevel); err != nil {
		return cfg, nil, err
	}
	if cfg.Org, err = keys.ParseID[keys.Org](o.org); err != nil {
		return cfg, nil, usageError{errors.New("--org is the organization's id: muster org list shows it")}
	}
	if cfg.Nodes, err = archiveNodes(o.nodes); err != nil {
		return cfg, nil, err
	}
	if o.key == "" {
		return cfg, nil, usageError{errors.New("--key is the archive's public key, or a file that holds it")}
	}
	if cfg.Key, err = archivePublic(o.key); err != nil {
		return cfg, nil, err
	}
	if o.metrics != "" {
		if _, _, err := net.SplitHostPort(o.metrics); err != nil {
			return cfg, nil, usageError{fmt.Errorf("--metrics %q is not HOST:PORT", o.metrics)}
		}
	}
	var retain time.Duration
	if o.store.isBucket() || o.retain != "" {
		if retain, err = parseRetain(o.retain); err != nil {
			return cfg, nil, usageError{err}
		}
	}
	if store, err = o.store.openToWrite(ctx, retain); err != nil {
		return cfg, nil, err
	}
	cfg.Storage = store
	return cfg, store, nil
}

// run runs the service until a signal.
func (o *archiveRunOptions) run(ctx context.Context, dir string) error {
	limitMemory()
	manager := notify.FromEnvironment()
	cfg, store, err := o.config(ctx, dir)
	if err != nil {
		return err
	}
	defer store.Close()
	cfg.Logger = slog.New(newHandler(os.Stderr, o.logFormat, o.logLevel))
	slog.SetDefault(slog.New(newHandler(nameless{os.Stderr}, o.logFormat, "error")))
	service, err := archive.New(cfg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", errNoIdentity, dir)
	case errors.Is(err, archive.ErrConfig):
		return usageError{err}
	case err != nil:
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	life, end := context.WithCancel(ctx)
	defer end()
	group := task.New(ctx)
	var failed error
	group.Go("service", func(context.Context) error {
		failed = service.Run(life)
		group.Stop()
		return nil
	})
	group.Go("manager", func(ctx context.Context) error {
		return tellServing(ctx, manager, service.Ready(), func() { _ = service.Status() })
	})
	group.Go("signals", func(ctx context.Context) error {
		return obey(ctx, signals, func() {
			tell(manager, notify.Stopping)
			end()
		}, os.Exit)
	})
	return errors.Join(group.Wait(), failed)
}

// archiveNodes reads addresses of rendezvous nodes, each with its node's key, and puts those of one node together.
func archiveNodes(texts []string) (all []archive.Node, err error) {
	if len(texts) == 0 {
		return nil, usageError{errors.New("--node says where a rendezvous node of the organization is")}
	}
	places := make(map[keys.PublicKey]int)
	for _, text := range texts {
		address, peer, found := strings.Cut(text, "/p2p/")
		key, err := keys.ParsePublicKey(peer)
		if err != nil || !found || p2p.CheckAddress(address) != nil {
			return nil, usageError{fmt.Errorf("--node %q is not /ip4|ip6/ADDRESS/tcp/PORT/p2p/KEY or /ip4|ip6/ADDRESS/udp/PORT/quic-v1/p2p/KEY", text)}
		}
		at, ok := places[key]
		if !ok {
			at = len(all)
			places[key] = at
			all = append(all, archive.Node{Key: key})
		}
		all[at].Addresses = append(all[at].Addresses, address)
	}
	return all, nil
}

// parseRetain reads a time in days or years.
func parseRetain(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	digits, unit := text, time.Duration(0)
	switch {
	case strings.HasSuffix(text, "d"):
		digits, unit = strings.TrimSuffix(text, "d"), day
	case strings.HasSuffix(text, "y"):
		digits, unit = strings.TrimSuffix(text, "y"), 366*day
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if unit == 0 || err != nil || n == 0 || time.Duration(n) > 100*366*day/unit {
		return 0, fmt.Errorf("--retain %q is no time like 90d or 10y, of at most 100 years", text)
	}
	return time.Duration(n) * unit, nil
}
