package rendezvous

import (
	"sync"

	"muster.example/rendezvous/rvproto"
)

// journal is what devices have lately told this node of one organization, or done here, for its other nodes to ask for. It
// lies in memory: who asks behind its beginning, or of an earlier life of this node, is shown everything of which the
// stores keep something, and acknowledgements that went lost are given again by the devices themselves. [RV-161]
type journal struct {
	mu    sync.Mutex // guards the following
	epoch [16]byte   // of this life of the node
	last  uint64     // the number of the newest note, from 1
	notes []rvproto.NodeNote
	bytes int
	more  chan struct{} // closed and replaced at each note
}

func newJournal(epoch [16]byte) *journal {
	return &journal{epoch: epoch, more: make(chan struct{})}
}

// add takes in a note. When there is no room the oldest go.
func (j *journal) add(note rvproto.NodeNote) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	j.notes = append(j.notes, note)
	j.bytes += noteSize(note)
	drop := 0
	for j.bytes > journalBytes || len(j.notes)-drop > journalNotes {
		j.bytes -= noteSize(j.notes[drop])
		drop++
	}
	if drop > 0 {
		j.notes = append(j.notes[:0:0], j.notes[drop:]...)
	}
	close(j.more)
	j.more = make(chan struct{})
}

// since returns the notes behind a number, as many as one answer holds, and the number of the last of them; false if that
// number is of another epoch, or notes behind it are gone. more is closed when there is another.
func (j *journal) since(epoch [16]byte, after uint64) (notes []rvproto.NodeNote, last uint64, more <-chan struct{}, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := j.last - uint64(len(j.notes)) // the number before the oldest
	if epoch != j.epoch || after < first || after > j.last {
		return nil, 0, j.more, false
	}
	size := 0
	for _, note := range j.notes[after-first:] {
		if size += noteSize(note); len(notes) > 0 && (size > rvproto.MaxNoteBytes || len(notes) == rvproto.MaxNotes) {
			break
		}
		notes = append(notes, note)
	}
	return notes, after + uint64(len(notes)), j.more, true
}

// now returns where the journal ends.
func (j *journal) now() (epoch [16]byte, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.epoch, j.last
}

func noteSize(n rvproto.NodeNote) int { return len(n.Signed) + 32*len(n.Members) + 96 }

// note keeps what a device has said for the other nodes; nothing if there are none.
func (o *org) note(note rvproto.NodeNote) {
	if o.several.Load() {
		o.journal.add(note)
	}
}
