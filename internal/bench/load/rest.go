package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"muster.example/internal/task"
)

// rest measures what devices cost that are there and have nothing to do: all connect, with both long-lived streams, as a device
// that is on does.
func (b *bench) rest(ctx context.Context) error {
	if err := b.restart(ctx); err != nil {
		return err
	}
	devices := append(b.org.senders[:len(b.org.senders):len(b.org.senders)], b.org.receivers...)
	if err := sleep(ctx, b.restTime); err != nil { // if it is long, the node has given memory back that the start took
		return err
	}
	if err := b.noteMemory(ctx, fmt.Sprintf("started with %d members, none there", 1+len(devices))); err != nil {
		return err
	}
	before, err := b.node.usage()
	if err != nil {
		return err
	}
	return b.connected(ctx, devices, func(ctx context.Context) (err error) {
		group := task.New(ctx)
		defer func() {
			group.Stop()
			err = errors.Join(err, group.Wait())
		}()
		err = each(ctx, devices, func(_ context.Context, _ int, d *device) error {
			posts, err := d.client.OpenPost(group.Context()) // the streams live as long as the rest
			if err != nil {
				return err
			}
			deliveries, err := d.client.OpenDeliver(group.Context())
			if err != nil {
				posts.Close()
				return err
			}
			group.Go("rest", func(ctx context.Context) error {
				defer posts.Close()
				defer deliveries.Close()
				for {
					if _, err := deliveries.Next(); err != nil {
						if ctx.Err() != nil {
							return nil
						}
						return err
					}
				}
			})
			return nil
		})
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		return b.noteRest(ctx, len(devices), before)
	})
}

// noteRest reads memory, processor and traffic over a time in which nothing happens.
func (b *bench) noteRest(ctx context.Context, count int, before usage) error {
	if err := b.noteMemory(ctx, fmt.Sprintf("%d devices just connected", count)); err != nil {
		return err
	}
	begun, err := b.node.usage()
	if err != nil {
		return err
	}
	carried, start := loopback(), time.Now()
	if err := sleep(ctx, b.restTime); err != nil {
		return err
	}
	took := time.Since(start)
	after, err := b.node.usage()
	if err != nil {
		return err
	}
	b.report.memory(fmt.Sprintf("%d devices connected, quiet for %s", count, b.restTime), after.resident, after.anonymous)
	b.report.notes = append(b.report.notes, fmt.Sprintf(
		"A connected device that rests: %.1f KiB of memory (%.1f just connected), %.2f MiB a day over loopback, both ways, and %.2f s of processor a day.",
		float64(after.resident-before.resident)/1024/float64(count), float64(begun.resident-before.resident)/1024/float64(count),
		mebi(loopback()-carried)/float64(count)*float64(24*time.Hour)/float64(took),
		(after.cpu-begun.cpu).Seconds()/float64(count)*float64(24*time.Hour)/float64(took)))
	return nil
}

// loopback returns how many bytes have gone over the loopback device, without its Ethernet headers. They are the load's alone in a
// network namespace of its own.
func loopback() int64 {
	data, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); strings.TrimSpace(name) == "lo" && len(fields) > 1 {
			bytes, _ := strconv.ParseInt(fields[0], 10, 64)
			packets, _ := strconv.ParseInt(fields[1], 10, 64)
			return bytes - 14*packets
		}
	}
	return 0
}
