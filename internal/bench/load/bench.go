package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"muster.example/internal/task"
	"muster.example/rendezvous"
)

// bench is the node, the organization on it and what was measured.
type bench struct {
	plan
	dir    string
	port   int
	node   *node
	org    *org
	report *report

	envelope int   // bytes of one, of the workloads that are sealed before
	drained  int64 // bytes in the queue's folder after the last drain
}

const (
	settleTime = 2 * time.Second // between the end of a workload and a look at memory
	drainTime  = 3 * time.Minute // that everything may take to be acknowledged
	tidyEvery  = 100 * time.Millisecond
	tidyTime   = 30 * time.Second // that the folder may take to shrink
)

// addresses returns where the node listens.
func (b *bench) addresses(transports ...string) (list []string) {
	for _, transport := range transports {
		address := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", b.port)
		if transport == "quic" {
			address = fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", b.port)
		}
		list = append(list, address)
	}
	return list
}

// setUp makes an organization with all its devices on a new node. Devices join over TCP whatever is measured.
func (b *bench) setUp(ctx context.Context) (err error) {
	if b.port, err = freePort(); err != nil {
		return err
	}
	if b.node, err = startNode(ctx, b.program, b.dir, b.addresses("tcp", "quic"), ""); err != nil {
		return err
	}
	if err := b.noteMemory(ctx, "after the first start"); err != nil {
		return err
	}
	if b.org, err = found(ctx, b.node.claim); err != nil {
		return fmt.Errorf("founding: %w", err)
	}
	if err := b.noteMemory(ctx, "with an organization of one"); err != nil {
		return err
	}
	doors := task.New(ctx)
	defer func() {
		doors.Stop()
		err = errors.Join(err, doors.Wait())
	}()
	door, err := openDoor(doors, b.port)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := b.org.fill(ctx, b.plan, door.address(), b.addresses("tcp")); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d members joined and gave %d grants in %.1f s\n",
		b.senders+b.receivers, b.senders*b.receivers, time.Since(start).Seconds())
	return nil
}

// run measures the workloads on a node that was started anew, the live one only the first time.
func (b *bench) run(ctx context.Context, first bool) (err error) {
	if err := b.restart(ctx); err != nil {
		return err
	}
	if err := b.noteMemory(ctx, fmt.Sprintf("started with %d members", 1+b.senders+b.receivers)); err != nil {
		return err
	}
	steps := map[string]func(context.Context) error{
		"forward": func(ctx context.Context) error {
			return b.storeAndForward(ctx, column(b.messages), b.messages, false)
		},
		"signing": func(ctx context.Context) error {
			return b.storeAndForward(ctx, column(b.messages), b.messages, true)
		},
		"sealed":     b.sealed,
		"saturation": b.saturate,
		"group":      b.group,
		"live":       b.live,
		"large": func(ctx context.Context) error {
			if b.large == 0 {
				return nil
			}
			return b.storeAndForward(ctx, column(b.large), b.large, false)
		},
	}
	for _, name := range allWorkloads {
		if !slices.Contains(b.only, name) || name == "live" && !first { // that one has samples enough in one run
			continue
		}
		who := b.org.senders
		if name == "live" {
			who = nil
		}
		if err := b.connected(ctx, who, steps[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	used, err := b.node.usage()
	b.report.memory("peak of the run", used.peak, -1)
	return err
}

// restart starts the node anew with the transport to measure alone.
func (b *bench) restart(ctx context.Context) (err error) {
	if err := b.node.stop(); err != nil {
		return err
	}
	metrics := ""
	if b.soakTime > 0 {
		port, err := freePort()
		if err != nil {
			return err
		}
		metrics = fmt.Sprintf("127.0.0.1:%d", port)
	}
	b.node, err = startNode(ctx, b.program, b.dir, b.addresses(b.transport), metrics)
	return err
}

// connected has devices on the network while work lasts.
func (b *bench) connected(ctx context.Context, devices []*device, work func(context.Context) error) error {
	for _, d := range devices {
		if err := d.open(b.org.id, b.addresses(b.transport)); err != nil {
			return err
		}
	}
	err := work(ctx)
	for _, d := range devices {
		err = errors.Join(err, d.close())
	}
	return err
}

// noteMemory reads the node's memory after a while of quiet.
func (b *bench) noteMemory(ctx context.Context, when string) error {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	used, err := b.node.usage()
	b.report.memory(when, used.resident, used.anonymous)
	return err
}

// storeAndForward has all senders post to devices that are away, and then these come and take what waits.
func (b *bench) storeAndForward(ctx context.Context, column string, count int, sign bool) error {
	letters, err := b.org.sealAll(ctx, count, b.body)
	if err != nil {
		return err
	}
	b.envelope = int(payloadOf(letters)) / count
	return b.forward(ctx, column, letters, sign, b.window)
}

// payloadOf returns the bytes of all envelopes.
func payloadOf(letters [][]letter) (bytes int64) {
	for _, sender := range letters {
		for i := range sender {
			bytes += int64(len(sender[i].Envelope))
		}
	}
	return bytes
}

// forward has letters posted and, when all are accepted, drained.
func (b *bench) forward(ctx context.Context, column string, letters [][]letter, sign bool, window int) error {
	count, deliveries, payload := 0, 0, payloadOf(letters)
	for _, sender := range letters {
		count += len(sender)
		for i := range sender {
			deliveries += len(sender[i].to)
		}
	}
	d, err := b.org.expect(letters, sign)
	if err != nil {
		return err
	}
	stop, err := b.profile("accept " + column)
	if err != nil {
		return err
	}
	before, err := b.node.usage()
	if err != nil {
		return err
	}
	took, answers, err := b.org.postAll(ctx, window, lengths(letters), ready(letters))
	stop()
	if err != nil {
		return err
	}
	full, err := b.node.usage()
	if err != nil {
		return err
	}
	b.report.add("bytes of an envelope", column, float64(payload)/float64(count))
	b.report.add("**accepts/s**", column, float64(count)/took.Seconds())
	b.report.latencies("accept", column, answers)
	b.cost("accept", column, before, full, count, payload)
	b.report.add("queue's folder when full, MiB", column, mebi(diskUse(b.dir+"/queue")))
	b.report.memory("queue of "+column+" full", full.resident, full.anonymous)
	if err := b.drain(ctx, column, d, deliveries, payload); err != nil {
		return err
	}
	b.drained = diskUse(b.dir + "/queue")
	b.report.add("queue's folder when drained, MiB", column, mebi(b.drained))
	return b.noteMemory(ctx, "queue of "+column+" drained")
}

// drain has the receivers come, and measures until the node holds nothing any more.
func (b *bench) drain(ctx context.Context, column string, d *drain, count int, payload int64) error {
	return b.connected(ctx, b.org.receivers, func(ctx context.Context) error {
		how := "drain"
		if d.sign {
			how = "drain with signing"
		}
		stop, err := b.profile(how + " " + column)
		if err != nil {
			return err
		}
		before, err := b.node.usage()
		if err != nil {
			return err
		}
		took, err := b.take(ctx, d)
		stop()
		if err != nil {
			return err
		}
		after, err := b.node.usage()
		b.report.add("**"+how+"/s**", column, float64(count)/took.Seconds())
		b.report.add("slowest connect, ms, "+how, column, float64(d.slowest.Load())/1e6)
		b.report.add("messages a receipt, "+how, column, float64(count)/float64(d.receipts.Load()))
		b.cost(how, column, before, after, count, payload)
		return err
	})
}

// take has all devices of a drain listen until they have what is theirs, and returns how long it took until the node
// held nothing any more.
func (b *bench) take(ctx context.Context, d *drain) (took time.Duration, err error) {
	group := task.New(ctx)
	start := time.Now()
	d.run(group)
	err = until(group, &d.delivered)
	if err == nil {
		_, err = b.node.await(ctx, drainTime, isEmpty)
	}
	took = time.Since(start)
	if err == nil {
		err = until(group, &d.settled)
	}
	group.Stop()
	return took, errors.Join(err, group.Wait())
}

// cost notes what a workload cost the node between two readings.
func (b *bench) cost(of, column string, before, after usage, count int, payload int64) {
	perThousand := 1000 / float64(count)
	b.report.add("node CPU s per 1,000, "+of, column, (after.cpu-before.cpu).Seconds()*perThousand)
	b.report.add("load's own CPU s per 1,000, "+of, column, (after.loadCPU-before.loadCPU).Seconds()*perThousand)
	b.report.add("bytes written per payload byte, "+of, column, float64(after.written-before.written)/float64(payload))
	if before.flushes >= 0 && after.flushes >= 0 {
		b.report.add("disk flushes per 1,000, "+of, column, float64(after.flushes-before.flushes)*perThousand)
	}
}

// tidy waits for the queue's folder to shrink to almost nothing, and notes how long that took after the last drain.
func (b *bench) tidy(ctx context.Context) error {
	start := time.Now()
	timeout, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	held := diskUse(b.dir + "/queue")
	for ; held > 1<<20 && timeout.Err() == nil; held = diskUse(b.dir + "/queue") {
		select {
		case <-timeout.Done():
		case <-ticker.C:
		}
	}
	b.report.notes = append(b.report.notes, fmt.Sprintf(
		"After the last drain the queue's folder held %s MiB; %.0f s later, %s MiB.",
		figure(mebi(b.drained)), time.Since(start).Seconds(), figure(mebi(held))))
	return ctx.Err()
}

func isEmpty(status rendezvous.Status) bool {
	for _, o := range status.Orgs {
		if o.Entries > 0 {
			return false
		}
	}
	return true
}

// close ends everything that runs.
func (b *bench) close() {
	if b.org != nil {
		_ = b.org.closeAll()
	}
	if b.node != nil {
		_ = b.node.stop()
	}
}

// showLog shows the end of what the node said.
func (b *bench) showLog(w io.Writer) {
	data, err := os.ReadFile(b.dir + ".log")
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	fmt.Fprintf(w, "the node's last words:\n%s\n", strings.Join(lines[max(0, len(lines)-20):], "\n"))
}
