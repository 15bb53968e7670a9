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

// liveGap is the time between two messages of the live workload: 50 a second.
const liveGap = 20 * time.Millisecond

// online measures what happens while both ends are there: messages now and then, and as many as go.
func (b *bench) online(ctx context.Context) error {
	return b.connected(ctx, b.org.receivers, func(ctx context.Context) error {
		if err := b.announce(ctx); err != nil {
			return fmt.Errorf("announcing: %w", err)
		}
		live := newTrip(b.org, b.live)
		if _, _, err := b.travel(ctx, live, 1, liveGap); err != nil {
			return fmt.Errorf("live: %w", err)
		}
		b.report.latencies("send → receive", "live", live.between(live.posted, live.came))
		b.report.latencies("seal → opened", "live", live.between(live.begun, live.opened))
		sealed := newTrip(b.org, b.messages)
		before, err := b.node.usage()
		if err != nil {
			return err
		}
		took, answers, err := b.travel(ctx, sealed, b.window, 0)
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
		b.cost("both", column, before, after, b.messages, int64(b.messages*b.envelope))
		return nil
	})
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
	d.opened = func(envelope.Content, time.Time) {}
	group := task.New(ctx)
	d.run(group)
	_, _, err = b.org.postAll(ctx, b.window, b.senders*b.receivers, ready(letters))
	if err == nil {
		err = errors.Join(until(group, &d.delivered), until(group, &d.settled))
	}
	group.Stop()
	return errors.Join(err, group.Wait())
}

// trip is messages that are sealed on the clock and carry their number, with the times of their stations.
type trip struct {
	org   *org
	count int
	first []int // number of each sender's first message

	begun, posted, came, opened []atomic.Int64 // nanoseconds since start
	start                       time.Time
}

func newTrip(o *org, count int) *trip {
	t := &trip{org: o, count: count, start: time.Now()}
	for _, times := range []*[]atomic.Int64{&t.begun, &t.posted, &t.came, &t.opened} {
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

// travel sends a trip's messages, the senders in turn with gap between two messages, or as the window allows.
func (b *bench) travel(ctx context.Context, t *trip, window int, gap time.Duration) (took travelTimes, answers []time.Duration, err error) {
	d := &drain{org: b.org, sign: true, due: make(map[keys.PublicKey]int)}
	for s, from := range b.org.senders {
		share := shareOf(t.count, b.senders, s)
		d.due[from.public] = share
		for i := range share {
			d.due[b.org.addressee(s, i).public]++
		}
	}
	d.opened = func(content envelope.Content, came time.Time) {
		number := binary.BigEndian.Uint64(content.Body)
		t.came[number].Store(int64(came.Sub(t.start)))
		t.opened[number].Store(t.since())
	}
	group := task.New(ctx)
	d.run(group)
	start := time.Now()
	took.posted, answers, err = b.org.postAll(ctx, window, t.count, func(ctx context.Context, s, i int) (letter, error) {
		if err := pause(ctx, time.Until(start.Add(gap*time.Duration(i*b.senders+s)))); err != nil {
			return letter{}, err
		}
		number := t.first[s] + i
		body := make([]byte, b.body)
		if _, err := rand.Read(body); err != nil {
			return letter{}, err
		}
		binary.BigEndian.PutUint64(body, uint64(number))
		t.begun[number].Store(t.since())
		sealed, err := b.org.seal(b.org.senders[s], b.org.addressee(s, i), body)
		t.posted[number].Store(t.since())
		return sealed, err
	})
	if err == nil {
		err = until(group, &d.delivered)
		took.opened = time.Since(start)
	}
	if err == nil {
		err = until(group, &d.settled)
	}
	group.Stop()
	return took, answers, errors.Join(err, group.Wait())
}

// pause waits for a while, or for the end of the context.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
