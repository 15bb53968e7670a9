package replicated

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// lease is whose turn it is to sweep. It saves work and guards nothing: two sweepers at once do no harm. A holder says that it
// is there each time it sweeps; who sees nothing new for leaseTime by their own clock takes it.
type lease struct {
	bucket   jetstream.KeyValue
	name     string // of this process
	revision uint64 // of what was seen last
	seen     time.Time
	held     bool
}

// hold reports whether it is this process's turn.
func (l *lease) hold(ctx context.Context, now time.Time) (bool, error) {
	if l.name == "" {
		token, err := newToken()
		if err != nil {
			return false, err
		}
		l.name = strconv.FormatUint(token, 16)
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	if l.held {
		if revision, err := l.bucket.Update(ctx, keyLease, []byte(l.name), l.revision); err == nil {
			l.revision, l.seen = revision, now
			return true, nil
		}
		l.held = false
	}
	entry, err := l.bucket.Get(ctx, keyLease)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		l.revision, err = l.bucket.Create(ctx, keyLease, []byte(l.name))
		l.held = err == nil
		return l.held, nil //nolint:nilerr // another was faster
	case err != nil:
		return false, err
	case string(entry.Value()) == l.name: // an answer was lost
		l.revision = entry.Revision()
	case entry.Revision() != l.revision:
		l.revision, l.seen = entry.Revision(), now
		return false, nil
	case now.Sub(l.seen) < leaseTime:
		return false, nil
	}
	if revision, err := l.bucket.Update(ctx, keyLease, []byte(l.name), l.revision); err == nil {
		l.revision, l.held = revision, true
	}
	return l.held, nil
}

// leave lets another sweep at once. Who ends while it says that it is there does not know whether that was heard: it asks.
func (l *lease) leave(ctx context.Context) error {
	if l.name == "" {
		return nil
	}
	if l.held {
		l.held = false
		if err := l.bucket.Delete(ctx, keyLease, jetstream.LastRevision(l.revision)); err == nil {
			return nil
		}
	}
	entry, err := l.bucket.Get(ctx, keyLease)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil || string(entry.Value()) != l.name {
		return err
	}
	return l.bucket.Delete(ctx, keyLease, jetstream.LastRevision(entry.Revision()))
}
