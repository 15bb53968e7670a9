package node

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
)

const (
	// knownPause is the least time between two frames of what is known.
	knownPause = 5 * time.Second
	// knownAgain is after how long one asks once more for a part of the roll that could not be taken in. It doubles up to
	// knownAgainMost.
	knownAgain     = 10 * time.Second
	knownAgainMost = time.Hour
	// ownPrekeyTime is how often it is looked whether this device has a newer prekey.
	ownPrekeyTime = time.Hour
)

// owed is what is to be told on a stream. It is bounded: of most things the last counts.
type owed struct {
	theirs   uint64           // size of the other side's roll
	known    bool             // what this device knows may have changed
	lacks    bool             // the other side has said that it lacks something of the roll
	ponged   bool             // a ping is to be answered
	pong     uint64           // its number
	asked    []keys.PublicKey // whose prekeys the other side wants
	wanted   []keys.PublicKey // whose prekeys this device wants
	receipts [][]byte
}

// owe changes what is owed, and has it told.
func (p *meshPeer) owe(change func(owed *owed)) {
	p.streams.mu.Lock()
	change(&p.owed)
	p.streams.mu.Unlock()
	wake(p.telling)
}

// teller is what was told on a stream.
type teller struct {
	p      *meshPeer
	state  mesh.State
	known  [sha256.Size]byte // the last frame of it
	at     time.Time         // when
	retry  time.Time         // when to ask once more for the roll; zero: not
	pause  time.Duration     // until then
	prekey [sha256.Size]byte
	looked time.Time // for a newer prekey
	pings  uint64
	asked  time.Time // when the last of them
}

// tell says hello, what this device knows and its prekey, and from then on what is new. [MSH-4] [MSH-8] [MSH-10]
func (p *meshPeer) tell(ctx context.Context) error {
	o := p.streams.o
	t := &teller{p: p, pause: knownAgain}
	o.mu.Lock()
	hello := mesh.Hello{Version: mesh.Version, Size: o.roll.Size(), Clock: o.now().Unix()}
	o.mu.Unlock()
	hello.State = o.stateFor(p.key)
	t.state = hello.State
	if p.streams.took != nil {
		hello.Can |= mesh.CanCarry
	}
	if err := p.send(ctx, hello.Frame()); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.greeted:
	}
	p.owe(func(owed *owed) { owed.known = true })
	tick := time.NewTicker(meshPing / 4)
	defer tick.Stop()
	for {
		if err := t.tellOwed(ctx); err != nil {
			return err
		}
		var soon <-chan time.Time
		if wait, some := t.until(time.Now()); some {
			soon = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.telling:
		case <-soon:
		case <-tick.C:
		}
	}
}

// until returns how long what is owed has to wait.
func (t *teller) until(now time.Time) (wait time.Duration, some bool) {
	p := t.p
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	if p.owed.known {
		return max(0, t.at.Add(knownPause).Sub(now)), true
	}
	if !t.retry.IsZero() {
		return max(0, t.retry.Sub(now)), true
	}
	return 0, false
}

// tellOwed tells what is owed.
func (t *teller) tellOwed(ctx context.Context) error {
	p, now := t.p, time.Now()
	p.streams.mu.Lock()
	due := p.owed
	again := !t.retry.IsZero() && !now.Before(t.retry)
	known := (due.known || again) && now.Sub(t.at) >= knownPause
	p.owed = owed{theirs: due.theirs, known: due.known && !known, lacks: due.lacks && !known}
	quiet := now.Sub(p.heard) >= meshPing && now.Sub(t.asked) >= meshPing
	p.streams.mu.Unlock()

	var frames []mesh.Frame
	for _, signed := range due.receipts {
		frames = append(frames, mesh.Frame{Kind: mesh.KindReceipt, Body: signed})
	}
	if due.ponged {
		frames = append(frames, mesh.Ping{Number: due.pong, Answer: true}.Frame())
	}
	if quiet {
		t.pings, t.asked = t.pings+1, now
		frames = append(frames, mesh.Ping{Number: t.pings}.Frame())
	}
	if state := p.streams.o.stateFor(p.key); state != t.state { // which changes with time, too
		t.state = state
		frames = append(frames, mesh.Presence{State: state}.Frame())
	}
	if len(due.wanted) > 0 {
		frames = append(frames, mesh.Ask{Devices: due.wanted}.Frame())
	}
	if known {
		some, err := t.tellKnown(due.theirs, due.lacks || again, now)
		if err != nil {
			return err
		}
		frames = append(frames, some...)
	}
	t.askAgain(due.theirs, now)
	some, err := t.tellPrekeys(due.asked, now)
	if err != nil {
		return err
	}
	for _, f := range append(frames, some...) {
		if err := p.send(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// tellKnown tells how far this device's roll goes, with what of it the other side lacks and may read, unless that was told.
// [MSH-8] [CAR-19]
func (t *teller) tellKnown(theirs uint64, anyway bool, now time.Time) ([]mesh.Frame, error) {
	o := t.p.streams.o
	o.mu.Lock()
	reader, known := o.personOfLocked(t.p.key)
	o.mu.Unlock()
	if !known { // nobody by name would be one of the own account
		return nil, errNotToMeet
	}
	k, err := o.tellKnown(theirs, true, reader)
	if err != nil {
		return nil, err
	}
	f := k.Frame()
	sum := sha256.Sum256(f.Body)
	if sum == t.known && !anyway {
		return nil, nil
	}
	t.known, t.at = sum, now
	return []mesh.Frame{f}, nil
}

// askAgain has this device tell once more how far its roll goes, after a while, if the other side has told of more than could be taken in.
func (t *teller) askAgain(theirs uint64, now time.Time) {
	o := t.p.streams.o
	o.mu.Lock()
	size := o.roll.Size()
	o.mu.Unlock()
	switch {
	case size >= theirs:
		t.retry, t.pause = time.Time{}, knownAgain
	case t.retry.IsZero() || !now.Before(t.retry):
		t.retry, t.pause = now.Add(jitter(t.pause)), min(2*t.pause, knownAgainMost)
	}
}

// tellPrekeys hands over this device's prekey, when it is new, and those that were asked for, as far as they are known. [MSH-10] [MSH-11]
func (t *teller) tellPrekeys(asked []keys.PublicKey, now time.Time) ([]mesh.Frame, error) {
	o := t.p.streams.o
	var list []mesh.Prekey
	if now.Sub(t.looked) >= ownPrekeyTime {
		t.looked = now
		own, err := o.currentPrekey()
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(own); sum != t.prekey {
			t.prekey = sum
			list = append(list, mesh.Prekey{Device: o.device, Signed: own})
		}
	}
	if len(asked) > 0 {
		some, err := o.signedPrekeys(asked)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	var frames []mesh.Frame
	for part := range slices.Chunk(list, mesh.MostPrekeys) {
		frames = append(frames, mesh.Prekeys{List: part}.Frame())
	}
	return frames, nil
}

// takeKnown takes in what the other side knows. What of it cannot be taken in now is asked for again. [MSH-9]
func (p *meshPeer) takeKnown(known mesh.Known) error {
	if len(known.Entries)+len(known.Bars) > 0 {
		if err := p.spend(costKnown, "what it knows"); err != nil {
			return err
		}
	}
	o := p.streams.o
	o.hearKnown(p.key, known)
	o.mu.Lock()
	size := o.roll.Size()
	o.mu.Unlock()
	p.owe(func(owed *owed) {
		owed.theirs = known.Size
		owed.known, owed.lacks = owed.known || size > known.Size, size > known.Size
	})
	if !p.inStepYet() {
		close(p.inStep)
		p.again()
		wake(p.streams.apart)
	}
	return nil
}

// takePrekeys keeps the prekeys that are devices' own words. [MSH-10]
func (p *meshPeer) takePrekeys(prekeys mesh.Prekeys) error {
	if err := p.spend(costPrekey*float64(len(prekeys.List)), "prekeys"); err != nil {
		return err
	}
	fresh, inHand := make(map[keys.PublicKey][]byte), false
	for _, one := range prekeys.List {
		o := p.streams.o
		if one.Device == o.device {
			continue
		}
		if _, err := envelope.OpenPrekey(one.Signed, o.org, one.Device, o.now()); err == nil {
			fresh[one.Device] = one.Signed
		}
		inHand = p.takeInHand(one) || inHand
	}
	p.streams.o.keepPrekeys(fresh)
	if len(fresh) > 0 || inHand {
		wake(p.streams.apart)
	}
	return nil
}

// takeAsk notes whose prekeys the other side wants. [MSH-11]
func (p *meshPeer) takeAsk(ask mesh.Ask) error {
	if err := p.spend(costAsked*float64(len(ask.Devices)), "prekeys that it asks for"); err != nil {
		return err
	}
	p.owe(func(owed *owed) { owed.asked = ask.Devices })
	return nil
}
