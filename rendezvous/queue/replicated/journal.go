package replicated

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/kv"
	"muster.example/rendezvous/queue"
)

// Journal is the changes of the store that the processes of one node share, in a stream: a change goes behind the last that
// its author knew, or nowhere. [STO-90]
type Journal struct {
	link    *link
	name    string
	subject string
	stream  jetstream.Stream
	live    *nats.Subscription
	changed chan struct{}
}

var _ kv.Journal = (*Journal)(nil)

// ErrOtherNode means that the cluster's queue belongs to a node with another key.
var ErrOtherNode = errors.New("the cluster serves another node")

const keyNode = "node"

// Journal opens the journal, made if there is none. node names the key of the node: every process of it has the same.
// Errors: ErrOtherNode, ErrUnavailable.
func (e *Engine) Journal(node string) (kv.Journal, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	entry, err := again(ctx, func(ctx context.Context) (jetstream.KeyValueEntry, error) {
		_, err := e.lease.bucket.Create(ctx, keyNode, []byte(node))
		if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			return nil, err
		}
		return e.lease.bucket.Get(ctx, keyNode)
	})
	if err != nil {
		return nil, clusterError("asking whose the queue is", err)
	}
	if held := string(entry.Value()); held != node {
		return nil, fmt.Errorf("%w: %s, and this is %s: every process needs the same identity file in its folder, or its own prefix", ErrOtherNode, held, node)
	}
	j := &Journal{link: e.link, name: e.opt.Prefix + "-state", subject: e.opt.Prefix + ".state", changed: make(chan struct{}, 1)}
	live := e.opt.Prefix + ".changed"
	j.stream, err = again(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		return e.link.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: j.name, Subjects: []string{j.subject}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
			Discard: jetstream.DiscardNew, Replicas: e.replicas(), AllowDirect: true, Duplicates: 2 * time.Minute,
			RePublish: &jetstream.RePublish{Source: j.subject, Destination: live, HeadersOnly: true},
		})
	})
	if err != nil {
		return nil, clusterError("opening the shared store", err)
	}
	j.live, err = e.link.nc.Subscribe(live, func(*nats.Msg) { poke(j.changed) })
	if err != nil {
		return nil, unavailable("subscribing to the shared store", err)
	}
	return j, nil
}

// Forget removes the journal and whose it was: what it said counts no more.
func (e *Engine) Forget(ctx context.Context) error {
	_, err := again(ctx, func(ctx context.Context) (struct{}, error) {
		err := e.link.js.DeleteStream(ctx, e.opt.Prefix+"-state")
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = nil
		}
		return struct{}{}, err
	})
	if err == nil {
		err = e.lease.bucket.Delete(ctx, keyNode)
	}
	return unavailable("removing the shared store", err)
}

// Changed implements kv.Journal.
func (j *Journal) Changed() <-chan struct{} { return j.changed }

// Append implements kv.Journal. An answer that is lost is asked for again under the same id, so that a change is there once.
func (j *Journal) Append(after uint64, change []byte) error {
	id, err := newToken()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	for {
		m := message(j.subject, change, strconv.FormatUint(id, 16))
		m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(after, 10))
		_, err := j.link.publish(ctx, publishTime, m)
		switch {
		case errors.Is(err, errOrder):
			return kv.ErrBehind
		case errors.Is(err, queue.ErrFull):
			return fmt.Errorf("%w: %w", kv.ErrFull, err)
		case err == nil || !errors.Is(err, queue.ErrUnavailable) || pause(ctx, retryPause) != nil:
			return err
		}
	}
}

// Since implements kv.Journal.
func (j *Journal) Since(after uint64) (changes [][]byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	page, err := j.link.page(ctx, j.name, after+1)
	for i, m := range page {
		if m.seq != after+1+uint64(i) {
			return nil, fmt.Errorf("%w: change %d is not there any more", kv.ErrBehind, after+1+uint64(i))
		}
		changes = append(changes, m.data)
	}
	if len(changes) > 0 {
		err = nil
	}
	if err == nil && len(changes) == 0 {
		return j.fromLeader(ctx, after)
	}
	return changes, err
}

// fromLeader asks for the next change where one that is there is known.
func (j *Journal) fromLeader(ctx context.Context, after uint64) ([][]byte, error) {
	data, err := j.link.readFromLeader(ctx, wanted{stream: j.name, seq: after + 1})
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return [][]byte{data}, nil
}

// End implements kv.Journal.
func (j *Journal) End() (uint64, error) {
	state, err := j.state()
	return state.LastSeq, err
}

// Begin implements kv.Journal.
func (j *Journal) Begin() (uint64, error) {
	state, err := j.state()
	return max(state.FirstSeq, 1) - 1, err
}

// Size implements kv.Journal.
func (j *Journal) Size() (uint64, error) {
	state, err := j.state()
	return state.Bytes, err
}

func (j *Journal) state() (jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	info, err := again(ctx, func(ctx context.Context) (*jetstream.StreamInfo, error) { return j.stream.Info(ctx) })
	if err != nil {
		return jetstream.StreamState{}, clusterError("looking at the shared store", err)
	}
	return info.State, nil
}

// Remove implements kv.Journal.
func (j *Journal) Remove(upTo uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	return unavailable("shortening the shared store", j.stream.Purge(ctx, jetstream.WithPurgeSequence(upTo+1)))
}
