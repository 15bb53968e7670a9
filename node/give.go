package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// givenAnHour is how many numbers one device is given again in an hour at most, and givenToAll all together. One is up to 128 KiB.
	givenAnHour = 1024
	givenToAll  = 8192
	// givenBytes is how many bytes of acts one request is answered with, beside messages: they are stored once more.
	givenBytes = 256 << 10
	// askCost is what being asked costs of these at least, however little is asked for.
	askCost = 64
)

// generosity is what was given again lately, to whom.
type generosity struct {
	since time.Time
	total uint64
	given map[keys.PublicKey]uint64
}

// allow returns how many of some numbers a device is given, and counts them.
func (g *generosity) allow(device keys.PublicKey, numbers uint64, now time.Time) uint64 {
	if since := now.Sub(g.since); g.given == nil || since < 0 || since >= time.Hour {
		*g = generosity{since: now, given: make(map[keys.PublicKey]uint64)}
	}
	left := min(givenAnHour-min(givenAnHour, g.given[device]), givenToAll-min(givenToAll, g.total))
	if left < askCost {
		return 0
	}
	numbers = min(numbers, left)
	cost := max(numbers, askCost)
	g.total, g.given[device] = g.total+cost, g.given[device]+cost
	return numbers
}

// takeLack gives a device again what it lacks of this device's line in a conversation, as far as it may have it, and says what is
// there no more. [HIST-28]
func (o *organization) takeLack(tx *store.Tx, opened envelope.Opened, place envelope.Place, effects *effects) error {
	lack, err := history.DecodeLack(opened.Content.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	device := opened.Sender
	out, err := tx.Outgoing(o.org, place.ID(o.org))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	numbers := numbersOf(lack.Numbers, out.Sequence)
	numbers = numbers[:o.generosity.allow(device, uint64(len(numbers)), time.Now())]
	o.log.Info("a device asked for what it lacks", "device", device.Short(), "given", len(numbers))
	if len(numbers) == 0 {
		return nil
	}
	waiting, err := o.waitingAt(tx, place, device, numbers)
	if err != nil {
		return err
	}
	var gone []store.Span
	stored := 0
	for _, number := range numbers {
		if w, waits := waiting[number]; waits { // it is on its way, and is offered before its time
			w.Offered = 0
			if err := tx.PutWaiting(o.org, w); err != nil {
				return err
			}
			effects.offer = true
			continue
		}
		size, left, err := o.giveAgain(tx, place, device, number)
		if err != nil {
			return err
		}
		effects.seal = true
		if stored += size; stored > givenBytes {
			break // it asks again
		}
		if !left {
			gone = addNumber(gone, number)
		}
	}
	if gone = gone[:min(len(gone), history.MaxSpans)]; len(gone) == 0 {
		return nil
	}
	effects.seal = true
	return o.addJob(tx, store.Job{
		Place: place, Last: 1, Only: []keys.PublicKey{device}, Expires: o.expiryLocked(),
		Kind: uint8(history.KindGone), Body: wire.Encode(history.Gone{Numbers: gone}),
	})
}

// numbersOf lists the numbers of spans up to one, of which there are few.
func numbersOf(spans []store.Span, last uint64) (numbers []uint64) {
	for _, s := range spans {
		for n := s.First; n <= min(s.Last, last); n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// addNumber puts a number that is above all before to spans.
func addNumber(spans []store.Span, number uint64) []store.Span {
	if n := len(spans); n > 0 && spans[n-1].Last+1 == number {
		spans[n-1].Last = number
		return spans
	}
	return append(spans, store.Span{First: number, Last: number})
}

// waitingAt returns the envelopes for a device that wait for its receipt, by their numbers in the line of a conversation.
func (o *organization) waitingAt(tx *store.Tx, place envelope.Place, device keys.PublicKey, numbers []uint64) (map[uint64]store.Waiting, error) {
	found := make(map[uint64]store.Waiting)
	err := tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
		if envelope.Kind(w.Kind) == envelope.KindMessage && !history.Kind(w.BodyKind).IsAside() && slices.Contains(w.Pending, device) && w.Place.Equal(place) {
			if _, asked := slices.BinarySearch(numbers, w.At.Sequence); asked {
				found[w.At.Sequence] = w
			}
		}
		return true, nil
	})
	return found, err
}

// giveAgain has what a number stands for sealed anew for a device, under the same message id, if the device may have it. It returns
// how many bytes were stored for that, and whether there is anything left that could be given.
func (o *organization) giveAgain(tx *store.Tx, place envelope.Place, device keys.PublicKey, number uint64) (size int, left bool, err error) {
	sent, err := tx.Sent(o.org, place.ID(o.org), number)
	if errors.Is(err, store.ErrNotFound) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, err
	}
	if !o.entitledLocked(place, sent.Written, device) {
		return 0, true, nil // it is told nothing
	}
	job := store.Job{
		Place: place, Message: sent.Message, Next: sent.Part, Last: sent.Part + 1, Only: []keys.PublicKey{device}, Expires: o.expiryLocked(),
		Kind: sent.Kind, Body: sent.Body, Anew: store.Turn{Sequence: number, Previous: sent.Previous}, Written: sent.Written,
	}
	switch {
	case sent.Message != nil:
		left, err = o.isPartLeft(tx, &job)
	case len(sent.Act) > 0:
		left, err = o.isActLeft(tx, sent, &job)
	default:
		left = true
	}
	if err != nil || !left {
		return 0, left, err
	}
	return len(job.Body), true, tx.AddJob(o.org, job)
}

// isPartLeft reports whether the part of a message that a job seals is there.
func (o *organization) isPartLeft(tx *store.Tx, job *store.Job) (bool, error) {
	r, err := tx.Message(o.org, *job.Message)
	if err == nil && r.Message.Erased == 0 {
		job.Expires = outboxUntil(*r.Message, o.now(), job.Expires)
		_, _, err = o.part(tx, *job, job.Next)
	} else if err == nil {
		return false, nil
	}
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// isActLeft reports whether an act that was sent still counts, and has the job seal it.
func (o *organization) isActLeft(tx *store.Tx, sent store.Sent, job *store.Job) (bool, error) {
	signed, err := tx.ProofAt(o.org, sent.Act)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	content, _, err := envelope.OpenContent(signed.Content, signed.Signature, o.org, o.device)
	job.Next, job.Last, job.Body = 0, 1, content.Body
	return err == nil, err
}

// noteSent notes what a number of the own line stands for, so that it can be given again.
func (o *organization) noteSent(tx *store.Tx, job store.Job, turn store.Turn) error {
	sent := store.Sent{Message: job.Message, Previous: turn.Previous, Written: job.Written}
	switch {
	case job.Message != nil:
		sent.Part = job.Next
	case history.Kind(job.Kind).IsAct():
		sent.Kind, sent.Act = job.Kind, store.ActKey(history.Act{
			Author: o.device, Member: o.member, Conversation: job.Place.ID(o.org), Kind: history.Kind(job.Kind), Body: job.Body,
		})
	default:
		sent.Kind, sent.Body = job.Kind, job.Body
	}
	return tx.PutSent(o.org, job.Place.ID(o.org), turn.Sequence, sent)
}
