package node

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/exchange"
)

// Sibling protocol and times. A sibling is another device of the same account in the same organization.
const (
	protocolSync protocol.ID = "/muster/sync/1" // [SYNC-10]
	// gatherTime is how long records gather before siblings are called for them.
	gatherTime = 2 * time.Second
	// thoroughTime is after how long everything is compared though the digests are equal. [SYNC-8]
	thoroughTime = 24 * time.Hour
	// againTime is after how long a sibling is called though nothing happened here: something may have happened there while
	// neither could call.
	againTime = 6 * time.Hour
	// lookBack is how far before the last moment at which a sibling had the same records as this device a difference is looked
	// for first: clocks differ.
	lookBack = 48 * time.Hour
	// lingerTime is how long a connection to a sibling stays without an exchange.
	lingerTime = 2 * time.Minute
	// newTime is how long a device is new, and meetTime how long it waits for another one before it takes what is for it.
	newTime  = time.Hour
	meetTime = 8 * time.Second
	// mostAnswers is how many exchanges that one sibling began go on at once: one, and what a lost connection has left of another.
	mostAnswers = 2
	// retryTime is after how long a sibling that could not be called, or with which an exchange broke off, is called again. It
	// doubles up to longestRetry.
	retryTime    = 5 * time.Second
	longestRetry = time.Hour
	// placeTime is after how long a place at the relay is asked for again if it was not given.
	placeTime = 5 * time.Minute
	// currentTime is how long a device that starts waits for the newest roll before it meets siblings without it.
	currentTime = 10 * time.Second
)

// meeting is what is known of a sibling since the node was started.
type meeting struct {
	calling  bool
	retrying bool      // it is called again after a while
	answers  int       // streams of its that are being answered
	used     time.Time // when an exchange ended last
	equal    time.Time // when both had the same records last; zero: never
	thorough time.Time // when all records were compared last
	began    time.Time // when the exchange that goes on, or was last, found out what is missing
	progress exchange.Progress
	path     api.Path                // of the last exchange
	futile   time.Time               // when it was last waited in vain for a direct path
	opened   chan struct{}           // capacity 1: a direct path has opened
	move     context.CancelCauseFunc // breaks off the exchange that goes on through the relay; nil: there is none
}

// siblingMeetings keeps the history of the account's devices in step for as long as the host lives, with or without a connection to
// the rendezvous node.
type siblingMeetings struct {
	o       *organization
	host    host.Host     // set before anything else runs
	current chan struct{} // closed once the newest roll is here, or a session has begun
	once    sync.Once     // closes current
	now     chan struct{} // capacity 1: there is somebody to call at once

	mu       sync.Mutex     // guards the following
	relay    keys.PublicKey // zero while there is none
	meetings map[keys.PublicKey]*meeting
}

func newSiblingMeetings(o *organization) *siblingMeetings {
	return &siblingMeetings{
		o: o, current: make(chan struct{}), now: make(chan struct{}, 1), meetings: make(map[keys.PublicKey]*meeting),
	}
}

// run meets siblings until the context ends. Who is barred may be on a roll that is not here yet: so it waits for that at first, if
// it can be had at once.
func (s *siblingMeetings) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.current:
	case <-time.After(currentTime):
	}
	defer p2p.Handle(ctx, s.host, protocolSync, s.answer)()
	defer p2p.Serve(ctx, s.host, protocolKnown, p2p.ServeLimits{Request: maxKnown, Time: knownTime}, s.answerKnown)()
	notifiee := &network.NotifyBundle{ConnectedF: s.connected}
	s.host.Network().Notify(notifiee)
	defer s.host.Network().StopNotify(notifiee)
	group := task.New(ctx)
	group.Go("calls", func(ctx context.Context) error { return s.keepCalling(ctx, group) })
	return group.Wait()
}

// keepCalling calls every sibling, each in a goroutine of the group: when a way to some may have opened, when there is something that
// they lack, and from time to time.
func (s *siblingMeetings) keepCalling(ctx context.Context, group *task.Group) error {
	again, idle := time.NewTicker(jitter(againTime)), time.NewTicker(lingerTime)
	defer again.Stop()
	defer idle.Stop()
	for {
		for _, device := range s.o.siblingsNow() {
			group.Go("sibling "+device.Short(), func(ctx context.Context) error { s.meetAtLast(ctx, device); return nil })
		}
		for call := false; !call; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case now := <-idle.C:
				s.hangUp(now)
			case <-again.C:
				call = true
			case <-s.now:
				call = true
			case <-s.o.wakeSiblings:
				select { // more may follow at once
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(jitter(gatherTime)):
				}
				call = true
			}
		}
	}
}

// keepRelay has siblings meet through the rendezvous node too, for as long as a session with it lasts. That they cannot is no end of
// the session.
func (s *siblingMeetings) keepRelay(ctx context.Context, node store.Node) error {
	s.setRelay(node.Key)
	s.o.gate.observer.Store(&node)
	defer func() {
		s.o.gate.observer.Store(nil)
		s.setRelay(keys.PublicKey{})
	}()
	s.once.Do(func() { close(s.current) })
	wake(s.now)
	return s.keepPlace(ctx, node.Key)
}

// takeHost says by which host siblings are met. It comes before run.
func (s *siblingMeetings) takeHost(local host.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host = local
}

func (s *siblingMeetings) setRelay(relay keys.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relay = relay
}

func (s *siblingMeetings) relayNow() keys.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.relay
}

// keepPlace keeps a place at the relay, if there is anybody who could call: another device of the account, or a device of a member who has
// leave to write to this account, and lets it.
func (s *siblingMeetings) keepPlace(ctx context.Context, relay keys.PublicKey) error {
	for {
		wait := placeTime
		if len(s.o.siblingsNow()) > 0 || s.o.gate.afar() {
			asking, cancel := context.WithTimeout(ctx, dialTimeout)
			until, err := p2p.WaitAt(asking, s.host, relay)
			cancel()
			if err == nil {
				wait = max(time.Until(until)/2, time.Minute)
			} else if ctx.Err() == nil {
				s.o.log.Info("no place at the relay for other devices", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.o.wakePlace:
		case <-time.After(wait):
		}
	}
}

// meetAtLast calls a sibling, and ever more seldom again while that fails: one that starts calls itself, but it may have tried when this
// device could not be called, and a link that broke comes back without a word.
func (s *siblingMeetings) meetAtLast(ctx context.Context, device keys.PublicKey) {
	if s.meet(ctx, device) || !s.retry(device, true) {
		return
	}
	defer s.retry(device, false)
	for pause := retryTime; s.o.gate.isSibling(device); pause = min(2*pause, longestRetry) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(jitter(pause)):
		}
		if s.meet(ctx, device) {
			return
		}
	}
}

// retry notes that a sibling is called again after a while, or is not any more, and reports whether that is new.
func (s *siblingMeetings) retry(device keys.PublicKey, retrying bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(device)
	changed := m.retrying != retrying
	m.retrying = retrying
	return changed
}

// meet calls a sibling and brings the two histories in step. One that is away costs one question to the relay. It reports whether
// they met, or are meeting.
func (s *siblingMeetings) meet(ctx context.Context, device keys.PublicKey) bool {
	options, ok := s.begin(device)
	if !ok {
		return true
	}
	done, err := s.exchange(ctx, device, options)
	s.end(device, options, done, err)
	if err == nil {
		s.tell(device, done)
	}
	switch {
	case errors.Is(err, errMoved):
		return s.meet(ctx, device)
	case errors.Is(err, p2p.ErrNotThere):
	case err != nil && ctx.Err() == nil:
		s.o.log.Info("an exchange with another device of the account broke off", "device", device.Short(), "error", err,
			"taken", done.Taken, "given", done.Given)
	case done.Found:
		s.o.log.Info("in step with another device of the account", "device", device.Short(), "taken", done.Taken, "given", done.Given,
			"bytes", done.Sent+done.Received, "equal", done.Equal)
	}
	if err == nil && !done.Equal && options.Since > 0 { // what differs is older
		return s.meet(ctx, device)
	}
	return err == nil
}

// errNoSibling means that a device is none of the account that may act.
var errNoSibling = errors.New("it is no device of the account")

// begin notes that a sibling is being called, unless it is already or is none any more, and says what is to be compared.
func (s *siblingMeetings) begin(device keys.PublicKey) (o exchange.Options, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.o.gate.isSibling(device) {
		return o, false
	}
	m := s.meetingLocked(device)
	if m.calling {
		wake(s.o.wakeSiblings) // what is new may have come too late for it
		return o, false
	}
	m.calling = true
	o.Thorough = time.Since(m.thorough) >= thoroughTime
	if !m.equal.IsZero() && !o.Thorough {
		o.Since = uint64(max(0, m.equal.Add(-lookBack).UnixMilli()))
	}
	return o, true
}

// meetingLocked returns what is known of a sibling. Callers hold mu.
func (s *siblingMeetings) meetingLocked(device keys.PublicKey) *meeting {
	m := s.meetings[device]
	if m == nil {
		m = &meeting{opened: make(chan struct{}, 1)}
		s.meetings[device] = m
	}
	return m
}

// report notes how far an exchange has come.
func (s *siblingMeetings) report(device keys.PublicKey, now exchange.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(device)
	if now.Taken == 0 {
		m.began = time.Now()
	}
	m.progress = now
}

// describe says how the history of a sibling and the own one came in step, nil if they never met.
func (s *siblingMeetings) describe(device keys.PublicKey, now time.Time) *api.DeviceHistory {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[device]
	if m == nil {
		return nil
	}
	h := &api.DeviceHistory{
		Calling: m.calling, Missing: m.progress.Missing, Taken: m.progress.Taken, Given: m.progress.Given, Pieces: m.progress.Pieces,
	}
	if !m.equal.IsZero() {
		h.Equal = m.equal.UTC()
	}
	if took := now.Sub(m.began).Seconds(); m.calling && m.progress.Taken > 0 && took > 0 {
		h.PerSec = float64(m.progress.Taken) / took
		h.Left = int64(math.Ceil(float64(m.progress.Missing-min(m.progress.Taken, m.progress.Missing)) / h.PerSec))
	}
	return h
}

// hangUp ends the connections to siblings on which nothing has happened for a while: each costs bytes to keep.
func (s *siblingMeetings) hangUp(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for device, m := range s.meetings {
		if !m.calling && m.answers == 0 && now.Sub(m.used) >= lingerTime {
			_ = s.host.Network().ClosePeer(p2p.PeerID(device))
		}
	}
}

// end notes what came of a call. The list of devices says whether histories are the same, also if nothing came.
func (s *siblingMeetings) end(device keys.PublicKey, o exchange.Options, done exchange.Progress, err error) {
	if s.note(device, o, done, err) {
		s.o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: s.o.now().UTC(), Org: s.o.org.String()})
	}
}

// note notes what came of a call, and reports whether the histories are the same now and were not known to be.
func (s *siblingMeetings) note(device keys.PublicKey, o exchange.Options, done exchange.Progress, err error) (same bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[device]
	m.calling, m.used = false, time.Now()
	if err == nil || done.Found {
		m.progress = done
	}
	switch {
	case err != nil:
	case done.Equal:
		same = m.equal.IsZero()
		m.equal = s.o.now()
		if done.Found && o.Since == 0 {
			m.thorough = time.Now()
		}
	case o.Since > 0:
		m.equal = time.Time{}
	}
	return same
}

func (s *siblingMeetings) exchange(ctx context.Context, device keys.PublicKey, o exchange.Options) (exchange.Progress, error) {
	calling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := s.reach(calling, device); err != nil {
		return exchange.Progress{}, err
	}
	if err := s.compareKnown(calling, device); err != nil {
		return exchange.Progress{}, err
	}
	stream, err := s.host.NewStream(calling, p2p.PeerID(device), protocolSync)
	if err != nil {
		return exchange.Progress{}, err
	}
	if !s.o.gate.isSibling(device) { // it was barred meanwhile: who is barred later is cut off then
		_ = s.host.Network().ClosePeer(p2p.PeerID(device))
		return exchange.Progress{}, errNoSibling
	}
	s.noteWay(device)
	ctx, end := s.movable(ctx, device, stream.Conn().RemoteMultiaddr())
	defer end()
	defer context.AfterFunc(ctx, func() { _ = stream.Reset() })()
	o.Later = uint64(s.o.givenFrom()) // of that the other one may give less once it knows for how long the account keeps history [HIST-62]
	o.Report = func(now exchange.Progress) { s.report(device, now) }
	done, err := exchange.Begin(ctx, stream, s.o.inExchange(), o)
	if err != nil {
		_ = stream.Reset()
		if context.Cause(ctx) == errMoved {
			err = errMoved
		}
		return done, err
	}
	_ = stream.Close() // all was said: the other one may have hung up, or a better way have opened
	p2p.EndRelayed(s.host, device, protocolSync)
	return done, nil
}

// answer serves a sibling that calls.
func (s *siblingMeetings) answer(ctx context.Context, from keys.PublicKey, stream network.Stream) error {
	if !s.o.gate.isSibling(from) {
		return errNoSibling
	}
	if !s.beginAnswer(from) {
		return errors.New("it is being answered already, as often as it may")
	}
	defer s.endAnswer(from)
	s.noteWay(from)
	done, err := exchange.Answer(ctx, stream, s.o.inExchange())
	s.tell(from, done)
	if done.Taken > 0 {
		wake(s.o.wakeSiblings) // for the files of what came
	}
	if done.Taken+done.Given > 0 {
		s.o.log.Info("another device of the account came", "device", from.Short(), "taken", done.Taken, "given", done.Given)
	}
	return err
}

// beginAnswer notes that a sibling is answered, unless it is mostAnswers times already: each may take the whole set in memory.
func (s *siblingMeetings) beginAnswer(device keys.PublicKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(device)
	if m.answers >= mostAnswers {
		return false
	}
	m.answers, m.used = m.answers+1, time.Now()
	return true
}

func (s *siblingMeetings) endAnswer(device keys.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(device)
	m.answers, m.used = m.answers-1, time.Now()
}

// tell notes that a sibling was heard from, and has watchers look anew if records came.
func (s *siblingMeetings) tell(device keys.PublicKey, done exchange.Progress) {
	s.o.meet.Do(func() { close(s.o.met) })
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if err := s.o.node.store.Update(func(tx *store.Tx) error { return s.o.sighted(tx, device) }); err != nil {
		s.o.log.Error("noting when a device was heard from", "error", err)
	}
	if done.Taken > 0 {
		s.o.tellHistoryLocked()
	}
}
