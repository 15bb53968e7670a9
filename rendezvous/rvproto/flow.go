package rvproto

import "time"

// Bounds of what may be under way of an envelope in pieces, in bytes.
const (
	firstWindow  = 8 << 10
	leastWindow  = 4 << 10
	mostWindow   = 4 << 20
	leastPiece   = 1 << 10
	piecesWindow = 4 // pieces of a window at least
	quickWindow  = 256 << 10
)

const (
	// quickRound is the longest round trip of a link on which envelopes go in one frame once it has carried quickWindow within it, until
	// an answer takes longer than tooSlow.
	quickRound = 250 * time.Millisecond
	// quickEnough is by how much longer than at best a piece may take while more is tried.
	quickEnough = 500 * time.Millisecond
	// tooSlow is by how much longer it takes when more waits in the link than a message that comes now should wait behind.
	tooSlow = 2 * time.Second
)

// Flow says how much of an envelope in pieces may be under way, so that what is sent meanwhile waits behind about two seconds of the
// link's rate, whatever that is, and not behind minutes: a link takes in more than it carries, and says so by being late alone.
// The zero value is ready. [RV-202]
type Flow struct {
	window int
	sent   []mark // pieces without an answer, the oldest first
	least  time.Duration
	end    int // up to where was sent when the window last shrank
}

// mark is when what lies before a place was sent.
type mark struct {
	end, size int
	at        time.Time
}

// Begin forgets what was under way.
func (f *Flow) Begin() {
	f.window, f.sent, f.end = max(f.window, firstWindow), f.sent[:0], 0
}

// Piece returns how large the next piece may be, of an envelope of which so many bytes are left and so many under way: 0 if it has to
// wait.
func (f *Flow) Piece(left, under int) int {
	size := min(max(leastPiece, f.window/piecesWindow), MaxPiece, left)
	if under > 0 && under+size > f.window {
		return 0
	}
	return size
}

// Note notes a piece of a size that is sent, up to a place.
func (f *Flow) Note(end, size int, now time.Time) { f.sent = append(f.sent, mark{end, size, now}) }

// Heard learns from the answer that so many bytes have come.
func (f *Flow) Heard(held int, now time.Time) {
	var took time.Duration
	came := 0
	for len(f.sent) > 0 && f.sent[0].end <= held {
		took = now.Sub(f.sent[0].at)
		came += f.sent[0].size
		f.sent = f.sent[1:]
	}
	if came == 0 {
		return
	}
	if f.least == 0 || took < f.least {
		f.least = took
	}
	switch over := took - f.least; {
	case over <= quickEnough+f.least/4:
		f.window = min(f.window+came, mostWindow)
	case over > tooSlow && held > f.end:
		f.window = max(leastWindow, min(f.window/2, int(time.Duration(f.window)*(f.least+tooSlow)/took)))
		if n := len(f.sent); n > 0 {
			f.end = f.sent[n-1].end
		}
	}
}

// Quick reports whether the link carries so much that pieces are of no use.
func (f *Flow) Quick() bool { return f.window >= quickWindow && f.least <= quickRound }

// Late is after how long without the answer to a whole envelope a link is quick no more.
const Late = tooSlow
