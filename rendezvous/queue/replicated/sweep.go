package replicated

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// state is what the sweeper knows of a shard.
type state struct {
	created  [2]time.Time // when the streams of bodies and keys were made
	logBytes uint64
	logFirst uint64
	ends     []end             // of the stream of bodies, a while ago
	purge    end               // up to where the log may go, and since when
	orphans  map[string]uint64 // keys of no record, when they were looked at last
	listed   time.Time         // when that was
}

// end is a sequence and when it was noted.
type end struct {
	seq uint64
	at  time.Time
}

// mostEnds is how many of them are kept: of more than the time that they are needed for.
const mostEnds = 100

// forgetTime is after how long what is dead is forgotten that another process was to remove.
const forgetTime = 5 * time.Minute

// sweepAll looks after the shards until ctx ends: what was lost of them, and, if it is this process's turn, what can go.
func (e *Engine) sweepAll(ctx context.Context) error {
	ticker := time.NewTicker(e.pace.sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
			defer cancel()
			if err := e.lease.leave(last); err != nil {
				e.troubles.warn("giving up the turn to sweep", err)
			}
			return nil
		case <-ticker.C:
		}
		e.sweep(ctx)
	}
}

func (e *Engine) sweep(ctx context.Context) {
	stored := int64(0)
	for _, s := range e.shards {
		bytes, err := s.inspect(ctx)
		if err != nil && ctx.Err() == nil {
			e.troubles.warn("looking at the cluster", err)
			e.health(unavailable("looking at the cluster", err))
			return
		}
		stored += int64(bytes)
	}
	e.mu.Lock()
	e.stored = stored
	e.mu.Unlock()
	turn, err := e.lease.hold(ctx, time.Now())
	if err != nil && ctx.Err() == nil {
		e.troubles.warn("asking whose turn it is to sweep", err)
	}
	for _, s := range e.shards {
		if turn {
			err := errors.Join(s.sweepKeys(ctx), s.sweepOrphans(ctx), s.sweepBodies(ctx), s.sweepSparse(ctx), s.sweepLog(ctx))
			if err != nil && ctx.Err() == nil {
				e.troubles.warn("removing what is done with", err)
			}
		}
		s.forgetDead()
	}
}

// inspect sees whether the streams are still those that the index is of, and returns the bytes of bodies in the cluster.
func (s *shard) inspect(ctx context.Context) (bytes uint64, err error) {
	known := s.known() // before the cluster is asked: it goes on meanwhile
	var infos [3]*jetstream.StreamInfo
	for i, stream := range []jetstream.Stream{s.log, s.bodies, s.keyring} {
		infos[i], err = stream.Info(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			s.engine.log.Error("queue: the cluster has lost a stream; it is made anew", "shard", s.n)
			opening, cancel := context.WithTimeout(ctx, openTime)
			_, err = s.openStreams(opening)
			if cancel(); err == nil { // a stream is known by its name: others go on with what they have
				infos[i], err = stream.Info(ctx)
			}
		}
		if err != nil {
			return 0, unavailable("looking at a stream", err)
		}
	}
	log, bodies, keyring := infos[0], infos[1], infos[2]
	created := [...]time.Time{bodies.Created, keyring.Created}
	fresh := func(i int) bool {
		was := s.state.created[i]
		return !was.IsZero() && !was.Equal(created[i])
	}
	newBodies, newKeys := fresh(0), fresh(1)
	s.state.logBytes, s.state.logFirst = log.State.Bytes, log.State.FirstSeq
	s.state.ends = append(s.state.ends, end{bodies.State.LastSeq, time.Now()})
	s.state.ends = s.state.ends[max(0, len(s.state.ends)-mostEnds):]
	if s.cutOff(log, known) {
		s.engine.log.Error("queue: the log in the cluster is not what it was; it is read anew", "stream", s.logName)
		if err := s.readAnew(ctx); err != nil {
			return 0, err
		}
		return bodies.State.Bytes, nil // what else there is to see is seen the next time
	}
	if err := s.upToDate(ctx); err != nil {
		return 0, err
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	gone := make(map[*item]bool)
	for it := range s.items {
		if !it.lost && (newBodies && it.parts[0].Seq <= bodies.State.LastSeq || it.parts[0].Seq < bodies.State.FirstSeq || newKeys || keyring.State.Msgs == 0) &&
			it.record <= log.State.LastSeq {
			gone[it] = true
		}
	}
	s.engine.loseLocked(gone)
	s.state.created = created // only now: what could not be looked into is looked at again
	return bodies.State.Bytes, nil
}

// cutOff reports whether the log is another one, or lacks records that living items need, or the last ones that were known before the
// servers said how it is. What became known since says nothing of a loss.
func (s *shard) cutOff(info *jetstream.StreamInfo, known uint64) bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	log := info.State
	if !info.Created.Equal(s.made) || log.LastSeq < known {
		return true
	}
	if log.FirstSeq <= 1 || log.LastSeq > s.applied {
		return false
	}
	for it := range s.items {
		if it.record < log.FirstSeq {
			return true
		}
	}
	return false
}

// sweepKeys destroys the keys of bodies that nobody waits for any more. [STO-87]
func (s *shard) sweepKeys(ctx context.Context) error {
	now := time.Now()
	s.engine.mu.Lock()
	var due []*commit
	for _, c := range s.commits {
		if !c.dead.IsZero() && (now.Sub(c.last) > s.engine.pace.keyQuiet || now.Sub(c.dead) > s.engine.pace.keyBusy) {
			due = append(due, c)
		}
	}
	s.engine.mu.Unlock()
	for _, c := range due {
		if err := s.sweepRing(ctx, c); err != nil {
			return unavailable("destroying keys", err)
		}
	}
	return nil
}

// sweepRing destroys what is not needed any more of the keys of one commit.
func (s *shard) sweepRing(ctx context.Context, c *commit) error {
	s.engine.mu.Lock()
	living := make([]uint32, 0, len(c.items))
	for index := range c.items {
		living = append(living, index)
	}
	seen := c.last
	s.engine.mu.Unlock()
	slices.Sort(living)
	subject := s.keySubject(c.token)
	if len(living) == 0 {
		if err := s.keyring.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return err
		}
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		if len(c.items) == 0 {
			delete(s.commits, c.token)
		}
		return nil
	}
	held, err := s.keyring.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) { // lost: whoever reads a body finds out
		err = nil
	} else if err == nil {
		err = s.rewrite(ctx, subject, held, living)
	}
	if err != nil {
		return err
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if c.last.Equal(seen) {
		c.dead = time.Time{}
	}
	return nil
}

// rewrite leaves only some keys, unless others came meanwhile.
func (s *shard) rewrite(ctx context.Context, subject string, held *jetstream.RawStreamMsg, living []uint32) error {
	keyring, err := parseRing(held.Data)
	if err != nil {
		s.engine.damaged(s.keyName, err)
		return nil
	}
	living = slices.DeleteFunc(living, func(i uint32) bool { _, there := keyring[i]; return !there })
	if len(living) == len(keyring) {
		return nil
	}
	m := message(subject, keyring.marshal(living), "")
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(held.Sequence, 10))
	_, err = s.link.publish(ctx, publishTime, m)
	if errors.Is(err, errOrder) {
		return nil
	}
	return err
}

// sweepOrphans destroys keys that belong to no record: their commit broke off, or who was to destroy them ended.
func (s *shard) sweepOrphans(ctx context.Context) error {
	now := time.Now()
	if again := len(s.state.orphans) > 0; again && now.Sub(s.state.listed) < s.engine.pace.listAgain || !again && now.Sub(s.state.listed) < s.engine.pace.list {
		return nil
	}
	info, err := s.keyring.Info(ctx, jetstream.WithSubjectFilter(s.keySubjects()))
	if err != nil {
		return unavailable("listing keys", err)
	}
	s.engine.mu.Lock()
	unknown := make(map[string]uint64)
	for subject, count := range info.State.Subjects {
		token, err := strconv.ParseUint(subject[len(s.keySubjects())-1:], 16, 64)
		if _, known := s.commits[token]; err == nil && !known {
			unknown[subject] = count
		}
	}
	s.engine.mu.Unlock()
	before := s.state.orphans
	s.state.orphans, s.state.listed = unknown, now
	for subject := range unknown {
		if _, twice := before[subject]; !twice {
			continue
		}
		if err := s.keyring.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return unavailable("destroying keys", err)
		}
		delete(s.state.orphans, subject)
	}
	return nil
}

// sweepBodies removes messages with bodies for which nobody waits: those before all that live at once, others one by one.
func (s *shard) sweepBodies(ctx context.Context) error {
	now := time.Now()
	settled := uint64(0) // up to here every body has its record, or never gets one
	for len(s.state.ends) > 0 && now.Sub(s.state.ends[0].at) > s.engine.pace.settle {
		settled = s.state.ends[0].seq
		s.state.ends = s.state.ends[1:]
	}
	s.engine.mu.Lock()
	floor := settled + 1
	var dead []uint64
	for seq, p := range s.packs {
		switch {
		case len(p.items) > 0 || now.Sub(p.dead) < s.engine.pace.bodyQuiet:
			floor = min(floor, seq)
		default:
			dead = append(dead, seq)
		}
	}
	s.engine.mu.Unlock()
	dead = slices.DeleteFunc(dead, func(seq uint64) bool { return seq < floor })
	if floor > 1 && settled > 0 {
		if err := s.bodies.Purge(ctx, jetstream.WithPurgeSequence(floor)); err != nil {
			return unavailable("removing bodies", err)
		}
		s.forgetPacks(func(seq uint64) bool { return seq < floor })
	}
	for chunk := range slices.Chunk(dead, 256) {
		requests := make([]*nats.Msg, len(chunk))
		for i, seq := range chunk {
			requests[i] = nats.NewMsg("$JS.API.STREAM.MSG.DELETE." + s.bodyName)
			requests[i].Data, _ = json.Marshal(map[string]any{"seq": seq, "no_erase": true}) //nolint:errcheck // plain values
		}
		answers, err := s.link.ask(ctx, 2*readTime, requests)
		if err != nil {
			return unavailable("removing bodies", err)
		}
		gone := make(map[uint64]bool)
		for i, seq := range chunk {
			gone[seq] = removed(answers[i])
		}
		s.forgetPacks(func(seq uint64) bool { return gone[seq] })
	}
	return nil
}

// removed reports whether an answer says that a message is not there any more. What could not be asked for is asked for once more.
func removed(answer *nats.Msg) bool {
	var a stored
	if statusOf(answer) != "" || json.Unmarshal(answer.Data, &a) != nil {
		return false
	}
	return a.Error == nil || a.Error.Code < 500 || a.Error.ErrorCode == codeNotDeleted
}

func (s *shard) forgetPacks(which func(seq uint64) bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	for seq, p := range s.packs {
		if len(p.items) == 0 && which(seq) {
			delete(s.packs, seq)
		}
	}
}

// forgetDead forgets what another process was to remove.
func (s *shard) forgetDead() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	for seq, p := range s.packs {
		if len(p.items) == 0 && now.Sub(p.dead) > forgetTime {
			delete(s.packs, seq)
		}
	}
	for token, c := range s.commits {
		if len(c.items) == 0 && now.Sub(c.last) > forgetTime {
			delete(s.commits, token)
		}
	}
}

// sweepSparse copies forward the few that live among bodies of the dead.
func (s *shard) sweepSparse(ctx context.Context) error {
	now := time.Now()
	s.engine.mu.Lock()
	var items []*item
	chosen := make(map[*item]bool)
	bytes := int64(0)
	for _, p := range s.packs {
		if len(p.items) == 0 || p.living*4 > p.bytes || now.Sub(p.since) < s.engine.pace.sparseAge || bytes > moveBytes {
			continue
		}
		for it := range p.items {
			if !chosen[it] {
				chosen[it] = true
				items = append(items, it)
				bytes += int64(it.size)
			}
		}
	}
	s.engine.mu.Unlock()
	if len(items) == 0 {
		return nil
	}
	return s.move(ctx, items)
}

// sweepLog states anew what lives, when the log is mostly of what does not, and removes the rest some time later.
func (s *shard) sweepLog(ctx context.Context) error {
	now := time.Now()
	if p := s.state.purge; p.seq > 0 {
		if now.Sub(p.at) < s.engine.pace.purge {
			return nil
		}
		s.state.purge = end{}
		return unavailable("removing old records", s.log.Purge(ctx, jetstream.WithPurgeSequence(p.seq+1)))
	}
	s.engine.mu.Lock()
	living := uint64(0)
	for it := range s.items {
		living += noteBytes + entryBytes*uint64(it.entries)
	}
	s.engine.mu.Unlock()
	if s.state.logBytes < 2*living+s.engine.pace.compact {
		return nil
	}
	s.engine.mu.Lock()
	floor := s.applied + 1
	s.engine.mu.Unlock()
	if err := s.compact(ctx); err != nil {
		return err
	}
	s.engine.mu.Lock()
	for it := range s.items {
		floor = min(floor, it.record)
	}
	s.engine.mu.Unlock()
	if floor-1 > s.state.logFirst {
		s.state.purge = end{floor - 1, now}
	}
	return nil
}
