package rendezvous

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/task"
	"muster.example/rendezvous/queue"
)

// ClusterQueue is a queue in a cluster, which also has what the node knows of its organizations.
type ClusterQueue interface {
	Queue
	queue.Carrier
	journaled
	// Forget removes the journal: nothing of it counts any more.
	Forget(ctx context.Context) error
}

// MoveUp takes all that waits in a folder, and what the node knows, into a cluster. The node must not run. It can be interrupted and
// begun again; until it is through, the node is to run with neither. progress is told how far it is. [STO-95]
func MoveUp(ctx context.Context, cfg Config, open func() (ClusterQueue, error), progress func(queue.Carried)) (queue.Carried, error) {
	return moveQueue(ctx, cfg, false, open, func(_ *Node, cluster ClusterQueue, folder *queue.Embedded) (queue.Carried, error) {
		return queue.Move(ctx, folder, cluster, progress)
	})
}

// MoveDown takes all that waits in a cluster into a folder, which keeps what the node knows. No process of the node must run. It
// can be interrupted and begun again. [STO-95]
func MoveDown(ctx context.Context, cfg Config, open func() (ClusterQueue, error), progress func(queue.Carried)) (queue.Carried, error) {
	return moveQueue(ctx, cfg, true, open, func(n *Node, cluster ClusterQueue, folder *queue.Embedded) (moved queue.Carried, err error) {
		moved, err = queue.Move(ctx, cluster, folder, progress)
		if err == nil && n.shared {
			err = n.store.CatchUp()
		}
		if err == nil { // in this order: a move that breaks off in between finds the journal empty, and goes on
			err = cluster.Forget(ctx)
		}
		if err == nil {
			err = n.store.Unshare()
		}
		return moved, err
	})
}

// moveQueue opens both queues of a folder's node, runs them, and has something done.
func moveQueue(ctx context.Context, cfg Config, leaving bool, open func() (ClusterQueue, error),
	work func(n *Node, cluster ClusterQueue, folder *queue.Embedded) (queue.Carried, error)) (moved queue.Carried, err error) {
	var cluster ClusterQueue
	cfg.OpenQueue = func() (Queue, error) {
		if cluster, err = open(); err != nil {
			return nil, err
		}
		return cluster, nil
	}
	n, err := New(cfg)
	if err != nil {
		return moved, err
	}
	n.leaving = leaving
	if err := n.open(); err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, n.queue.Close(), n.store.Close()) }()
	folder, err := n.openEmbedded(queue.Options{Payer: n.payer, Logger: n.log}) // without quotas: what waits has its place
	if err != nil {
		return moved, fmt.Errorf("opening the folder's queue: %w", err)
	}
	running := task.New(context.WithoutCancel(ctx))
	running.Go("cluster", cluster.Run)
	running.Go("folder", folder.Run)
	moved, err = work(n, cluster, folder)
	running.Stop()
	return moved, errors.Join(err, running.Wait(), folder.Close())
}
