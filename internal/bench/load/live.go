package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// livePart is the argument with which this program runs as the two ends of the live workload, in a process with nothing
// else in it: hundreds of hosts beside them would be measured too.
const livePart = "live-ends"

const (
	livePairs = 4                // of a sender and a receiver
	lastTime  = 20 * time.Second // that the last message may take
	warmUp    = 50               // messages before those that count
	probes    = 400              // flushes of the disk that are timed
)

// ends is what the part is told on standard input: who posts to whom, and how fast.
type ends struct {
	Org                keys.OrgID
	Node               keys.PublicKey
	Addresses          []string
	Size               uint64
	Senders, Receivers []member
	Rate, Count, Body  int
}

// member is one end.
type member struct {
	Seed [keys.SeedSize]byte
	ID   keys.MemberID
}

// took is its answer: nanoseconds of each message.
type took struct{ Receive, Answer []time.Duration }

// live measures how long messages take when both ends are there, at each rate.
func (b *bench) live(ctx context.Context) error {
	for _, rate := range b.rates {
		column := fmt.Sprintf("live, %s/s", column(rate))
		flush, err := flushTimes(b.dir)
		if err != nil {
			return err
		}
		b.report.latencies("the disk's flush of 4 KiB, beside nothing else,", column, flush)
		before, err := b.node.usage()
		if err != nil {
			return err
		}
		count := max(b.samples, 4*rate)
		times, err := b.liveEnds(ctx, rate, count)
		if err != nil {
			return err
		}
		if _, err := b.node.await(ctx, drainTime, isEmpty); err != nil {
			return err
		}
		after, err := b.node.usage()
		if err != nil {
			return err
		}
		b.report.latencies("send → receive", column, times.Receive)
		b.report.latencies("accept", column, times.Answer)
		b.report.add("node CPU s per 1,000, both", column, (after.cpu-before.cpu).Seconds()*1000/float64(count+warmUp))
	}
	return nil
}

// liveEnds runs the part.
func (b *bench) liveEnds(ctx context.Context, rate, count int) (times took, err error) {
	e := ends{Org: b.org.id, Node: b.org.founder.node, Addresses: b.addresses(b.transport), Size: b.org.size,
		Rate: rate, Count: count, Body: b.body}
	for i := range min(livePairs, b.senders, b.receivers) {
		from, to := b.org.senders[i], b.org.receivers[i]
		e.Senders = append(e.Senders, member{from.key.Seed(), from.member})
		e.Receivers = append(e.Receivers, member{to.key.Seed(), to.member})
	}
	in, err := json.Marshal(e)
	if err != nil {
		return times, err
	}
	program, err := os.Executable()
	if err != nil {
		return times, err
	}
	command := exec.CommandContext(ctx, program, livePart)
	command.Stdin, command.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := command.Output()
	if err != nil {
		return times, fmt.Errorf("the ends: %w", err)
	}
	return times, json.Unmarshal(out, &times)
}

// runLive is the part. It returns the exit status.
func runLive() int {
	debug.SetGCPercent(400) // it is its own pauses that it would measure
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var e ends
	data, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = json.Unmarshal(data, &e)
	}
	if err == nil {
		err = e.measure(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load: the ends: error:", err)
		return 1
	}
	return 0
}

// pair is one sender with its receiver.
type pair struct {
	from, to *device
	letters  []letter
	receipts map[keys.EnvelopeID][]byte
	post     *rvclient.PostStream
	back     *rvclient.DeliverStream // the sender's
	receive  *rvclient.DeliverStream

	sent, came, answered []time.Time
	done                 chan struct{} // closed when all have come and are answered
	number               map[keys.EnvelopeID]int
}

// measure seals everything, connects, posts at the rate, and writes the times.
func (e ends) measure(ctx context.Context, out io.Writer) error {
	o := &org{id: e.Org, size: e.Size, memberOf: make(map[keys.PublicKey]keys.MemberID)}
	take := func(m member) *device {
		d := newDevice(e.Node)
		d.key, d.member = keys.FromSeed(m.Seed), m.ID
		d.public = d.key.Public()
		return d
	}
	var pairs []*pair
	for i := range e.Senders {
		p := &pair{from: take(e.Senders[i]), to: take(e.Receivers[i]), receipts: make(map[keys.EnvelopeID][]byte),
			number: make(map[keys.EnvelopeID]int), done: make(chan struct{})}
		if err := p.seal(o, e.share(), e.Body); err != nil {
			return err
		}
		pairs = append(pairs, p)
	}
	group := task.New(ctx)
	err := e.run(group, o, pairs)
	group.Stop()
	failed := group.Wait()
	for _, p := range pairs {
		failed = errors.Join(failed, p.from.close(), p.to.close())
	}
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	var times took
	for _, p := range pairs {
		for i := warmUp / len(pairs); i < len(p.sent); i++ {
			times.Receive = append(times.Receive, p.came[i].Sub(p.sent[i]))
			times.Answer = append(times.Answer, p.answered[i].Sub(p.sent[i]))
		}
	}
	return json.NewEncoder(out).Encode(times)
}

// share returns how many messages each pair has.
func (e ends) share() int { return (e.Count + warmUp) / len(e.Senders) }

// seal makes a pair's messages and the receipts for them.
func (p *pair) seal(o *org, count, body int) error {
	p.sent, p.came, p.answered = make([]time.Time, count), make([]time.Time, count), make([]time.Time, count)
	text := make([]byte, body)
	for i := range count {
		sealed, err := o.seal(p.from, p.to, text)
		if err != nil {
			return err
		}
		receipt := envelope.Receipt{Org: o.id, Sender: p.from.public, Opened: []keys.EnvelopeID{sealed.id}}
		if p.receipts[sealed.id], err = envelope.SignReceipt(receipt, p.to.key); err != nil {
			return err
		}
		p.letters, p.number[sealed.id] = append(p.letters, sealed), i
	}
	return nil
}

// run connects the pairs and posts, each message when it is due, the pairs in turn.
func (e ends) run(group *task.Group, o *org, pairs []*pair) error {
	ctx := group.Context()
	for _, p := range pairs {
		if err := p.connect(ctx, o, e.Addresses); err != nil {
			return err
		}
		group.Go("receive", func(ctx context.Context) error { return ended(ctx, p.takeAll()) })
		group.Go("answers", func(ctx context.Context) error { return ended(ctx, p.hear()) })
		group.Go("receipts", func(ctx context.Context) error { return ended(ctx, p.giveBack()) })
	}
	start, gap := time.Now(), time.Second/time.Duration(e.Rate)
	for i := range e.share() * len(pairs) {
		p, number := pairs[i%len(pairs)], i/len(pairs)
		if err := sleep(ctx, time.Until(start.Add(gap*time.Duration(i)))); err != nil {
			return err
		}
		p.sent[number] = time.Now()
		if err := p.post.Send([]rvproto.PostFrame{p.letters[number].PostFrame}); err != nil {
			return err
		}
	}
	late := time.NewTimer(lastTime)
	defer late.Stop()
	for _, p := range pairs {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return errors.New("not every message came")
		}
	}
	return nil
}

func (p *pair) connect(ctx context.Context, o *org, addresses []string) (err error) {
	if err := errors.Join(p.from.open(o.id, addresses), p.to.open(o.id, addresses)); err != nil {
		return err
	}
	if p.receive, err = p.to.client.OpenDeliver(ctx); err != nil {
		return err
	}
	if p.back, err = p.from.client.OpenDeliver(ctx); err != nil {
		return err
	}
	p.post, err = p.from.client.OpenPost(ctx)
	return err
}

// takeAll is the receiver: it notes when each message comes, and acknowledges it.
func (p *pair) takeAll() error {
	for {
		in, err := p.receive.Next()
		if err != nil {
			return err
		}
		if in.Deliver == nil {
			continue
		}
		now := time.Now()
		e, err := envelope.View(in.Deliver.Body, rvproto.MaxEnvelope)
		if err != nil {
			return err
		}
		number, ok := p.number[e.ID()]
		if !ok {
			continue // what an earlier run has left
		}
		if !p.came[number].IsZero() {
			return errors.New("a message came twice")
		}
		p.came[number] = now
		if err := p.receive.Ack(rvproto.AckFrame{Receipts: [][]byte{p.receipts[e.ID()]}}); err != nil {
			return err
		}
	}
}

// hear takes the answers.
func (p *pair) hear() error {
	for i := range p.letters {
		answer, err := p.post.Answer()
		if err != nil {
			return err
		}
		if answer.Status != 0 || len(answer.Refused) > 0 || answer.ID != p.letters[i].id {
			return fmt.Errorf("message %d was answered with status %d", i, answer.Status)
		}
		p.answered[i] = time.Now()
	}
	return nil
}

// giveBack is the sender's other stream: it takes the receipts, each of which says that a message has come, and gives back
// their ids.
func (p *pair) giveBack() error {
	for missing := len(p.letters); ; {
		in, err := p.back.Next()
		if err != nil {
			return err
		}
		if in.Deliver == nil {
			continue
		}
		if err := p.back.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.ReceiptID(in.Deliver.Body)}}); err != nil {
			return err
		}
		if missing--; missing == 0 {
			close(p.done)
		}
	}
}

// ended leaves out what the end of the group makes of streams.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// flushTimes measures how long the disk takes to make 4 KiB durable at the end of a file.
func flushTimes(dir string) (times []time.Duration, err error) {
	file, err := os.CreateTemp(dir, "flush-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	block := slices.Repeat([]byte{1}, 4<<10)
	for range probes {
		if _, err := file.Write(block); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := file.Sync(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	return times, nil
}

// sleep waits for a while, or for the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
