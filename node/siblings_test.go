package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/sync/exchange"
)

// A stolen device of the account cannot have another answer it as often as it likes: each answer can take the whole set in memory.
func TestAnswersToOneSiblingAreBounded(t *testing.T) {
	s := newSiblingMeetings(nil)
	thief, laptop := keys.PublicKey{1}, keys.PublicKey{2}
	for range mostAnswers {
		if !s.beginAnswer(thief) {
			t.Fatal("it is not answered")
		}
	}
	if s.beginAnswer(thief) {
		t.Error("it is answered once more than it may")
	}
	if !s.beginAnswer(laptop) {
		t.Error("another one is not answered")
	}
	s.endAnswer(thief)
	if !s.beginAnswer(thief) {
		t.Error("it is not answered after an answer has ended")
	}
	if m := s.meetings[thief]; time.Since(m.used) > time.Minute || m.answers != mostAnswers {
		t.Errorf("%+v", m)
	}
}

// Whoever looks at the list of devices hears that a history has become the same, also if nothing new came with it; and not at each
// exchange again.
func TestSameHistoryIsTold(t *testing.T) {
	o, _ := twoDevices(t, 0)
	s, laptop := newSiblingMeetings(o), keys.PublicKey{2}
	events := o.node.hub.watch(t.Context(), o.org.String())
	told := func(done exchange.Progress) (n int) {
		s.meetingLocked(laptop)
		s.end(laptop, exchange.Options{}, done, nil)
		for {
			select {
			case e := <-events:
				if e.Kind == api.EventOrg {
					n++
				}
			default:
				return n
			}
		}
	}
	if n := told(exchange.Progress{}); n != 0 {
		t.Errorf("told %d times although the histories differ", n)
	}
	if n := told(exchange.Progress{Equal: true}); n != 1 {
		t.Errorf("told %d times that they are the same", n)
	}
	if n := told(exchange.Progress{Equal: true}); n != 0 {
		t.Errorf("told %d times again", n)
	}
}
