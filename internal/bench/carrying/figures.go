package carrying

import (
	"slices"
	"time"
)

// Figures are what a week came to. One delivery is one message to one device.
type Figures struct {
	Wanted    int // deliveries that were asked for
	Possible  int // of these, those that the best could make
	Delivered int
	Reached   int // of the possible ones, those that were made

	Median, P90         time.Duration // of deliveries that both this and the best made
	BestMedian, BestP90 time.Duration // of the same

	Returned     int // not delivered, and the sender was told
	Held         int // not delivered, and still with the sender
	SenderLost   int // not delivered, and the sender's device was lost
	Silent       int // none of these: there must be none
	Falsely      int // delivered in time, but the sender was told that it was not: no receipt came in time
	Why          map[string]int
	Handings     int     // envelopes that went from one device to another
	Copies       float64 // handings for each message
	Bytes        uint64  // of envelopes that went
	OfferBytes   uint64  // of offers
	ReceiptBytes uint64  // of receipts and their summaries
	PerByte      float64 // all bytes that went for each byte that was delivered
	MostCarried  uint64  // bytes carried for others by one device, at most
	MeanCarried  float64
	MostCount    int // envelopes carried by one device, at most
	Dropped      int // envelopes let go for want of room
	Refused      int // offers not taken for want of room

	samples    int
	carriedSum float64
}

// Why a possible delivery was not made.
const (
	WhySenderLost = "the sender's device was lost"
	WhyBroken     = "links broke before all of it was over"
	WhyPressed    = "carriers had no room"
	WhyApart      = "none who carried it met the receiver in time"
)

// Result is what became of each delivery.
type Result struct {
	Figures   Figures
	Delivered []time.Duration // after the message was written, by delivery in the order of messages and of To; never: not

	why func(n int) string
}

// result counts what became of each delivery, but for what the best makes of it.
func (w *world) result() Result {
	f := &w.figures
	f.Why = make(map[string]int)
	r := Result{}
	delivered := uint64(0)
	for n, rc := range w.receiptOf {
		m := &w.load[rc.message]
		f.Wanted++
		if w.delivered[n] != never {
			r.Delivered = append(r.Delivered, w.delivered[n]-m.Written)
			f.Delivered++
			delivered += m.Size
			if w.returned[n] {
				f.Falsely++
			}
			continue
		}
		r.Delivered = append(r.Delivered, never)
		sender := w.devices[m.From]
		switch h := sender.holds[rc.message]; {
		case sender.lost:
			f.SenderLost++
		case w.returned[n]:
			f.Returned++
		case h != nil && slices.Contains(h.wanted, keyOf(m.To[rc.to])):
			f.Held++
		default:
			f.Silent++
		}
	}
	f.Copies = float64(f.Handings) / float64(max(1, len(w.load)))
	f.PerByte = float64(f.Bytes+f.OfferBytes+f.ReceiptBytes) / float64(max(1, delivered))
	for _, d := range w.devices {
		f.MostCount = max(f.MostCount, d.mostCount)
		f.MostCarried = max(f.MostCarried, d.most)
	}
	f.MeanCarried = f.carriedSum / float64(max(1, f.samples))
	r.Figures = *f
	r.why = w.why
	return r
}

// why names the reason for which a delivery was not made.
func (w *world) why(n int) string {
	rc := w.receiptOf[n]
	m := &w.load[rc.message]
	receiver := w.devices[m.To[rc.to]]
	_, part := receiver.parts[rc.message]
	switch {
	case part:
		return WhyBroken
	case w.pressed.has(rc.message):
		return WhyPressed
	case w.devices[m.From].lost:
		return WhySenderLost
	default:
		return WhyApart
	}
}

// Against holds a result against the arrivals that the best makes.
func (r *Result) Against(load []Message, best *Best) {
	f := &r.Figures
	var took, could []time.Duration
	n := 0
	for _, m := range load {
		for _, at := range best.Arrivals(m) {
			if at != never {
				f.Possible++
				if r.Delivered[n] != never {
					f.Reached++
					took, could = append(took, r.Delivered[n]), append(could, at-m.Written)
				} else {
					f.Why[r.why(n)]++
				}
			}
			n++
		}
	}
	f.Median, f.P90 = quantile(took, 50), quantile(took, 90)
	f.BestMedian, f.BestP90 = quantile(could, 50), quantile(could, 90)
}

// quantile returns the time within which so many in a hundred are.
func quantile(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
