package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// stream is a deliver stream: rvclient.DeliverStream.
type stream interface {
	Next() (rvclient.Incoming, error)
	Ack(rvproto.AckFrame) error
	Moved() []byte
	Close()
}

// connection is one deliver stream, from its hello to its end.
type connection struct {
	service *Service
	node    Node
	stream  stream
	// taken is what is stored and not acknowledged yet: at most what the window of deliveries lets come.
	taken chan taken
}

// keepConnected takes deliveries from one node, for as long as ctx lasts.
func (s *Service) keepConnected(ctx context.Context, node Node) error {
	log := s.log.With("node", node.Key.Short())
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := s.connect(ctx, node, log)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.state.disconnected(node.Key, s.cfg.Now(), err)
		if time.Since(began) > longestRetry {
			wait = firstRetry
		}
		log.Warn("no deliveries from the rendezvous node", "error", err, "again_in", wait)
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, longestRetry)
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// connect is one stream's life.
func (s *Service) connect(parent context.Context, node Node, log *slog.Logger) error {
	opened, err := s.open(parent, node)
	if err != nil {
		return err
	}
	defer opened.Close()
	moved := opened.Moved() != nil
	s.state.connected(node.Key, s.cfg.Now(), moved)
	log.Info("deliveries come from the rendezvous node")
	if moved {
		log.Error("the organization has moved to another rendezvous node: name that one too with --node")
	}
	c := &connection{service: s, node: node, stream: opened, taken: make(chan taken, rvproto.DeliverWindow)}
	group := task.New(parent)
	group.Go("deliveries", func(ctx context.Context) error { return c.read(ctx, log) })
	group.Go("acknowledgements", c.acknowledge)
	return group.Wait()
}

// read hands what comes to the writer.
func (c *connection) read(ctx context.Context, log *slog.Logger) error {
	stop := context.AfterFunc(ctx, c.stream.Close)
	defer stop()
	for {
		in, err := c.stream.Next()
		if err != nil {
			return err
		}
		if in.Deliver == nil {
			continue
		}
		a, err := itemOf(in.Deliver, c.node.Key, c.service.cfg.Now().UnixMilli())
		if err != nil {
			c.service.counters.unreadable.Add(1)
			log.Error("a delivery is left with the node", "kind", in.Deliver.Kind, "bytes", len(in.Deliver.Body), "error", err)
			continue
		}
		a.from = c
		select {
		case c.service.arrivals <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle notes that something is stored. A node that gave more than its window is acknowledged by what fits; it gives the
// rest again.
func (c *connection) settle(t taken) {
	select {
	case c.taken <- t:
	default:
	}
}

// acknowledge tells the node what is stored, as much at once as there is.
func (c *connection) acknowledge(ctx context.Context) error {
	for {
		var all []taken
		select {
		case <-ctx.Done():
			return ctx.Err()
		case first := <-c.taken:
			all = append(all, first)
		}
		for more := true; more && len(all) < rvproto.DeliverWindow; {
			select {
			case next := <-c.taken:
				all = append(all, next)
			default:
				more = false
			}
		}
		if err := c.tell(all); err != nil {
			return err
		}
	}
}

// tell signs a receipt for each sender, and acknowledges what else there is by ids. [ARC-51]
func (c *connection) tell(all []taken) error {
	var ack rvproto.AckFrame
	bySender := make(map[keys.PublicKey][]keys.EnvelopeID)
	for _, t := range all {
		if t.sender.IsZero() {
			ack.IDs = append(ack.IDs, t.id)
		} else {
			bySender[t.sender] = append(bySender[t.sender], t.id)
		}
	}
	for sender, ids := range bySender {
		receipt, err := envelope.SignReceipt(envelope.Receipt{Org: c.service.cfg.Org, Sender: sender, Opened: ids}, c.service.identity)
		if err != nil {
			return fmt.Errorf("signing a receipt: %w", err)
		}
		ack.Receipts = append(ack.Receipts, receipt)
		if len(ack.Receipts) == rvproto.MaxReceipts {
			if err := c.stream.Ack(ack); err != nil {
				return err
			}
			ack = rvproto.AckFrame{}
		}
	}
	if len(ack.Receipts)+len(ack.IDs) == 0 {
		return nil
	}
	return c.stream.Ack(ack)
}

// openStream opens the deliver stream of the service's device at a node.
func (s *Service) openStream(ctx context.Context, node Node) (stream, error) {
	client := &rvclient.Client{Host: s.host, Node: node.Key, Addresses: node.Addresses, Org: s.cfg.Org}
	opened, err := client.OpenDeliver(ctx)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	return opened, nil
}
