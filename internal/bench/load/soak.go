package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// sample is what a node holds between two rounds of a soak, when nothing waits any more. The queue's folder still holds what
// it removes a little later.
type sample struct {
	at         time.Duration // since the begin
	messages   int           // that went through until then
	anonymous  int64         // bytes of memory that are no file's
	heap       int64         // bytes in objects that the collector has not taken yet
	goroutines int64
	files      int64 // descriptors
	disk       int64 // bytes in the node's folder
}

// growth bounds how much a figure may grow from the first third of a soak to the last, of the medians: a share, and so
// much besides.
type growth struct {
	name  string
	of    func(sample) int64
	share float64
	more  int64
}

// flat is what a soak must show.
var flat = []growth{
	{"anonymous memory", func(s sample) int64 { return s.anonymous }, 0.10, 6 << 20},
	{"heap", func(s sample) int64 { return s.heap }, 0.25, 4 << 20},
	{"goroutines", func(s sample) int64 { return s.goroutines }, 0, 20},
	{"open files", func(s sample) int64 { return s.files }, 0, 20},
	{"bytes on disk", func(s sample) int64 { return s.disk }, 0, 10 << 20}, // a segment or none
}

// minSamples are rounds without which a soak says nothing.
const minSamples = 9

// soak has messages go through the node, round by round, with all devices coming and going, and fails if what the node
// holds when nothing waits grows with time.
func (b *bench) soak(ctx context.Context) error {
	if err := b.restart(ctx); err != nil {
		return err
	}
	var samples []sample
	messages := 0
	for start := time.Now(); time.Since(start) < b.soakTime || len(samples) < minSamples; {
		err := b.connected(ctx, b.org.senders, func(ctx context.Context) error { return b.soakRound(ctx, len(samples)%4 == 3) })
		if err != nil {
			return fmt.Errorf("round %d: %w", len(samples)+1, err)
		}
		messages += b.messages
		s, err := b.sample(ctx)
		if err != nil {
			return err
		}
		s.at, s.messages = time.Since(start), messages
		samples = append(samples, s)
	}
	if err := printSamples(os.Stdout, samples); err != nil {
		return err
	}
	return errors.Join(steady(samples), b.empty(ctx))
}

// soakRound is one round: all post to devices that are away, and these come and take what waits. Every fourth time
// receipts are signed on the clock, one for whatever has arrived.
func (b *bench) soakRound(ctx context.Context, sign bool) error {
	letters, err := b.org.sealAll(ctx, b.messages, b.body)
	if err != nil {
		return err
	}
	d, err := b.org.expect(letters, sign)
	if err != nil {
		return err
	}
	if _, _, err := b.org.postAll(ctx, b.window, lengths(letters), ready(letters)); err != nil {
		return err
	}
	return b.connected(ctx, b.org.receivers, func(ctx context.Context) error {
		_, err := b.take(ctx, d)
		return err
	})
}

// empty waits until the node's queue holds no body's bytes any more, the receipts' neither.
func (b *bench) empty(ctx context.Context) error {
	timeout, cancel := context.WithTimeout(ctx, 2*tidyTime)
	defer cancel()
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for diskUse(b.dir+"/queue") > 1<<20 {
		select {
		case <-timeout.Done():
			return fmt.Errorf("%d bytes are left in the queue's folder %s after the last acknowledgement", diskUse(b.dir+"/queue"), 2*tidyTime)
		case <-ticker.C:
		}
	}
	return nil
}

// sample reads what the node holds now.
func (b *bench) sample(ctx context.Context) (s sample, err error) {
	used, err := b.node.usage()
	if err != nil {
		return s, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.node.command.Process.Pid))
	if err != nil {
		return s, err
	}
	metrics, err := b.node.scrape(ctx)
	if err != nil {
		return s, err
	}
	s = sample{anonymous: used.anonymous, files: int64(len(files)), disk: diskUse(b.dir)}
	s.heap, s.goroutines = int64(metrics["go_memstats_heap_alloc_bytes"]), int64(metrics["go_goroutines"])
	if s.heap == 0 || s.goroutines == 0 {
		return s, errors.New("the node's metrics say nothing of its heap or its goroutines")
	}
	return s, nil
}

// scrape reads the node's metrics that have no labels.
func (n *node) scrape(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.metrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading the node's metrics: %w", err)
	}
	defer answer.Body.Close()
	values := make(map[string]float64)
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, found := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); found && err == nil {
			values[name] = value
		}
	}
	return values, nil
}

// steady compares the first third of the samples with the last.
func steady(samples []sample) error {
	third := len(samples) / 3
	var errs []error
	for _, g := range flat {
		first, last := median(samples[:third], g.of), median(samples[len(samples)-third:], g.of)
		if bound := first + int64(g.share*float64(first)) + g.more; last > bound {
			errs = append(errs, fmt.Errorf("%s grew from %d to %d, and %d is the most that it may be", g.name, first, last, bound))
		}
	}
	return errors.Join(errs...)
}

func median(samples []sample, of func(sample) int64) int64 {
	values := make([]int64, len(samples))
	for i := range samples {
		values[i] = of(samples[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// printSamples prints a dozen of them, from the first to the last.
func printSamples(w io.Writer, samples []sample) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "seconds\tmessages\tanonymous MiB\theap MiB\tgoroutines\tfiles\tdisk MiB\t")
	const lines = 12
	for line := range min(lines, len(samples)) {
		s := samples[line*(len(samples)-1)/max(1, min(lines, len(samples))-1)]
		fmt.Fprintf(table, "%.0f\t%d\t%s\t%s\t%d\t%d\t%s\t\n", s.at.Seconds(), s.messages,
			figure(mebi(s.anonymous)), figure(mebi(s.heap)), s.goroutines, s.files, figure(mebi(s.disk)))
	}
	return table.Flush()
}
