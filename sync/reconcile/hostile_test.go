package reconcile

import (
	"bytes"
	"errors"
	"testing"
)

// The other side cannot have one ask, and remember, without end: here it claims to have an item in ever more places. [SYNC-7]
func TestClaimsAreBounded(t *testing.T) {
	s := NewSession(NewSet([32]byte{1}, nil), Bound{})
	var time uint64
	for rounds := 0; ; rounds++ {
		if rounds > 2*maxOpen/maxRanges {
			t.Fatalf("after %d rounds it goes on, with %d ranges", rounds, len(s.pending)+len(s.lacks))
		}
		if s.Ask() == nil {
			s.pending = []question{{to: End}} // as if there had been something to ask about
			s.Ask()
		}
		var said []statement
		for range 60_000 {
			time++
			said = append(said, statement{to: At(time), kind: kindPrint, count: 1})
		}
		time = 0
		if err := s.Take(encode(append(said, statement{to: End}))); errors.Is(err, ErrFrame) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// What asks for ranges has one form. [SYNC-9]
func FuzzMissing(f *testing.F) {
	f.Add(EncodeMissing([]Missing{{From: Bound{}, To: End}}))
	f.Add(EncodeMissing([]Missing{{From: Bound{}, To: End, Names: []Name{{1, 2, 3}}}}))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := DecodeMissing(data)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatalf("%v does not wrap ErrFrame", err)
			}
			return
		}
		if !bytes.Equal(EncodeMissing(all), data) {
			t.Error("it has a second form")
		}
	})
}
