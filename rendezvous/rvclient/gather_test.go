package rvclient

import (
	"errors"
	"testing"

	"muster.example/rendezvous/rvproto"
)

// A node that answers with entries of one byte, of a roll without an end, is given up before they fill the memory.
func TestARollThatDoesNotEnd(t *testing.T) {
	entries := make([][]byte, rvproto.MaxPageEntries)
	for i := range entries {
		entries[i] = []byte{1}
	}
	held := 0
	page, err := new(Client).gather(0, func(uint64, uint64) (rvproto.RollAnswer, error) {
		if held += len(entries); held > 8<<20 {
			return rvproto.RollAnswer{}, errors.New("too many")
		}
		return rvproto.RollAnswer{Checkpoint: []byte("origin\n1099511627776\nroot\n"), Entries: entries}, nil
	})
	if !errors.Is(err, ErrProtocol) || len(page.Entries) > 0 {
		t.Errorf("%d entries were taken, and then %v", held, err)
	}
}
