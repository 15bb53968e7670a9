package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/replicated"
)

const longQueue = `queue is about where messages wait: in the node's folder, or in a NATS JetStream
cluster.

  muster-rendezvous queue move    take everything from one to the other`

const longQueueMove = `move takes all that waits, and what the node knows of its organizations, from the
node's folder into a cluster, or back. The node must be stopped, and with it every
process that serves the same cluster. Then run it with the other --queue.

  muster-rendezvous queue move --from embedded --to nats://HOST:PORT,HOST:PORT \
      --queue-credentials FILE
  muster-rendezvous queue move --from nats://HOST:PORT,HOST:PORT --to embedded \
      --queue-credentials FILE

Nothing is lost when it is interrupted: what has arrived is removed where it was,
and the same command goes on from there. Until it has ended, run the node with
neither.`

func newQueue() *cobra.Command {
	command := &cobra.Command{
		Use: "queue", Short: "move what waits between the folder and a cluster", Long: longQueue,
		Args: usageArgs(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newQueueMove())
	return command
}

func newQueueMove() *cobra.Command {
	var from, to, credentials string
	var room size
	command := &cobra.Command{
		Use: "move", Short: "take everything from one queue to the other", Long: longQueueMove,
		Example: "muster-rendezvous queue move --from embedded --to nats://192.0.2.7:4222,192.0.2.8:4222 --queue-credentials node.toml",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if (from == embedded) == (to == embedded) {
				return usageError{errors.New("one of --from and --to is embedded, and the other nats://HOST:PORT,HOST:PORT")}
			}
			options := queueOptions{at: to, credentials: credentials}
			move := rendezvous.MoveUp
			if to == embedded {
				options.at, move = from, rendezvous.MoveDown
			}
			if err := options.check(); err != nil {
				return err
			}
			return moveQueue(c, options, room, move)
		},
	}
	flags := command.Flags()
	flags.StringVar(&from, "from", "", "where it is: `embedded` or nats://HOST:PORT,HOST:PORT")
	flags.StringVar(&to, "to", "", "where it goes: `embedded` or nats://HOST:PORT,HOST:PORT")
	flags.StringVar(&credentials, "queue-credentials", "", "the `file` with the node's key and certificate for the cluster")
	flags.Var(&room, "room", "what may wait in the cluster, a `size` like 20GiB, if the node runs with one")
	return command
}

// mover is rendezvous.MoveUp or MoveDown.
type mover = func(ctx context.Context, cfg rendezvous.Config, open func() (rendezvous.ClusterQueue, error), progress func(queue.Carried)) (queue.Carried, error)

func moveQueue(c *cobra.Command, options queueOptions, room size, move mover) error {
	dir, err := folder(c)
	if err != nil {
		return err
	}
	if _, err := rendezvous.ReadKey(dir, "", nil); err != nil {
		return fmt.Errorf("%s is no folder of a node: %w", dir, err)
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := rendezvous.Config{Dir: dir, Version: version, Logger: slog.New(newHandler(os.Stderr, "text", "warn"))}
	cfg.Quotas.Bytes = int64(room)
	opt, err := options.engine(cfg)
	if err != nil {
		return err
	}
	opt.DeviceEntries, opt.DeviceBytes = 0, 0 // what waits has its place
	moved, err := move(ctx, cfg, func() (rendezvous.ClusterQueue, error) { return replicated.Open(ctx, opt) }, func(so queue.Carried) {
		terminal.Printf(os.Stderr, "muster-rendezvous: moved %d messages\n", so.Bodies)
	})
	if err = errors.Join(err, keepOwner(dir)); err != nil {
		return fmt.Errorf("moving the queue (the same command goes on from here): %w", err)
	}
	return answerMoved(c.OutOrStdout(), wantsJSON(c), moved)
}

func answerMoved(w io.Writer, asJSON bool, moved queue.Carried) error {
	if asJSON {
		return terminal.JSON(w, map[string]int{"bodies": moved.Bodies, "entries": moved.Entries})
	}
	terminal.Printf(w, "moved: %d messages for %d devices; run the node with the other --queue now\n", moved.Bodies, moved.Entries)
	return nil
}
