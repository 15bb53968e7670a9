package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// poster is the node's side of one post stream. One goroutine reads what has arrived, has it committed as one batch
// together with the batches of other streams, and answers; meanwhile more arrives. What is in flight is bounded by the
// multiplexer's window. [RV-40]
type poster struct {
	node   *Node
	org    *org
	from   keys.PublicKey
	stream network.Stream
	wrote  time.Time // last write to the stream
	guest  bool      // the device is one's, as far as was known when the last batch was begun
	begun  rvproto.BeginFrame
	pieces int // of the envelope that was begun, that came since it was told how much is held
	*batch     // nil while nothing is there
}

// batch is the memory of a poster at work, pooled: a stream that is quiet has none.
type batch struct {
	intake
	rest time.Duration // a guest has posted too much: for so long nothing more is read

	room       []keys.PublicKey // recipients of the post being judged
	recipients []keys.PublicKey // accepted ones, of all posts
	items      []queue.Item
	answers    []rvproto.AnswerFrame
	slots      []int // for each item, its answer
	frame, out []byte
	tab        tab   // what the batch may still add
	bulk       int64 // bytes of the memory for large posts that the one that is arriving holds
	payer      keys.MemberID

	copies      []queue.Item // for the archive
	kept        []keptCopy   // of each, whose it is
	copying     int64        // their bytes
	missed      uint64       // envelopes that go on without a copy
	missedBytes uint64
}

var batches = sync.Pool{New: func() any { return &batch{intake: intake{buffer: make([]byte, postBuffer)}} }}

// servePost answers /muster/post/1.
func (n *Node) servePost(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	n.counters.sessions.Add(1)
	_, leave := o.sessions.enter(from, rvproto.Post, s)
	defer leave()
	if _, no := n.admits(from); no.status != wire.StatusOK { // since it was let in, before it could be cut off
		return errNotMember
	}
	p := &poster{node: n, org: o, from: from, stream: s}
	defer p.release()
	defer func() {
		if p.guest {
			n.parcels.drop(from)
		}
	}()
	if err := p.greet(); err != nil {
		return err
	}
	for {
		if err := p.fill(); err != nil {
			if errors.Is(err, io.EOF) && p.batch == nil {
				return nil
			}
			return fmt.Errorf("reading posts: %w", err)
		}
		for {
			worked, err := p.work(ctx)
			if err != nil {
				return err
			}
			p.repose(ctx)
			if !worked {
				break
			}
		}
		if n.stopping() {
			return nil
		}
	}
}

func (p *poster) greet() error {
	hello := rvproto.AppendHello(nil, rvproto.HelloFrame{Org: p.org.id, Checkpoint: p.org.roll.checkpoint()})
	p.wrote = time.Now()
	out := wire.AppendFrame(nil, hello)
	if p.stream.Protocol() == rvproto.PostPieces {
		held, _ := p.node.parcels.held(p.from, p.node.cfg.Now())
		out = wire.AppendFrame(out, rvproto.AppendHeld(nil, held))
	}
	return writePieces(p.stream, out)
}

// fill waits for bytes. A quiet stream waits with a small buffer.
func (p *poster) fill() error {
	if p.batch == nil {
		var small [wakeBuffer]byte
		n, err := patient{p.stream, rvproto.RestSilence}.Read(small[:])
		if n > 0 {
			p.batch = batches.Get().(*batch)
			p.end = copy(p.buffer, small[:n])
			return nil
		}
		return err
	}
	p.announced()
	p.makeRoom(rvproto.MaxPostFrame)
	n, err := patient{p.stream, rvproto.Silence}.Read(p.buffer[p.end:])
	if p.end += n; n > 0 {
		err = nil
	}
	if err == nil && time.Since(p.wrote) >= rvproto.Patience/2 { // a long post on a slow link: the device must not doubt
		err = p.write(wire.AppendFrame(nil, rvproto.AppendPong(nil)))
	}
	return err
}

// work commits and answers one batch of what has arrived; false if there is no whole frame.
func (p *poster) work(ctx context.Context) (worked bool, err error) {
	member, ok := p.org.roll.memberOf(p.from)
	if !ok || p.org.moved().status != wire.StatusOK {
		return false, errNotMember
	}
	if p.batch == nil {
		return false, nil
	}
	if p.guest = p.org.isGuest(p.from); p.guest {
		leave, err := p.turn(ctx)
		if err != nil {
			return false, err
		}
		defer leave()
	}
	terms, now := p.org.terms(), p.node.cfg.Now()
	p.tab = p.node.tab(p.org, member, p.guest, terms, now)
	pings, size := 0, 0
	for len(p.answers) < batchPosts && size < batchBytes && p.rest == 0 {
		frame, oversize, err := p.next(terms.maxEnvelope+rvproto.MaxRecipients*34+32, rvproto.MaxPostFrame)
		if err != nil {
			return false, err
		}
		switch {
		case oversize:
			if !p.node.haste.spend(p.from, oversizeCost, time.Now()) {
				p.node.haste.keepOut(p.from, time.Now())
				return false, errHasty
			}
			p.answers = append(p.answers, rvproto.AnswerFrame{Status: wire.StatusTooLarge})
			continue
		case frame == nil:
			size = batchBytes
			continue
		case rvproto.IsPing(frame):
			pings++
			continue
		}
		size += len(frame)
		answered := len(p.answers)
		if heard, err := p.hearPiece(member, frame, terms, now); err != nil {
			return false, err
		} else if heard && len(p.answers) == answered {
			continue
		} else if heard {
			frame = nil
		}
		before := len(p.recipients)
		if frame != nil {
			if err := p.take(member, frame, terms, now); err != nil {
				return false, err
			}
		}
		told := p.answers[len(p.answers)-1] // an old roll size is answered with everybody who came since
		size += (len(p.recipients) - before + len(told.Newer) + len(told.Refused)) * keys.PublicKeySize
	}
	if len(p.answers) == 0 && pings == 0 && p.pieces == 0 {
		if p.empty() {
			p.release()
		}
		return false, nil
	}
	p.commit(ctx, member)
	return true, p.reply(pings)
}

// turn waits until this guest's batch is worked on.
func (p *poster) turn(ctx context.Context) (leave func(), err error) {
	select {
	case p.node.guests.turns <- struct{}{}:
		return func() { <-p.node.guests.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.node.stop:
		return nil, errNotMember
	}
}

// repose lets a guest wait who has posted too much. [RV-94]
func (p *poster) repose(ctx context.Context) {
	if p.batch == nil || p.rest == 0 {
		return
	}
	timer := time.NewTimer(min(p.rest, guestRest))
	defer timer.Stop()
	p.rest = 0
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-p.node.stop:
	}
}

// take judges one post and notes an answer for it and, if anybody gets it, an item.
func (p *poster) take(member keys.MemberID, frame []byte, terms terms, now time.Time) error {
	if p.guest && !p.mayPost(terms, now) {
		return nil
	}
	post, err := rvproto.ParsePost(frame, p.room[:0])
	if err != nil {
		return err
	}
	p.room = post.Recipients
	p.takePost(member, post, terms, now)
	return nil
}

// takePost is take for a post that was read.
func (p *poster) takePost(member keys.MemberID, post rvproto.PostFrame, terms terms, now time.Time) {
	answer, v := p.judge(member, post, terms, now)
	p.org.done.spare(answer.ID, &v)
	if p.guest && answer.kind != envelope.KindAnnounce {
		p.node.guests.posted(p.from, p.stream.Conn().RemoteMultiaddr(), terms.guestPosts, now)
	}
	p.accept(member, post, answer, v, terms, now)
}

// accept notes the answer for a post that was judged and, if anybody gets it, an item.
func (p *poster) accept(member keys.MemberID, post rvproto.PostFrame, answer judged, v verdict, terms terms, now time.Time) {
	// Who gets nothing, in silence, costs as much: no answer tells them apart. What is there already needs no room.
	if entries := v.devices() + len(v.silent); v.status == wire.StatusOK && entries > 0 &&
		!p.tab.take(sizeOf(len(post.Envelope), entries)) && !p.node.queue.Holds(answer.ID) {
		v = verdict{status: wire.StatusFull}
	}
	if v.status == wire.StatusOK && v.keep != nil {
		p.keep(&v, &answer, post.Envelope, member)
	}
	answer.Status, answer.Refused, answer.Newer = v.status, v.refused, v.newer
	if v.status == wire.StatusOK && (v.reaches() || len(v.silent) > 0) {
		expires := now.Add(terms.queueTime)
		if answer.expires < expires.Unix() { // as a number: any that the sender likes, also beyond what is a time
			expires = time.Unix(answer.expires, 0)
		}
		item := queue.Item{
			ID: answer.ID, Org: p.org.id, Kind: queue.Envelope, Body: bytes.Clone(post.Envelope),
			Set: v.set, Except: v.except, Expires: expires, Payer: member,
		}
		if v.set != nil {
			p.enqueue(item)
		}
		for item.Recipients = range slices.Chunk(v.recipients, queue.MaxRecipients) { // one body all the same
			p.enqueue(item)
		}
		for _, device := range v.silent {
			s := silence{p.from, device, answer.ID, answer.kind == envelope.KindIntroduction}
			stand := s.item(p.org.id, expires)
			stand.Payer = member
			p.enqueue(stand)
		}
	}
	p.answers = append(p.answers, answer.AnswerFrame)
}

// enqueue adds an item of the post that is answered next.
func (p *poster) enqueue(item queue.Item) {
	p.items = append(p.items, item)
	p.slots = append(p.slots, len(p.answers))
}

// judged is an answer with what of the header is still needed.
type judged struct {
	rvproto.AnswerFrame
	expires int64
	kind    envelope.Kind
}

// judge checks the envelope's form and terms and asks for leave. The id is computed from the authenticated sender, so
// that nobody can occupy the id of another's envelope. [RV-40]
func (p *poster) judge(member keys.MemberID, post rvproto.PostFrame, terms terms, now time.Time) (answer judged, v verdict) {
	if len(post.Envelope) > terms.maxEnvelope {
		v.status = wire.StatusTooLarge
		return answer, v
	}
	e, err := envelope.View(post.Envelope, terms.maxEnvelope)
	if err != nil {
		v.status = wire.StatusMalformed
		return answer, v
	}
	header := e.ParsedHeader()
	if header.Sender != p.from {
		v.status = wire.StatusRefused
		return answer, v
	}
	answer.ID, answer.expires, answer.kind = e.ID(), header.Expires, header.Kind
	if header.Expires <= now.Unix() {
		v.status = wire.StatusExpired
		return answer, v
	}
	if p.org.lags(header.RollSize) {
		v.status = wire.StatusUnavailable // who its receivers are is not known here yet
		return answer, v
	}
	if header.Kind == envelope.KindIntroduction && p.tab.full() >= shedIntroductions {
		v.status = wire.StatusFull // before it costs anything, whoever it is for
		return answer, v
	}
	q := question{sender: member, device: p.from, header: header, to: post.Recipients}
	if header.Kind != envelope.KindMessage && p.org.lacksArchive(q) {
		v.status = wire.StatusArchive // before it costs anything: it will be sealed anew
		return answer, v
	}
	if v.status = p.charge(member, header, answer.ID, post.Recipients, terms, now); v.status != wire.StatusOK {
		return answer, v
	}
	if header.Leave.Kind == envelope.LeaveConversation {
		if q.talk, err = p.org.talks.get(keys.ConversationID(header.Leave.ID)); err != nil {
			v.status = p.node.fault("reading a conversation", err)
			return answer, v
		}
	}
	arena := len(p.recipients)
	v = p.org.judge(q, p.recipients)
	p.recipients = v.recipients
	v.recipients = v.recipients[arena:len(v.recipients):len(v.recipients)]
	if v.status != wire.StatusOK {
		v.recipients, v.silent, v.set, v.refused, v.newer, v.keep = nil, nil, nil, nil, nil, nil
	}
	return answer, v
}

// charge takes an introduction or a report from its sender's allowance, before anything is asked about its receiver: what
// it costs and how it is answered says nothing about them. [RV-42] [RV-43]
func (p *poster) charge(member keys.MemberID, header envelope.Header, id keys.EnvelopeID, to []keys.PublicKey, terms terms,
	now time.Time) wire.Status {
	t := toll{id: id}
	switch header.Kind {
	case envelope.KindReport:
	case envelope.KindIntroduction:
		who, one, tolled := p.org.addressee(member, to)
		if !one {
			return wire.StatusRefused
		}
		if !tolled {
			return wire.StatusOK
		}
		t.to = who
	default:
		return wire.StatusOK
	}
	return p.org.intros.spend(member, []toll{t}, terms, now)
}

// commit puts the batch into the queue: durable when it returns. Recipients who have no room left are refused, and the
// rest gets its envelope all the same.
func (p *poster) commit(ctx context.Context, member keys.MemberID) {
	p.commitCopies(ctx)
	items, slots := p.items, p.slots
	for len(items) > 0 {
		var again []queue.Item
		var where []int
		accepted := 0
		for i, err := range p.node.queue.Put(ctx, items) {
			answer := &p.answers[slots[i]]
			full, some := errors.AsType[*queue.FullError](err)
			switch {
			case err == nil:
				accepted++
				if p.guest && items[i].Kind == queue.Envelope {
					p.org.debts.add(sizeOf(len(items[i].Body), len(items[i].Recipients)))
				}
			case some && items[i].Kind == queue.Silence:
				refusedSilence(items[i], answer)
			case some && len(full.Devices) > 0:
				if item, some := without(items[i], full.Devices, answer); some {
					again, where = append(again, item), append(where, slots[i])
				}
			case errors.Is(err, queue.ErrFull):
				answer.Status, answer.Refused = wire.StatusFull, nil
			case errors.Is(err, queue.ErrUnavailable): // the engine has said why, once
				answer.Status, answer.Refused = wire.StatusUnavailable, nil
				p.node.queueFails.Store(true)
			default:
				answer.Status, answer.Refused = p.node.fault("queueing", err), nil
				p.node.queueFails.Store(true)
			}
		}
		if accepted > 0 && p.node.queueFails.Load() {
			p.node.queueFails.Store(false)
		}
		p.node.counters.accepted.Add(int64(accepted))
		p.node.counters.batches.Add(1)
		items, slots = again, where
	}
}

// without takes devices out of an item's recipients and refuses them in the answer; false if nobody is left.
func without(item queue.Item, devices []keys.PublicKey, answer *rvproto.AnswerFrame) (queue.Item, bool) {
	for _, device := range devices {
		answer.Refused = append(answer.Refused, rvproto.Refusal{Device: device, Status: wire.StatusFull})
	}
	if item.Set != nil {
		item.Except = slices.Concat(item.Except, devices)
		return item, len(item.Except) < len(item.Set.Devices())
	}
	before := len(item.Recipients)
	item.Recipients = slices.DeleteFunc(slices.Clone(item.Recipients), func(device keys.PublicKey) bool {
		return slices.Contains(devices, device)
	})
	return item, 0 < len(item.Recipients) && len(item.Recipients) < before
}

// reply writes the answers of the batch, in order, and a pong for each ping, and empties the batch.
func (p *poster) reply(pings int) error {
	out := p.out[:0]
	for i := range p.answers {
		p.node.counters.refusedPosts.count(p.answers[i].Status)
		for _, refused := range p.answers[i].Refused {
			p.node.counters.refusedRecipients.count(refused.Status)
		}
		p.frame = rvproto.AppendAnswer(p.frame[:0], p.answers[i])
		out = wire.AppendFrame(out, p.frame)
	}
	out = p.tellHeld(out, p.node.cfg.Now())
	for range pings {
		out = wire.AppendFrame(out, rvproto.AppendPong(p.frame[:0]))
	}
	p.node.counters.answered.Add(int64(len(p.answers)))
	p.org.tally.answered(p.node.cfg.Now(), p.answers)
	p.out = out
	p.reset()
	p.giveBulk()
	return p.write(out)
}

func (p *poster) write(b []byte) error {
	p.wrote = time.Now()
	if err := writePieces(p.stream, b); err != nil {
		return fmt.Errorf("answering posts: %w", err)
	}
	return nil
}

// reset forgets the batch that was answered, but not what has arrived behind it.
func (b *batch) reset() {
	clear(b.items)
	clear(b.answers)
	b.items, b.answers, b.slots, b.recipients = b.items[:0], b.answers[:0], b.slots[:0], b.recipients[:0]
	b.copies, b.kept, b.copying, b.missed, b.missedBytes = nil, nil, 0, 0, 0
}

// release gives the memory back.
func (p *poster) release() {
	b := p.batch
	if b == nil {
		return
	}
	p.giveBulk()
	p.batch = nil
	b.reset()
	b.start, b.end, b.skip, b.rest = 0, 0, 0, 0
	if len(b.buffer) == postBuffer && cap(b.out) <= 2*postBuffer && cap(b.recipients) <= maxArena {
		batches.Put(b)
	}
}
