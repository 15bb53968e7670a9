package main

import (
	"context"
	"fmt"
	"time"

	"muster.example/internal/task"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// supply gives a sender's i-th message when it is due; it may seal it then.
type supply func(ctx context.Context, sender, i int) (letter, error)

// ready is a supply of messages that were sealed before.
func ready(all [][]letter) supply {
	return func(_ context.Context, sender, i int) (letter, error) { return all[sender][i], nil }
}

// postAll has every sender post its share of messages, window of them on their way at once, and returns how long
// that took and how long each answer did. It is an error if a single one is not accepted. The senders are connected
// before the clock starts.
func (o *org) postAll(ctx context.Context, window int, shares []int, from supply) (took time.Duration, answers []time.Duration, err error) {
	streams := make([]*rvclient.PostStream, len(o.senders))
	life, end := context.WithCancel(ctx)
	defer end()
	err = each(ctx, o.senders, func(_ context.Context, s int, d *device) (err error) {
		if shares[s] == 0 {
			return nil
		}
		streams[s], err = d.client.OpenPost(life)
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("opening post streams: %w", err)
	}
	all := make([][]time.Duration, len(o.senders))
	group := task.New(ctx)
	start := time.Now()
	for s := range o.senders {
		if shares[s] == 0 {
			continue
		}
		w := &writer{stream: streams[s], sender: s, count: shares[s],
			window: make(chan struct{}, window)}
		w.sent, w.letters = make([]time.Time, w.count), make([]letter, w.count)
		group.Go("post", func(ctx context.Context) error { return w.post(ctx, from) })
		group.Go("answer", func(context.Context) (err error) {
			all[s], err = w.hear()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, nil, err
	}
	took = time.Since(start)
	for _, part := range all {
		answers = append(answers, part...)
	}
	return took, answers, nil
}

// writer is one sender at work. Its two halves share sent and letters: what one of them writes about a message before it
// posts it, the other reads after its answer.
type writer struct {
	stream        *rvclient.PostStream
	sender, count int
	window        chan struct{} // a token for each post without an answer
	sent          []time.Time
	letters       []letter
}

// post keeps the window full. What there is room for goes out together.
func (w *writer) post(ctx context.Context, from supply) error {
	batch := make([]rvproto.PostFrame, 0, cap(w.window))
	for i := 0; i < w.count; {
		select {
		case w.window <- struct{}{}:
		case <-ctx.Done():
			w.stream.Close()
			return ctx.Err()
		}
		batch = batch[:0]
		for more := true; more; {
			sealed, err := from(ctx, w.sender, i)
			if err != nil {
				return err
			}
			w.letters[i], w.sent[i] = sealed, time.Now()
			batch = append(batch, sealed.PostFrame)
			i++
			more = i < w.count && w.more()
		}
		if err := w.stream.Send(batch); err != nil {
			return err
		}
	}
	return nil
}

// more takes another token if there is one.
func (w *writer) more() bool {
	select {
	case w.window <- struct{}{}:
		return true
	default:
		return false
	}
}

// hear takes the answers and returns how long each took.
func (w *writer) hear() ([]time.Duration, error) {
	times := make([]time.Duration, 0, w.count)
	for i := range w.count {
		answer, err := w.stream.Answer()
		if err != nil {
			return nil, err
		}
		times = append(times, time.Since(w.sent[i]))
		if answer.Status != 0 || len(answer.Refused) > 0 {
			return nil, fmt.Errorf("message %d of sender %d was not accepted: %w, %d recipients refused",
				i, w.sender, answer.Status, len(answer.Refused))
		}
		if answer.ID != w.letters[i].id {
			return nil, fmt.Errorf("message %d of sender %d was answered under another id", i, w.sender)
		}
		<-w.window
	}
	w.stream.Close()
	return times, nil
}
