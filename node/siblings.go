package node

import (
	"context"
	"errors"
	"math"
	"slices"
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
	"muster.example/sync/history"
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
	// placeTime is after how long a place at the relay is asked for again if it was not given.
	placeTime = 5 * time.Minute
)

// meeting is what is known of a sibling since the node was started.
type meeting struct {
	calling  bool
	answers  int       // streams of its that are being answered
	used     time.Time // when an exchange ended last
	equal    time.Time // when both had the same records last; zero: never
	thorough time.Time // when all records were compared last
	began    time.Time // when the exchange that goes on, or was last, found out what is missing
	progress exchange.Progress
}

// siblingMeetings keeps the history of the account's devices in step, while a connection to the rendezvous node stands.
type siblingMeetings struct {
	o     *organization
	host  host.Host
	relay keys.PublicKey

	mu       sync.Mutex // guards the following
	meetings map[keys.PublicKey]*meeting
}

// noteSiblingsLocked lets the account's other active devices call, and ends what another was let do. Callers hold mu.
func (o *organization) noteSiblingsLocked() {
	now := make(map[keys.PublicKey]struct{})
	self, _ := o.roll.State().Member(o.member)
	for _, d := range self.Devices {
		if _, active := o.roll.State().MemberOf(d.Key); active && d.Key != o.device && !o.endedEarlyLocked(d.Key) {
			now[d.Key] = struct{}{}
		}
	}
	before := o.gate.siblings.Swap(&now)
	if before == nil {
		return
	}
	for device := range *before {
		if _, still := now[device]; still {
			continue
		}
		if o.host != nil {
			_ = o.host.Network().ClosePeer(p2p.PeerID(device))
		}
		o.refoldLocked() // what it did after its bar counts no more
	}
	for device := range now {
		if _, had := (*before)[device]; !had {
			wake(o.wakeSiblings)
		}
	}
}

// refoldLocked makes the view anew, of what counts now. Callers hold mu.
func (o *organization) refoldLocked() {
	err := o.node.store.View(func(tx *store.Tx) error {
		view, err := tx.Fold(o.org, o.member, o.countsLocked)
		if err == nil {
			o.view, o.blocked = view, nil
			err = o.readUndelivered(tx)
		}
		return err
	})
	if err != nil {
		o.log.Error("making the view anew", "error", err)
	}
}

// awaitContacts lets a device that has just been added, and knows nobody yet, hear from another device of the account first who may
// write to it: what came before that it could only refuse. It does not wait for long.
func (o *organization) awaitContacts(ctx context.Context) {
	o.mu.Lock()
	known := len(o.view.Contacts()) > 0
	o.mu.Unlock()
	if known || len(o.siblingsNow()) == 0 || time.Since(time.UnixMilli(o.joined)) > newTime {
		return
	}
	select {
	case <-ctx.Done():
	case <-o.met:
	case <-time.After(meetTime):
	}
}

// takeHost gives the organization the host by which it was entered.
func (o *organization) takeHost(local host.Host, gate *gate) {
	gate.siblings.Store(o.gate.siblings.Load())
	o.local, o.gate = local, gate
}

// keepSiblings waits at the relay for other devices of the account to call, and calls them: when the connection begins, when
// there is something that they lack, and from time to time. That it cannot is no end of the session.
func (o *organization) keepSiblings(ctx context.Context, local host.Host, relay keys.PublicKey) error {
	s := &siblingMeetings{o: o, host: local, relay: relay, meetings: make(map[keys.PublicKey]*meeting)}
	o.siblings.Store(s)
	defer p2p.Handle(ctx, local, protocolSync, s.answer)()
	group := task.New(ctx)
	group.Go("place at the relay", s.keepPlace)
	group.Go("calls", func(ctx context.Context) error { return s.keepCalling(ctx, group) })
	return group.Wait()
}

// keepCalling calls every sibling, each in a goroutine of the group.
func (s *siblingMeetings) keepCalling(ctx context.Context, group *task.Group) error {
	again, idle := time.NewTicker(jitter(againTime)), time.NewTicker(lingerTime)
	defer again.Stop()
	defer idle.Stop()
	for {
		for _, device := range s.o.siblingsNow() {
			group.Go("sibling "+device.Short(), func(ctx context.Context) error { s.meet(ctx, device); return nil })
		}
		for call := false; !call; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case now := <-idle.C:
				s.hangUp(now)
			case <-again.C:
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

func (o *organization) siblingsNow() []keys.PublicKey {
	all := o.gate.siblings.Load()
	if all == nil {
		return nil
	}
	found := make([]keys.PublicKey, 0, len(*all))
	for device := range *all {
		found = append(found, device)
	}
	slices.SortFunc(found, keys.PublicKey.Compare)
	return found
}

// keepPlace keeps a place at the relay, if there is anybody who could call.
func (s *siblingMeetings) keepPlace(ctx context.Context) error {
	for {
		wait := placeTime
		if len(s.o.siblingsNow()) > 0 {
			asking, cancel := context.WithTimeout(ctx, dialTimeout)
			until, err := p2p.WaitAt(asking, s.host, s.relay)
			cancel()
			if err == nil {
				wait = max(time.Until(until)/2, time.Minute)
			} else if ctx.Err() == nil {
				s.o.log.Info("no place at the relay for other devices of the account", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// meet calls a sibling and brings the two histories in step. One that is away costs one question to the relay.
func (s *siblingMeetings) meet(ctx context.Context, device keys.PublicKey) {
	options, ok := s.begin(device)
	if !ok {
		return
	}
	done, err := s.exchange(ctx, device, options)
	s.end(device, options, done, err)
	if err == nil {
		s.tell(device, done)
	}
	switch {
	case errors.Is(err, p2p.ErrNotThere):
	case err != nil && ctx.Err() == nil:
		s.o.log.Info("an exchange with another device of the account broke off", "device", device.Short(), "error", err,
			"taken", done.Taken, "given", done.Given)
	case done.Found:
		s.o.log.Info("in step with another device of the account", "device", device.Short(), "taken", done.Taken, "given", done.Given,
			"bytes", done.Sent+done.Received, "equal", done.Equal)
	}
	if err == nil && !done.Equal && options.Since > 0 { // what differs is older
		s.meet(ctx, device)
	}
}

// begin notes that a sibling is being called, unless it is already, and says what is to be compared.
func (s *siblingMeetings) begin(device keys.PublicKey) (o exchange.Options, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
		m = &meeting{}
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

func (s *siblingMeetings) end(device keys.PublicKey, o exchange.Options, done exchange.Progress, err error) {
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
		m.equal = time.Now()
		if done.Found && o.Since == 0 {
			m.thorough = m.equal
		}
	case o.Since > 0:
		m.equal = time.Time{}
	}
}

func (s *siblingMeetings) exchange(ctx context.Context, device keys.PublicKey, o exchange.Options) (exchange.Progress, error) {
	calling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := p2p.Call(calling, s.host, s.relay, device); err != nil {
		return exchange.Progress{}, err
	}
	stream, err := s.host.NewStream(calling, p2p.PeerID(device), protocolSync)
	if err != nil {
		return exchange.Progress{}, err
	}
	defer context.AfterFunc(ctx, func() { _ = stream.Reset() })()
	o.Report = func(now exchange.Progress) { s.report(device, now) }
	done, err := exchange.Begin(ctx, stream, siblingHistory{s.o}, o)
	if err != nil {
		_ = stream.Reset()
		return done, err
	}
	return done, stream.Close()
}

// answer serves a sibling that calls.
func (s *siblingMeetings) answer(ctx context.Context, from keys.PublicKey, stream network.Stream) error {
	if !s.o.gate.isSibling(from) {
		return errors.New("it is no device of the account")
	}
	if !s.beginAnswer(from) {
		return errors.New("it is being answered already, as often as it may")
	}
	defer s.endAnswer(from)
	done, err := exchange.Answer(ctx, stream, siblingHistory{s.o})
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

// countsLocked reports whether a record counts: one of a device that was barred since counts up to the number that the bar names, but
// what its author signed counts whoever noted it. Callers hold mu.
func (o *organization) countsLocked(r history.Record) bool {
	if r.Device == o.device || r.Message != nil || r.Act != nil {
		return true
	}
	self, _ := o.roll.State().Member(o.member)
	for _, d := range self.Devices {
		if d.Key == r.Device {
			return !d.Barred || d.Records == 0 || r.Sequence < d.Records
		}
	}
	return false
}
