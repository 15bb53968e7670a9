package rvproto

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// State is what a device says of its person, and what a node tells of a member. The numbers are part of the wire format.
type State uint8

// The states. [RV-100]
const (
	StateOffline State = 0 // told only
	StateOnline  State = 1
	StateAway    State = 2
)

// Sharing says whom a member lets see their presence. The numbers are part of the wire format.
type Sharing uint8

// The ways of sharing. Guests, those whom the policy forbids to write to the member, and those whose leave the member has
// ended see nothing in any of them. [RV-104]
const (
	ShareNobody    Sharing = 1
	ShareListed    Sharing = 2 // the members of a list
	ShareContacts  Sharing = 3 // those to whom the node holds an open grant of the member, and those of the list
	ShareEverybody Sharing = 4 // every member
)

// Grain is how coarsely the time when a member was last seen is kept and told.
type Grain uint8

// The grains. [RV-105]
const (
	GrainNone  Grain = 1 // not at all
	GrainDay   Grain = 2 // the day, UTC
	GrainHour  Grain = 3
	GrainExact Grain = 4 // the minute
)

// StatusFrame is what a device says of its person.
type StatusFrame struct{ State State } // online or away

// WatchFrame names the members whose presence a device wants to see, in the place of those it named before.
type WatchFrame struct{ Members []keys.MemberID } // at most MaxWatched; none to see nobody

// PresenceFrame tells what a watched member is. Whoever is not named is offline, with nothing said of when they were seen.
type PresenceFrame struct {
	Member keys.MemberID
	State  State
	Seen   uint64 // Unix seconds, at the grain that the member chose: when they were last online, or went away; zero for unsaid
}

// TypingFrame names members: from a device those to whom its person is typing, at most MaxTyping and one at least; from a
// node the one who types.
type TypingFrame struct{ Members []keys.MemberID }

// AppendStatus appends the canonical encoding of f to b. [RV-100]
func AppendStatus(b []byte, f StatusFrame) []byte {
	return append(b, 2|majorArray<<5, byte(FrameStatus), byte(f.State))
}

// ParseStatus reads a Status frame.
func ParseStatus(frame []byte) (StatusFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameStatus, 2)
	f := StatusFrame{State: c.state()}
	if f.State == StateOffline {
		c.fail("a state that is told only")
	}
	return f, c.finish("status")
}

// AppendWatch appends the canonical encoding of f to b. [RV-101]
func AppendWatch(b []byte, f WatchFrame) []byte {
	return appendMembers(append(b, 2|majorArray<<5, byte(FrameWatch)), f.Members)
}

// ParseWatch reads a Watch frame.
func ParseWatch(frame []byte) (WatchFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameWatch, 2)
	f := WatchFrame{Members: c.members(MaxWatched)}
	return f, c.finish("watch")
}

// AppendPresence appends the canonical encoding of f to b. [RV-102]
func AppendPresence(b []byte, f PresenceFrame) []byte {
	b = appendBytes(append(b, 4|majorArray<<5, byte(FramePresence)), f.Member[:])
	return appendHead(append(b, byte(f.State)), majorUint, f.Seen)
}

// ParsePresence reads a Presence frame.
func ParsePresence(frame []byte) (PresenceFrame, error) {
	c := cursor{data: frame}
	c.frame(FramePresence, 4)
	f := PresenceFrame{Member: c.fixed(), State: c.state(), Seen: c.head(majorUint, 1<<62)}
	return f, c.finish("presence")
}

// AppendTyping appends the canonical encoding of f, as a device sends it, to b. [RV-106]
func AppendTyping(b []byte, f TypingFrame) []byte {
	return appendMembers(append(b, 2|majorArray<<5, byte(FrameTyping)), f.Members)
}

// ParseTyping reads a Typing frame of a device.
func ParseTyping(frame []byte) (TypingFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameTyping, 2)
	f := TypingFrame{Members: c.members(MaxTyping)}
	if len(f.Members) == 0 {
		c.fail("typing to nobody")
	}
	return f, c.finish("typing")
}

// AppendTypist appends the frame by which a node tells that a member types. [RV-106]
func AppendTypist(b []byte, member keys.MemberID) []byte {
	return appendBytes(append(b, 2|majorArray<<5, byte(FrameTypist)), member[:])
}

// ParseTypist reads the frame by which a node tells that a member types.
func ParseTypist(frame []byte) (keys.MemberID, error) {
	c := cursor{data: frame}
	c.frame(FrameTypist, 2)
	member := keys.MemberID(c.fixed())
	return member, c.finish("typist")
}

func appendMembers(b []byte, members []keys.MemberID) []byte {
	b = appendHead(b, majorArray, uint64(len(members)))
	for i := range members {
		b = appendBytes(b, members[i][:])
	}
	return b
}

func (c *cursor) members(max uint64) (members []keys.MemberID) {
	n := c.head(majorArray, max)
	if c.fault == "" {
		members = make([]keys.MemberID, 0, min(n, uint64(len(c.data)/34)))
	}
	for ; n > 0 && c.fault == ""; n-- {
		members = append(members, c.fixed())
	}
	return members
}

func (c *cursor) state() State { return State(c.head(majorUint, uint64(StateAway))) }

// PresenceRequest puts or gets what the asker's member lets others see; exactly one is set. [RV-103]
type PresenceRequest struct {
	Put *Share    `cbor:"1,keyasint,omitempty"`
	Get *struct{} `cbor:"2,keyasint,omitempty"`
}

// Share is what a member lets others see of their presence, on all their devices. Before the first there is nobody.
type Share struct {
	Number  uint64          `cbor:"1,keyasint"` // the highest wins; from 1 on
	With    Sharing         `cbor:"2,keyasint"`
	Members []keys.MemberID `cbor:"3,keyasint,omitempty"` // the list: sorted, distinct, at most MaxShared
	Grain   Grain           `cbor:"4,keyasint"`
	Typing  bool            `cbor:"5,keyasint,omitempty"` // takes part in notices of typing, both ways, with those who see the member
	Hidden  bool            `cbor:"6,keyasint,omitempty"` // looks offline to everybody for now
}

// PresenceAnswer answers a PresenceRequest. Under StatusOK, and under StatusStale for a put, there is the share that counts,
// unless none was ever put.
type PresenceAnswer struct {
	Status wire.Status `cbor:"1,keyasint"`
	Share  *Share      `cbor:"2,keyasint,omitempty"`
	Move   []byte      `cbor:"3,keyasint,omitempty"` // as in RollAnswer
}

// Check returns nil if the share is one, else an error that wraps wire.ErrDecode.
func (s *Share) Check() error {
	switch {
	case s.Number == 0 || s.Number > MaxShareNumber:
		return malformed("a share with a number that is out of bounds")
	case s.With < ShareNobody || s.With > ShareEverybody:
		return malformed("a share of no known kind")
	case s.Grain < GrainNone || s.Grain > GrainExact:
		return malformed("a share with no known grain")
	case len(s.Members) > MaxShared || len(s.Members) > 0 && s.With != ShareListed && s.With != ShareContacts:
		return malformed("a share with too many members, or a list that it has no use for")
	}
	for i := 1; i < len(s.Members); i++ {
		if s.Members[i-1].Compare(s.Members[i]) >= 0 {
			return malformed("a share whose members are not sorted and distinct")
		}
	}
	return nil
}

// Lists reports whether a member is on the list.
func (s *Share) Lists(member keys.MemberID) bool {
	_, found := slices.BinarySearchFunc(s.Members, member, keys.MemberID.Compare)
	return found
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r PresenceRequest) Check() error {
	if (r.Put != nil) == (r.Get != nil) {
		return malformed("neither one share nor a question for it")
	}
	if r.Put != nil {
		return r.Put.Check()
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a PresenceAnswer) Check() error {
	if len(a.Move) > MaxEvent {
		return malformed("an event beyond the cap")
	}
	if a.Share != nil {
		return a.Share.Check()
	}
	return nil
}
