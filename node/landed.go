package node

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/kv"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/landing"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

const (
	// atOnce is how many records of an exchange, the newest, are taken in as they come; what comes behind them is landed.
	atOnce = 1024
	// landedRoom is how much room the volume must have for anything to be landed: what is landed is still to be stored.
	landedRoom = 1 << 30
	// quietTime is how long nothing must have been landed for the rest to be taken in, and busyTime how long that waits at most: a
	// fast link goes first, and the newest appear all the same.
	quietTime = 20 * time.Millisecond
	busyTime  = 400 * time.Millisecond
	// landedPause is how long taking in rests after it failed.
	landedPause = time.Minute
	// calledAgain is how often siblings are called because the landing is empty, though nothing of it counted.
	calledAgain = time.Hour
	// checkedAtOnce is how many records one goroutine checks.
	checkedAtOnce = 64
)

// inExchange returns the history as one exchange sees it.
func (o *organization) inExchange() siblingHistory {
	left := new(atomic.Int64)
	left.Store(atOnce)
	return siblingHistory{o: o, left: left}
}

// divide says of which items records are, which of them are to be taken in now, and which landed: small exchanges, the newest records
// of a long one, and what a person needs to be met at all are taken in now.
func (h siblingHistory) divide(records [][]byte) (items []reconcile.Item, now [][]byte, later landing.Batch, err error) {
	items = make([]reconcile.Item, len(records))
	for i, data := range records {
		outline, err := history.ReadOutline(data)
		if err != nil {
			return nil, nil, later, err
		}
		items[i] = reconcile.Item{Time: uint64(outline.Wall), ID: outline.ID}
		if h.left == nil || h.left.Add(-1) >= 0 || !bulky(outline.Kind) {
			now = append(now, data)
			continue
		}
		later.Items, later.Records = append(later.Items, items[i]), append(later.Records, data)
	}
	return items, now, later, nil
}

// bulky reports whether there may be very many records of a kind. Who may write to this account, and what it chose, is known first.
func bulky(kind history.RecordKind) bool {
	return kind != history.RecordContact && kind != history.RecordVerify && kind != history.RecordSetting
}

// land puts records aside. Who brings more than may lie there takes in what has lain there longest first; where the volume has little
// room nothing is put aside. [SYNC-13]
func (o *organization) land(ctx context.Context, b landing.Batch) error {
	if free, err := kv.Free(o.node.config.Dir); err == nil && free < landedRoom {
		return o.takeLanded(ctx, b.Records)
	}
	for o.landing.State().Bytes >= landing.Most && ctx.Err() == nil {
		if more, err := o.takeInFirst(ctx); err != nil || !more {
			return err
		}
	}
	for start := 0; start < len(b.Records); start += landing.MaxRecords {
		end := min(start+landing.MaxRecords, len(b.Records))
		if err := o.landing.Put(b.Items[start:end], b.Records[start:end]); err != nil {
			return err
		}
	}
	wake(o.wakeLanding)
	return nil
}

// keepTakingIn takes in what was landed, until ctx ends.
func (o *organization) keepTakingIn(ctx context.Context) error {
	var called time.Time
	for {
		before := o.inflow.total.Load()
		some, err := o.takeInAll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if some && (o.inflow.total.Load() > before || time.Since(called) >= calledAgain) {
			called = time.Now()
			wake(o.wakeSiblings) // for the files of what came, and for what was refused if another has it too
		}
		var pause <-chan time.Time
		if err != nil {
			o.log.Error("taking in what other devices of the account gave", "error", err)
			pause = time.After(landedPause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeLanding:
		case <-pause:
		}
	}
}

// takeInAll takes in what was landed until nothing is left, and reports whether there was anything.
func (o *organization) takeInAll(ctx context.Context) (some bool, err error) {
	for more := true; more && err == nil; {
		if err := o.awaitQuiet(ctx); err != nil {
			return some, err
		}
		more, err = o.takeInFirst(ctx)
		some = some || more
	}
	if some {
		o.mu.Lock()
		o.tellHistoryLocked()
		o.mu.Unlock()
	}
	return some, err
}

// awaitQuiet waits until no link brings more, but not for long.
func (o *organization) awaitQuiet(ctx context.Context) error {
	for waited := time.Duration(0); waited < busyTime && time.Since(o.landing.State().Put) < quietTime; waited += quietTime {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietTime):
		}
	}
	return ctx.Err()
}

// takeInFirst takes in the batch that has lain here longest, and reports whether there was one. Taken in twice it adds nothing, so a
// crash before it is removed does no harm.
func (o *organization) takeInFirst(ctx context.Context) (bool, error) {
	o.takingIn.Lock()
	defer o.takingIn.Unlock()
	batch, err := o.landing.First()
	if err != nil || batch == nil {
		return false, err
	}
	if batch.Records == nil {
		o.log.Warn("records that were landed cannot be read; they will be fetched again", "records", len(batch.Items))
	}
	if err := o.takeLanded(ctx, batch.Records); err != nil {
		return false, err
	}
	return true, o.landing.Done(batch)
}

// takeLanded takes in records of which the outline alone was read.
func (o *organization) takeLanded(ctx context.Context, records [][]byte) error {
	all := make([]history.Record, 0, len(records))
	for _, data := range records {
		r, err := history.DecodeRecord(data)
		if err != nil {
			o.log.Warn("what another device of the account gave was refused", "error", err)
			continue
		}
		all = append(all, r)
	}
	return o.takeRecords(ctx, all)
}

// checkAll checks records on all processors. [HIST-25]
func (o *organization) checkAll(ctx context.Context, all []history.Record) []checked {
	done := make([]checked, len(all))
	group := task.New(ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), (len(all)+checkedAtOnce-1)/checkedAtOnce) {
		group.Go("check", func(context.Context) error {
			for {
				start := int(next.Add(checkedAtOnce)) - checkedAtOnce
				if start >= len(all) {
					return nil
				}
				for i := start; i < min(start+checkedAtOnce, len(all)); i++ {
					done[i] = o.check(all[i])
				}
			}
		})
	}
	_ = group.Wait() // none fails
	return done
}

// inflow is how fast records are taken in.
type inflow struct {
	total atomic.Uint64 // since the node was started

	mu    sync.Mutex // guards the following
	begun time.Time
	last  time.Time
	count uint64 // since begun
}

// inflowPause ends a time over which the rate is taken.
const inflowPause = 10 * time.Second

func (f *inflow) note(records int) {
	f.total.Add(uint64(records))
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.last) > inflowPause {
		f.begun, f.count = now, 0
	} else {
		f.count += uint64(records)
	}
	f.last = now
}

// perSecond returns how many records a second are taken in now; 0: that is not known.
func (f *inflow) perSecond(now time.Time) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if took := f.last.Sub(f.begun).Seconds(); took > 0 && now.Sub(f.last) <= inflowPause {
		return float64(f.count) / took
	}
	return 0
}

// describeLanded adds to what is said of another device's history how much lies here that was not taken in.
func (o *organization) describeLanded(h *api.DeviceHistory, now time.Time) {
	h.Waiting = o.landing.State().Records
	if h.Waiting == 0 {
		return
	}
	if h.InPerSec = o.inflow.perSecond(now); h.InPerSec > 0 {
		h.InLeft = int64(math.Ceil(float64(h.Waiting) / h.InPerSec))
	}
}
