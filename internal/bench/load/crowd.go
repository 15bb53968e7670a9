package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"muster.example/internal/bench/capacity"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
)

// crowd is as many devices as a machine holds, all on the network at once: they connect, rest, get messages, and hear of events
// on the roll. It finds what each step costs the node.
type crowd struct {
	*bench
	devices []*device
	drain   *drain
	letters [][]letter
	heads   countdown                         // of devices that have not fetched the last event
	sizes   map[keys.PublicKey]*atomic.Uint64 // of the roll, as each device knows it
	steps   []step
}

// step is what the node used while something was done.
type step struct {
	name    string
	cpu     time.Duration
	carried int64 // bytes over loopback, both ways, with the headers of IP
	written int64 // bytes to the disk
}

const (
	stepConnect = "connect" // with both streams
	stepRest    = "rest"
	stepMessage = "message" // one to each device, and its receipt
	stepEvent   = "event"   // that each device fetches

	crowdEvents  = 3                           // on the roll, each fetched by all devices
	crowdPace    = time.Second / capacity.Pace // between posts, whoever sends: as they come in an organization, each alone
	crowdFetches = 128                         // that are on their way at once
	crowdQuiet   = 200 * time.Millisecond      // between looks whether the node is done with a step
)

// measureCrowd does one step after the other, reads what each took, and holds it against the model.
func (b *bench) measureCrowd(ctx context.Context) error {
	c := &crowd{bench: b, devices: b.org.receivers, sizes: make(map[keys.PublicKey]*atomic.Uint64)}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	if err := b.restart(ctx); err != nil {
		return err
	}
	if err := sleep(ctx, b.crowdTime); err != nil { // the node gives back what its start took
		return err
	}
	started, err := b.node.usage()
	if err != nil {
		return err
	}
	all := append(b.org.senders[:len(b.org.senders):len(b.org.senders)], c.devices...)
	return b.connected(ctx, all, func(ctx context.Context) (err error) {
		group := task.New(ctx)
		defer func() { err = errors.Join(err, end(group)) }()
		if err := c.step(ctx, stepConnect, func() error { return c.connect(ctx, group) }); err != nil {
			return err
		}
		if err := sleep(ctx, b.crowdTime); err != nil { // it gives back what the handshakes took
			return err
		}
		if err := c.step(ctx, stepRest, func() error { return sleep(ctx, b.crowdTime) }); err != nil {
			return err
		}
		resting, err := b.node.usage()
		if err != nil {
			return err
		}
		if err := c.step(ctx, stepMessage, func() error { return c.write(ctx, group) }); err != nil {
			return err
		}
		err = c.step(ctx, stepEvent, func() error { return c.tell(ctx, group) })
		if err != nil {
			return err
		}
		c.compare(os.Stdout, started, resting)
		return nil
	})
}

// prepare seals a message to each device, and signs its receipt.
func (c *crowd) prepare(ctx context.Context) (err error) {
	if c.letters, err = c.org.sealAll(ctx, len(c.devices), c.body); err != nil {
		return err
	}
	c.envelope = int(payloadOf(c.letters)) / len(c.devices)
	if c.drain, err = c.org.expect(c.letters, false); err != nil {
		return err
	}
	for _, d := range c.devices {
		size := new(atomic.Uint64)
		size.Store(c.org.size)
		c.sizes[d.public] = size
	}
	return nil
}

// connect has all devices come, with both long-lived streams, as a device that is on does.
func (c *crowd) connect(ctx context.Context, group *task.Group) error {
	tokens := make(chan struct{}, crowdFetches)
	c.drain.head = func(d *device) {
		group.Go("fetch", func(ctx context.Context) error {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			return c.fetch(ctx, d)
		})
	}
	err := each(ctx, c.devices, func(_ context.Context, _ int, d *device) error {
		posts, err := postAs(group.Context(), d) // the stream lives as long as the crowd
		if err == nil {
			group.Go("rest", func(ctx context.Context) error {
				<-ctx.Done()
				posts.Close()
				return nil
			})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	c.drain.run(group)
	return until(group, &c.drain.listening)
}

// postAs opens a post stream. A node at work may be slow to answer; a device would try for ever.
func postAs(ctx context.Context, d *device) (stream *rvclient.PostStream, err error) {
	for range dials {
		if stream, err = d.client.OpenPost(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return stream, err
}

// fetch gets what is new of the roll; the first head that a device hears is what it knows.
func (c *crowd) fetch(ctx context.Context, d *device) error {
	size := c.sizes[d.public]
	page, err := d.client.Fetch(ctx, size.Load())
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("fetching the roll: %w", err)
	}
	if len(page.Entries) > 0 {
		size.Add(uint64(len(page.Entries)))
		c.heads.tell()
	}
	return nil
}

// write has each device get a message, one at a time, and its sender the receipt.
func (c *crowd) write(ctx context.Context, group *task.Group) error {
	pace := crowdPace * time.Duration(len(c.org.senders))
	due := make([]time.Time, len(c.org.senders))
	_, _, err := c.org.postAll(ctx, 1, lengths(c.letters), func(ctx context.Context, sender, i int) (letter, error) {
		if wait := time.Until(due[sender]); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return letter{}, err
			}
		}
		due[sender] = time.Now().Add(pace)
		return c.letters[sender][i], nil
	})
	if err == nil {
		err = errors.Join(until(group, &c.drain.delivered), until(group, &c.drain.settled))
	}
	return err
}

// tell puts events on the roll, each when all devices have the one before.
func (c *crowd) tell(ctx context.Context, group *task.Group) error {
	founder := c.org.founder
	if err := founder.open(c.org.id, c.addresses(c.transport)); err != nil {
		return err
	}
	defer founder.close()
	for i := range crowdEvents {
		c.heads.set(len(c.devices))
		err := founder.client.Submit(ctx, membership.SignEvent(membership.Event{
			Org: c.org.id, Counter: uint64(4 + i), At: c.org.size + uint64(i), Invite: &membership.Invite{
				Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix(),
			}}, founder.key, nil))
		if err != nil {
			return fmt.Errorf("putting an event on the roll: %w", err)
		}
		if err := until(group, &c.heads); err != nil {
			return err
		}
	}
	return nil
}

// step notes what the node uses while something is done, until it is done with it.
func (c *crowd) step(ctx context.Context, name string, work func() error) error {
	before, err := c.node.usage()
	if err != nil {
		return err
	}
	carried := loopback()
	if err := work(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := sleep(ctx, crowdQuiet); err != nil {
		return err
	}
	after, err := c.node.usage()
	c.steps = append(c.steps, step{name, after.cpu - before.cpu, loopback() - carried, after.written - before.written})
	return err
}

// compare prints what each step cost beside what the model says of it.
func (c *crowd) compare(w io.Writer, started, resting usage) {
	run := capacity.Run{
		Devices: float64(len(c.devices) + len(c.org.senders)), Rolled: float64(c.org.size), Rested: c.crowdTime.Seconds(),
		Sent: float64(len(c.devices)), Told: crowdEvents, Started: float64(started.resident), Resting: float64(resting.resident),
	}
	for _, s := range c.steps {
		used, carried := s.cpu.Seconds(), float64(s.carried)
		switch s.name {
		case stepConnect:
			run.Connecting, run.ConnectCarried = used, carried
		case stepRest:
			run.Rest, run.RestCarried = used, carried
		case stepMessage:
			run.Messages, run.MessageCarried, run.MessagesWritten = used, carried, float64(s.written)
		case stepEvent:
			run.News, run.NewsCarried = used, carried
		}
	}
	fmt.Fprintf(w, "\n| %s devices | the model says | measured | error | each |\n| --- | --- | --- | --- | --- |\n", figure(run.Devices))
	for _, f := range capacity.Compare(run) {
		fmt.Fprintf(w, "| %s | %s %s | %s %s | %s | %s |\n", f.What, figure(f.Predicted), f.Unit, figure(f.Measured), f.Unit,
			f.Off(), f.Each())
	}
	fmt.Fprintf(w, "\nFor docs/capacity.md:\n\t%#v\n", run)
}
