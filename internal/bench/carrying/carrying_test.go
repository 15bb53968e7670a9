package carrying_test

import (
	"reflect"
	"testing"
	"time"

	"muster.example/internal/bench/carrying"
)

// A quiet week, so that the test is quick; the table is of busy ones.
const testPerDay = 3

// Nothing is lost in silence, whatever carriers drop and whoever is lost; bounds hold; and what could arrive does.
func TestCarrying(t *testing.T) {
	tight := carrying.Default
	tight.Bytes, tight.Count = 2<<20, 60
	direct := carrying.Default
	direct.Copies = 0
	for _, movement := range carrying.Movements() {
		t.Run(movement.Name, func(t *testing.T) {
			trace := carrying.NewTrace(movement.Move, 7)
			load := carrying.NewLoad(trace, testPerDay, 7)
			best := carrying.NewBest(trace)
			alone := carrying.Play(trace, load, direct)
			hold(t, &alone, trace, load, best)
			if f := alone.Figures; f.MostCarried != 0 || f.Handings != f.Delivered {
				t.Errorf("without carriers %d bytes were carried, in %d handings for %d deliveries", f.MostCarried, f.Handings, f.Delivered)
			}
			carried := carrying.Play(trace, load, carrying.Default)
			hold(t, &carried, trace, load, best)
			if f := carried.Figures; float64(f.Reached) < 0.99*float64(f.Possible) {
				t.Errorf("of %d deliveries that could be made %d were: %v", f.Possible, f.Reached, f.Why)
			}
			pressed := carrying.Play(trace, load, tight)
			hold(t, &pressed, trace, load, best)
			f := pressed.Figures
			if f.MostCarried > tight.Bytes || f.MostCount > tight.Count {
				t.Errorf("%d envelopes of %d bytes were carried by one device", f.MostCount, f.MostCarried)
			}
			if f.Dropped+f.Refused == 0 || f.Reached <= alone.Figures.Reached {
				t.Errorf("of carriers without room %d were let go or not taken, and %d arrived, %d directly", f.Dropped+f.Refused, f.Reached, alone.Figures.Reached)
			}
		})
	}
}

// hold holds a week against what must be so in any.
func hold(t *testing.T, r *carrying.Result, trace carrying.Trace, load []carrying.Message, best *carrying.Best) {
	t.Helper()
	r.Against(load, best)
	f := r.Figures
	if f.Wanted == 0 || f.Silent != 0 || f.Delivered+f.Returned+f.Held+f.SenderLost != f.Wanted {
		t.Errorf("of %d deliveries %d were made, %d returned, %d held, %d lost with their senders: %d in silence",
			f.Wanted, f.Delivered, f.Returned, f.Held, f.SenderLost, f.Silent)
	}
	n := 0
	for _, m := range load {
		arrivals := best.Arrivals(m)
		for i, at := range arrivals {
			took := r.Delivered[n]
			n++
			slack := time.Duration(float64(m.Size) / carrying.Bandwidth * float64(time.Second)) // pieces may come from several
			if made := took <= carrying.Life; made && m.Written+took+slack < at {
				t.Fatalf("a message of %d was at %d after %v, sooner than the best", m.From, m.To[i], took)
			} else if made && m.Written+took > trace.Lost[m.To[i]] {
				t.Fatalf("a message of %d came to the lost device %d", m.From, m.To[i])
			}
		}
	}
}

func TestSameSeedSameWeek(t *testing.T) {
	week := func() carrying.Figures {
		trace := carrying.NewTrace(carrying.Walk, 3)
		r := carrying.Play(trace, carrying.NewLoad(trace, 1, 3), carrying.Default)
		return r.Figures
	}
	if a, b := week(), week(); !reflect.DeepEqual(a, b) {
		t.Errorf("the same week gave %+v and %+v", a, b)
	}
}
