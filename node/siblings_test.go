package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
)

// A stolen device of the account cannot have another answer it as often as it likes: each answer can take the whole set in memory.
func TestAnswersToOneSiblingAreBounded(t *testing.T) {
	s := &siblingMeetings{meetings: make(map[keys.PublicKey]*meeting)}
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
