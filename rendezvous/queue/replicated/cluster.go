package replicated

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/rendezvous/queue"
)

// connect connects to one of the servers. The connection heals by itself; what is sent meanwhile fails.
func connect(opt Options, log *slog.Logger) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("muster-rendezvous"), nats.Timeout(readTime), nats.MaxReconnects(-1), nats.ReconnectWait(4 * retryPause),
		nats.ReconnectBufSize(-1), nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2), nats.NoEcho(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("queue: the cluster's connection", "error", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when it was closed here
				log.Warn("queue: the cluster's connection is lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("queue: connected to the cluster again", "server", nc.ConnectedServerName())
		}),
	}
	if opt.Credentials != nil {
		more, err := opt.Credentials.Options()
		if err != nil {
			return nil, err
		}
		options = append(options, more...)
	}
	servers := make([]string, len(opt.Servers))
	for i, server := range opt.Servers {
		servers[i] = "nats://" + server
	}
	nc, err := nats.Connect(strings.Join(servers, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("%w: connecting to %s: %w", queue.ErrUnavailable, strings.Join(opt.Servers, ", "), err)
	}
	if most := nc.MaxPayload(); most < MinPayload {
		nc.Close()
		return nil, fmt.Errorf("the cluster takes messages of at most %d bytes: set max_payload to %d or more on each server", most, MinPayload)
	}
	return nc, nil
}

// Options returns how a connection is authenticated both ways.
func (c *Credentials) Options() ([]nats.Option, error) {
	option := nats.Nkey(c.public, c.sign)
	if c.roots == nil {
		return []nats.Option{option}, nil
	}
	return []nats.Option{option, nats.Secure(&tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: c.roots, Certificates: []tls.Certificate{c.certificate},
	})}, nil
}

// The keys of the bucket beside the shards.
const (
	keyShards = "shards"
	keyLease  = "sweeper"
)

// replicas returns on how many servers everything lies.
func (e *Engine) replicas() int {
	if e.link.nc.ConnectedClusterName() == "" {
		return 1
	}
	return 3
}

// prepare opens the bucket of the queue, made if there is none, and returns in how many shards it lies.
func (e *Engine) prepare(ctx context.Context) (shards int, err error) {
	bucket, err := again(ctx, func(ctx context.Context) (jetstream.KeyValue, error) {
		kv, err := e.link.js.KeyValue(ctx, e.opt.Prefix+"-queue")
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			kv, err = e.link.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
				Bucket: e.opt.Prefix + "-queue", Storage: jetstream.FileStorage, Replicas: e.replicas(), History: 1,
				Description: "in how many logs the queue lies, and who sweeps it",
			})
		}
		return kv, err
	})
	if err != nil {
		return 0, clusterError("opening the queue's bucket", err)
	}
	e.lease = &lease{bucket: bucket}
	entry, err := again(ctx, func(ctx context.Context) (jetstream.KeyValueEntry, error) {
		entry, err := bucket.Get(ctx, keyShards)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			if _, err = bucket.Create(ctx, keyShards, []byte(strconv.Itoa(e.opt.Shards))); err == nil || errors.Is(err, jetstream.ErrKeyExists) {
				entry, err = bucket.Get(ctx, keyShards)
			}
		}
		return entry, err
	})
	if err != nil {
		return 0, clusterError("reading in how many logs the queue lies", err)
	}
	shards, err = strconv.Atoi(string(entry.Value()))
	if err != nil || shards < 1 || shards > maxShards {
		return 0, fmt.Errorf("%w: the cluster's queue has %q shards", queue.ErrFormat, entry.Value())
	}
	return shards, nil
}

// openStreams opens the three streams of a shard (log, bodies, keys), made if they are missing. [STO-81]
func (s *shard) openStreams(ctx context.Context) (opened [3]jetstream.Stream, err error) {
	replicas := s.engine.replicas()
	for i, config := range [...]jetstream.StreamConfig{
		{
			Name: s.logName, Subjects: []string{s.logSubject()}, Storage: jetstream.FileStorage,
			Discard:   jetstream.DiscardNew,
			RePublish: &jetstream.RePublish{Source: s.logSubject(), Destination: s.liveSubject()},
		},
		{
			Name: s.bodyName, Subjects: []string{s.bodySubject()}, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: s.most,
		},
		{
			Name: s.keyName, Subjects: []string{s.keySubjects()}, Storage: jetstream.MemoryStorage, MaxMsgsPerSubject: 1,
		},
	} {
		config.Retention, config.Replicas, config.AllowDirect, config.Duplicates = jetstream.LimitsPolicy, replicas, true, 2*time.Minute
		if opened[i], err = again(ctx, func(ctx context.Context) (jetstream.Stream, error) {
			return s.link.js.CreateOrUpdateStream(ctx, config)
		}); err != nil {
			return opened, clusterError("opening the stream "+config.Name, err)
		}
	}
	return opened, nil
}

// again tries what the cluster may do in a moment, while it has no leader, say.
func again[T any](ctx context.Context, try func(ctx context.Context) (T, error)) (T, error) {
	for {
		attempt, cancel := context.WithTimeout(ctx, readTime)
		result, err := try(attempt)
		cancel()
		var api *jetstream.APIError
		if err == nil || errors.As(err, &api) && (api.Code < 500 || errors.Is(answered(api), queue.ErrFull)) {
			return result, err
		}
		if pause(ctx, 4*retryPause) != nil {
			return result, err
		}
	}
}

// clusterError says what is wrong with the cluster.
func clusterError(doing string, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && errors.Is(answered(api), queue.ErrFull) {
		return fmt.Errorf("%s: the servers have less room than the queue is to take: raise max_file_store and max_memory_store, or take less with --room: %w",
			doing, answered(api))
	}
	if api != nil && api.Code < 500 {
		return fmt.Errorf("%s: the cluster says: %s (%d)", doing, api.Description, api.ErrorCode)
	}
	return fmt.Errorf("%w: %s: %w", queue.ErrUnavailable, doing, err)
}
