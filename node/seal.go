package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

const (
	// sealedAhead is how many bytes of envelopes may lie sealed and unposted while more of files is sealed: these are as they travel.
	// What is small may take twice as much.
	sealedAhead = 4 << 20
	// sealedAtOnce is how many bytes one transaction seals, with what is kept beside each envelope.
	sealedAtOnce = 256 << 10
	// announcedAtOnce is how many bytes of announcements one transaction makes, each of about announcementSize and what its
	// place takes.
	announcedAtOnce  = 256 << 10
	announcementSize = 2 << 10
	// missingPrekeyPause is how long a job waits for a device that has published no prekey.
	missingPrekeyPause = time.Minute
	// jobIntroduction is the kind of a job whose body is an introduction's text.
	jobIntroduction = 255
)

// keepSealing works on the jobs for as long as the connection stands: it is needed to fetch prekeys.
func (o *organization) keepSealing(ctx context.Context, client *rvclient.Client) error {
	retry := time.NewTicker(missingPrekeyPause)
	defer retry.Stop()
	for {
		if err := ctx.Err(); err != nil { // also while there is more to do: the session waits for this
			return err
		}
		more, err := o.sealNext(ctx, client)
		if err != nil {
			return fmt.Errorf("sealing: %w", err)
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done(): // the loop looks
		case <-o.wakeSeal:
		case <-retry.C:
		}
	}
}

// sealNext does some of the first job that can be worked on. It reports whether there may be more to do at once.
func (o *organization) sealNext(ctx context.Context, client *rvclient.Client) (more bool, err error) {
	select {
	case o.sealing <- struct{}{}:
		defer func() { <-o.sealing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	job, ok, err := o.nextJob(o.now())
	if err != nil || !ok {
		return false, err
	}
	if err := o.knowArchive(ctx, client); err != nil {
		return false, err
	}
	if err := o.bearGrants(ctx, client); err != nil { // it came face to face, when the rendezvous node did not answer
		return false, err
	}
	switch {
	case job.Expires < o.now().Unix():
		return true, o.dropJob(job)
	case job.Message == nil && !history.Kind(job.Kind).IsAct() && !history.Kind(job.Kind).IsAside(): // it tells somebody of a grant, which the rendezvous node must know before they answer
		if err := unlessRefused(o.publishGrants(ctx, client)); err != nil {
			return false, err
		}
		if err := unlessRefused(o.publishTalks(ctx, client)); err != nil {
			return false, err
		}
	}
	if job.Kind == jobIntroduction {
		return true, o.sealIntroduction(ctx, client, job)
	}
	if job.Kind == jobReport {
		return true, o.sealReport(ctx, client, job)
	}
	if err := o.knowNewer(ctx, client, job); err != nil {
		return false, err
	}
	err = o.sealJob(job, func(devices []keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) {
		return o.fetchPrekeys(ctx, client, devices)
	})
	return err == nil, err
}

// sealJob does some of a job of a message, an act or leave.
func (o *organization) sealJob(job store.Job, fetch prekeySource) error {
	fetch = o.withAhead(o.orArchive(fetch))
	if dropped, err := o.dropUnwritten(job); err != nil || dropped {
		return err
	}
	if isApart(job) {
		return o.sealApart(job, fetch)
	}
	absent, err := o.readyChain(job, fetch)
	if err != nil {
		return err
	}
	return o.seal(job, absent)
}

// seal seals the next parts of a job on the chain of its place.
func (o *organization) seal(job store.Job, absent []keys.PublicKey) error {
	return o.sealInParts(func(tx *store.Tx, limit int) error { return o.sealParts(tx, job, absent, limit) })
}

// sealInParts has the next parts of a job sealed, as many as one transaction holds.
func (o *organization) sealInParts(seal func(tx *store.Tx, limit int) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for limit := sealedAtOnce; ; limit /= 2 {
		err := o.node.store.Update(func(tx *store.Tx) error { return seal(tx, limit) })
		if errors.Is(err, store.ErrTooLarge) && limit > 1 {
			continue
		}
		o.postSoon()
		return err
	}
}

// nextJob returns the first job that is due, and a job of which nothing but pieces of files is left only if there is no other, and
// unless enough lies sealed already: what is small does not wait for files. [RV-203]
func (o *organization) nextJob(now time.Time) (job store.Job, ok bool, err error) {
	held := o.roomless.messages()
	err = o.node.store.View(func(tx *store.Tx) error {
		ahead, err := tx.Unposted(o.org, 2*sealedAhead)
		if err != nil || ahead >= 2*sealedAhead {
			return err
		}
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			// What is put off for longer than anything ever is was put off by a clock that was ahead.
			wait := time.UnixMilli(j.NotBefore).Sub(now)
			due := (wait <= 0 || wait > 2*missingPrekeyPause) && (j.Message == nil || !held[*j.Message])
			file := j.Message != nil && j.Next > 0
			if due && !file || due && !ok && ahead < sealedAhead {
				job, ok = j, true
				return file, nil
			}
			return true, nil
		})
	})
	if ok && job.Written.Roll == 0 { // stored by a program that did not keep it
		o.mu.Lock()
		defer o.mu.Unlock()
		job.Written = o.momentLocked(job.Place)
	}
	return job, ok, err
}

// dropJob gives up what was never sealed in time.
func (o *organization) dropJob(job store.Job) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var events []change
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		events, err = o.endJob(tx, job, store.StateReturned, store.ReasonTime)
		return err
	})
	o.publishLocked(events)
	return err
}

func (o *organization) metaLocked(job store.Job) envelope.Meta {
	return envelope.Meta{RollSize: o.roll.Size(), Expires: job.Expires, Leave: envelope.LeaveOf(job.Place, o.org, true)}
}

func (o *organization) addWaiting(tx *store.Tx, w store.Waiting, sealed envelope.Envelope) error {
	w.ID, w.Chain = sealed.ID(), sealed.ParsedHeader().Chain
	if envelope.Kind(w.Kind) == envelope.KindMessage && w.Message != nil {
		o.mesh.noteWish(w.Pending, w.Part > 0, time.Now())
	}
	_, err := tx.AddWaiting(o.org, w, sealed.Bytes())
	return err
}

// sealParts seals the next parts of a job, of about limit bytes, to the devices that know the chain, and puts off those
// that are absent. It does nothing if the chain or the devices are no longer what readyChain left: that begins anew. The
// advanced chain is stored with the envelopes. [STO-32] Callers hold mu.
func (o *organization) sealParts(tx *store.Tx, job store.Job, absent []keys.PublicKey, limit int) error {
	if gone, err := o.isGone(tx, job); err != nil || gone {
		return err
	}
	out, err := tx.Outgoing(o.org, job.Place.ID(o.org))
	if err != nil {
		return err
	}
	entitled := o.devicesForLocked(job)
	wanted := difference(entitled, job.PutOff)
	if len(job.Only) > 0 {
		if wanted = intersection(wanted, job.Only); len(wanted) > 0 { // the archive gets that too
			wanted = intersection(entitled, o.withArchiveLocked(job.Place, wanted))
		}
	}
	if len(wanted) == 0 { // also if the chain is still one that those know who have gone: nobody needs a new one
		return tx.DeleteJob(o.org, job)
	}
	absent = intersection(wanted, absent)
	pending := difference(intersection(wanted, difference(out.Devices, out.Again)), absent)
	if len(difference(difference(wanted, pending), absent)) > 0 || len(difference(out.Devices, entitled)) > 0 {
		return nil
	}
	if err := o.putOff(tx, &job, absent); err != nil {
		return err
	}
	if job.Message != nil && job.Next == 0 && len(job.Only) == 0 {
		if err := o.noteDevices(tx, *job.Message, job.Last, pending); err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		return tx.DeleteJob(o.org, job)
	}
	chain, err := envelope.UnmarshalChain(out.Chain)
	if err != nil {
		return err
	}
	how := sealing{pending: pending, limit: limit, keep: true, spread: len(job.Only) == 0 && o.isWholeGroupLocked(job.Place, pending)}
	return o.sealOn(tx, job, chain, out, how)
}

// sealing is how the parts of a job are sealed.
type sealing struct {
	pending []keys.PublicKey // the devices that are to get them
	limit   int              // about how many bytes
	spread  bool             // they are the whole group: the rendezvous node finds them
	keep    bool             // the chain is the one of the job's place
}

// sealOn seals the next parts of a job on a chain, and stores what comes of it. Callers hold mu.
func (o *organization) sealOn(tx *store.Tx, job store.Job, chain *envelope.Chain, out store.Outgoing, how sealing) error {
	line, anew := lineOf(job, out)
	now := o.now()
	for sealed := 0; job.Next < job.Last && sealed < how.limit && !chain.Due(now); job.Next++ {
		kind, body, err := o.part(tx, job, job.Next)
		if err != nil {
			return err
		}
		at := line // which moves on only with what is sealed for the first time
		if anew {
			kind |= history.Anew
			at, _ = lineOf(job, out)
		}
		turn := store.Turn{Sequence: at.Sequence + 1, Previous: at.Previous}
		shut, quote, err := chain.Seal(rand.Reader, o.self, &at, envelope.Content{
			Head: o.headLocked(), Kind: uint8(kind), Body: body,
		}, o.metaLocked(job))
		if err != nil {
			return err
		}
		w := store.Waiting{
			Pending: how.pending, Place: job.Place, Message: job.Message, Part: job.Next,
			Kind: uint8(envelope.KindMessage), Expires: job.Expires, Attempt: job.Attempt, At: turn,
			Written: job.Written, Spread: how.spread, Archive: o.amongArchivesLocked(how.pending),
		}
		if job.Message == nil {
			w.BodyKind, w.Body = job.Kind, job.Body
		}
		if err := o.addWaiting(tx, w, shut); err != nil {
			return err
		}
		if err := o.keepProof(tx, job, job.Next, quote); err != nil {
			return err
		}
		if anew {
			if err := o.nextTurn(tx, &job); err != nil {
				return err
			}
		} else {
			line = at
			if err := o.noteSent(tx, job, turn); err != nil {
				return err
			}
		}
		sealed += len(shut.Sealed) + (len(how.pending)+len(job.Place.Members))*(keys.IDSize+2)
	}
	if how.keep {
		out.Chain = chain.Marshal()
	}
	if !anew {
		out.Sequence, out.Previous = line.Sequence, line.Previous
	}
	if how.keep || !anew {
		if err := tx.PutOutgoing(o.org, job.Place.ID(o.org), out); err != nil {
			return err
		}
	}
	if job.Next < job.Last {
		return tx.PutJob(o.org, job)
	}
	return tx.DeleteJob(o.org, job)
}

// nextTurn has a job that seals parts anew go on with where the next one was sealed before, if that is known.
func (o *organization) nextTurn(tx *store.Tx, job *store.Job) error {
	if job.Message == nil || job.Anew.Sequence == 0 {
		return nil
	}
	number := job.Anew.Sequence + 1
	job.Anew = store.Turn{}
	sent, err := tx.Sent(o.org, job.Place.ID(o.org), number)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case sent.Message != nil && *sent.Message == *job.Message && sent.Part == job.Next+1:
		job.Anew = store.Turn{Sequence: number, Previous: sent.Previous}
	}
	return nil
}

// lineOf returns where the next body of a job stands in the device's line, and whether it was sealed before, or was
// put off, so that others have it already: then it takes no number of its own. [HIST-11]
func lineOf(job store.Job, out store.Outgoing) (line envelope.Line, anew bool) {
	switch {
	case history.Kind(job.Kind).IsAside() && out.Sequence == 0:
		return envelope.Line{}, true // it takes no number
	case len(job.Only) == 0 || out.Sequence == 0:
		return envelope.Line{Sequence: out.Sequence, Previous: out.Previous}, false
	case job.Anew.Sequence > 0:
		return envelope.Line{Sequence: job.Anew.Sequence - 1, Previous: job.Anew.Previous}, true
	case out.Sequence == 1:
		return envelope.Line{}, true
	default:
		return envelope.Line{Sequence: out.Sequence - 1, Previous: out.Previous}, true
	}
}

// putOff makes a job of its own of what is left for devices that have published no prekey yet, once for each device.
func (o *organization) putOff(tx *store.Tx, job *store.Job, absent []keys.PublicKey) error {
	if len(absent) == 0 {
		return nil
	}
	later := *job
	later.Only, later.PutOff, later.NotBefore = absent, nil, o.now().Add(jitter(missingPrekeyPause)).UnixMilli()
	job.PutOff = append(slices.Clone(job.PutOff), absent...)
	return tx.AddJob(o.org, later)
}

// noteDevices adds the devices that joined since the message was written to those that it is tracked for.
func (o *organization) noteDevices(tx *store.Tx, message keys.MessageID, parts uint64, devices []keys.PublicKey) error {
	for _, device := range o.membersDevicesLocked(devices) {
		_, err := tx.Delivery(o.org, message, device)
		if !errors.Is(err, store.ErrNotFound) {
			if err != nil {
				return err
			}
			continue
		}
		member, _ := o.allPeopleLocked().MemberOf(device)
		err = tx.PutDelivery(o.org, message, store.Delivery{
			Device: device, Member: member, State: store.StateHeld, Unposted: parts, Missing: parts, Changed: o.now().UnixMilli(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// part returns one body of a job: the message's text first, then the chunks of its files in order.
func (o *organization) part(tx *store.Tx, job store.Job, part uint64) (history.Kind, []byte, error) {
	if job.Message == nil {
		return history.Kind(job.Kind), job.Body, nil
	}
	record, err := tx.Message(o.org, *job.Message)
	if err != nil {
		return 0, nil, err
	}
	if part == 0 {
		return history.KindText, wire.Encode(record.Message.Text), nil
	}
	index := part - 1
	for _, file := range record.Message.Text.Files {
		if index >= file.Chunks() {
			index -= file.Chunks()
			continue
		}
		data, err := tx.Chunk(store.FileID{Nonce: file.Nonce}, index)
		if err != nil {
			return 0, nil, fmt.Errorf("reading chunk %d of %q: %w", index, file.Name, err)
		}
		return history.KindChunk, wire.Encode(history.Chunk{File: file.Nonce, Index: index, Data: data}), nil
	}
	return 0, nil, fmt.Errorf("message %s has no part %d", job.Message.Short(), part)
}

// headLocked returns the newest checkpoint that was adopted, for the receiver to compare, as it travels. Callers hold mu.
func (o *organization) headLocked() []byte {
	head, ok := o.roll.Head()
	if !ok {
		return nil
	}
	return head.Marshal()
}
