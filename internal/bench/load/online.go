package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
)

// sealed measures everything on the clock, with both ends there: seal, accept, deliver, open, receipt, verify.
func (b *bench) sealed(ctx context.Context) error {
	return b.connected(ctx, b.org.receivers, func(ctx context.Context) error {
		if err := b.announce(ctx); err != nil {
			return fmt.Errorf("announcing: %w", err)
		}
		sealed := newTrip(b.org, b.messages)
		before, err := b.node.usage()
		if err != nil {
			return err
		}
		took, answers, err := b.travel(ctx, sealed, b.window)
		if err != nil {
			return fmt.Errorf("sealed: %w", err)
		}
		after, err := b.node.usage()
		if err != nil {
			return err
		}
		column := "sealed, " + column(b.messages)
		b.report.add("**accepts/s**", column, float64(b.messages)/took.posted.Seconds())
		b.report.add("**opened/s**", column, float64(b.messages)/took.opened.Seconds())
		b.report.latencies("accept", column, answers)
		b.report.latencies("seal → opened", column, sealed.between(sealed.begun, sealed.opened))
		b.cost("both", column, before, after, b.messages, int64(b.messages*max(b.envelope, b.body)))
		return nil
	})
}

// saturate has all senders post as fast as they can to receivers who are there, take and acknowledge.
func (b *bench) saturate(ctx context.Context) error {
	const column = "saturation"
	letters, err := b.org.sealAll(ctx, b.messages, b.body)
	if err != nil {
		return err
	}
	payload := payloadOf(letters)
	return b.connected(ctx, b.org.receivers, func(ctx context.Context) error {
		d, err := b.org.expect(letters, false)
		if err != nil {
			return err
		}
		group := task.New(ctx)
		d.run(group)
		err = until(group, &d.listening)
		stop, failed := b.profile(column)
		if err := errors.Join(err, failed); err != nil {
			return errors.Join(err, end(group))
		}
		before, err := b.node.usage()
		if err != nil {
			return errors.Join(err, end(group))
		}
		start := time.Now()
		_, answers, err := b.org.postAll(ctx, b.window, lengths(letters), ready(letters))
		if err == nil {
			err = until(group, &d.delivered)
		}
		took := time.Since(start)
		stop()
		if err == nil {
			err = until(group, &d.settled)
		}
		after, failed := b.node.usage()
		if err == nil {
			_, err = b.node.await(ctx, drainTime, isEmpty)
		}
		if err := errors.Join(err, failed, end(group)); err != nil {
			return err
		}
		b.report.add("**delivered/s**", column, float64(b.messages)/took.Seconds())
		b.report.latencies("accept", column, answers)
		b.cost("both", column, before, after, b.messages, payload)
		return nil
	})
}

// end stops a group and returns what it failed with.
func end(group *task.Group) error {
	group.Stop()
	return group.Wait()
}

// announce begins a chain from every sender to every receiver and delivers it.
func (b *bench) announce(ctx context.Context) error {
	letters, err := b.org.announceAll(ctx)
	if err != nil {
		return err
	}
	d, err := b.org.expect(letters, true)
	if err != nil {
		return err
	}
	d.opened = func(envelope.Content) {}
	group := task.New(ctx)
	d.run(group)
	_, _, err = b.org.postAll(ctx, b.window, lengths(letters), ready(letters))
	if err == nil {
		err = errors.Join(until(group, &d.delivered), until(group, &d.settled))
	}
	if err == nil {
		_, err = b.node.await(ctx, drainTime, isEmpty)
	}
	group.Stop()
	return errors.Join(err, group.Wait())
}

// trip is messages that are sealed on the clock and carry their number, with the times of their stations.
type trip struct {
	org   *org
	count int
	first []int // number of each sender's first message

	begun, opened []atomic.Int64 // nanoseconds since start
	start         time.Time
}

func newTrip(o *org, count int) *trip {
	t := &trip{org: o, count: count, start: time.Now()}
	for _, times := range []*[]atomic.Int64{&t.begun, &t.opened} {
		*times = make([]atomic.Int64, count)
	}
	next := 0
	for s := range o.senders {
		t.first = append(t.first, next)
		next += shareOf(count, len(o.senders), s)
	}
	return t
}

func (t *trip) since() int64 { return int64(time.Since(t.start)) }

// between returns the times from one station to another.
func (t *trip) between(from, to []atomic.Int64) []time.Duration {
	times := make([]time.Duration, t.count)
	for i := range times {
		times[i] = time.Duration(to[i].Load() - from[i].Load())
	}
	return times
}

// travelTimes are from the first seal to the last answer and to the last opened message.
type travelTimes struct{ posted, opened time.Duration }

// travel sends a trip's messages as fast as the window allows.
func (b *bench) travel(ctx context.Context, t *trip, window int) (took travelTimes, answers []time.Duration, err error) {
	d := &drain{org: b.org, sign: true, due: make(map[keys.PublicKey]int)}
	for s, from := range b.org.senders {
		share := shareOf(t.count, b.senders, s)
		d.due[from.public] = share
		for i := range share {
			d.due[b.org.addressee(s, i).public]++
		}
	}
	d.opened = func(content envelope.Content) {
		number := binary.BigEndian.Uint64(content.Body)
		t.opened[number].Store(t.since())
	}
	group := task.New(ctx)
	d.run(group)
	start := time.Now()
	took.posted, answers, err = b.org.postAll(ctx, window, sharesOf(t.count, b.senders), func(_ context.Context, s, i int) (letter, error) {
		number := t.first[s] + i
		body := make([]byte, b.body)
		if _, err := rand.Read(body); err != nil {
			return letter{}, err
		}
		binary.BigEndian.PutUint64(body, uint64(number))
		t.begun[number].Store(t.since())
		return b.org.seal(b.org.senders[s], b.org.addressee(s, i), body)
	})
	if err == nil {
		err = until(group, &d.delivered)
		took.opened = time.Since(start)
	}
	if err == nil {
		err = until(group, &d.settled)
	}
	if err == nil {
		_, err = b.node.await(ctx, drainTime, isEmpty) // acknowledged, and not only receipted
	}
	group.Stop()
	return took, answers, errors.Join(err, group.Wait())
}
