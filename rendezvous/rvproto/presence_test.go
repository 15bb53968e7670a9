package rvproto

import (
	"errors"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// The frames of presence as the generic codec has them.
type (
	statusWire struct {
		_     struct{} `cbor:",toarray"`
		Type  FrameType
		State State
	}
	membersWire struct {
		_       struct{} `cbor:",toarray"`
		Type    FrameType
		Members []keys.MemberID
	}
	presenceWire struct {
		_      struct{} `cbor:",toarray"`
		Type   FrameType
		Member keys.MemberID
		State  State
		Seen   uint64
	}
	typistWire struct {
		_      struct{} `cbor:",toarray"`
		Type   FrameType
		Member keys.MemberID
	}
)

var presenceCodecs = []codec{
	{FrameStatus, func(data []byte) ([]byte, error) {
		f, err := ParseStatus(data)
		return AppendStatus(nil, f), err
	}, func() any { return new(statusWire) }, nil},
	{FrameWatch, func(data []byte) ([]byte, error) {
		f, err := ParseWatch(data)
		return AppendWatch(nil, f), err
	}, func() any { return new(membersWire) }, nil},
	{FramePresence, func(data []byte) ([]byte, error) {
		f, err := ParsePresence(data)
		return AppendPresence(nil, f), err
	}, func() any { return new(presenceWire) }, nil},
	{FrameTyping, func(data []byte) ([]byte, error) {
		f, err := ParseTyping(data)
		return AppendTyping(nil, f), err
	}, func() any { return new(membersWire) }, nil},
	{FrameTypist, func(data []byte) ([]byte, error) {
		member, err := ParseTypist(data)
		return AppendTypist(nil, member), err
	}, func() any { return new(typistWire) }, nil},
}

func samplePresence() [][]byte {
	some := []keys.MemberID{{1}, {2}}
	return [][]byte{
		AppendStatus(nil, StatusFrame{StateAway}), AppendWatch(nil, WatchFrame{}), AppendWatch(nil, WatchFrame{some}),
		AppendPresence(nil, PresenceFrame{some[0], StateOffline, 1_800_000_000}), AppendTyping(nil, TypingFrame{some}),
		AppendTypist(nil, some[1]),
	}
}

func TestPresenceFramesAreCanonicalCBOR(t *testing.T) { // [RV-100]
	for _, data := range samplePresence() {
		read := 0
		for _, c := range presenceCodecs {
			if _, err := c.again(data); err == nil {
				read++
			}
			c.check(t, data)
			for cut := range len(data) {
				if _, err := c.again(data[:cut]); err == nil {
					t.Errorf("%x parses when cut to %d bytes", data, cut)
				}
			}
		}
		if read != 1 {
			t.Errorf("%x is %d frames", data, read)
		}
	}
}

func TestPresenceBeyondItsCaps(t *testing.T) { // [RV-3]
	members := make([]keys.MemberID, max(MaxWatched, MaxTyping, MaxShared)+1)
	for i := range members {
		members[i] = keys.MemberID{byte(i >> 8), byte(i)}
	}
	share := Share{Number: 1, With: ShareListed, Grain: GrainDay}
	with := func(change func(*Share)) error {
		s := share
		change(&s)
		return PresenceRequest{Put: &s}.Check()
	}
	for name, err := range map[string]error{
		"watched":        second(ParseWatch(AppendWatch(nil, WatchFrame{members}))),
		"typing to many": second(ParseTyping(AppendTyping(nil, TypingFrame{members[:MaxTyping+1]}))),
		"no list":        with(func(s *Share) { s.With, s.Members = ShareEverybody, members[:1] }),
		"long list":      with(func(s *Share) { s.Members = members[:MaxShared+1] }),
		"unsorted list":  with(func(s *Share) { s.Members = []keys.MemberID{{2}, {1}} }),
		"repeated":       with(func(s *Share) { s.Members = []keys.MemberID{{1}, {1}} }),
		"no number":      with(func(s *Share) { s.Number = 0 }),
		"last number":    with(func(s *Share) { s.Number = MaxShareNumber + 1 }),
		"no grain":       with(func(s *Share) { s.Grain = 0 }),
		"nothing":        PresenceRequest{}.Check(),
		"both":           PresenceRequest{Put: &share, Get: new(struct{})}.Check(),
	} {
		if !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	share.Members = members[:MaxShared]
	slices.SortFunc(share.Members, keys.MemberID.Compare)
	if got := len(wire.Encode(PresenceRequest{Put: &share})); got > MaxPresenceRequest || share.Check() != nil {
		t.Errorf("the largest share has %d bytes of %d: %v", got, MaxPresenceRequest, share.Check())
	}
	watch := AppendWatch(nil, WatchFrame{members[:MaxWatched]})
	if _, err := ParseWatch(watch); err != nil || len(watch) > MaxAckFrame {
		t.Errorf("the largest watch has %d bytes of %d: %v", len(watch), MaxAckFrame, err)
	}
}

func presenceCases(add adder) {
	member, other := keys.MemberID(fill32(0x0e)), keys.MemberID(fill32(0x0f))
	ok := func(name, object, rule, comment string, data []byte) { add(name, object, "ok", rule, comment, data) }
	bad := func(name, object, rule, comment string, data []byte) {
		add(name, object, "decode", rule, comment, data)
	}
	ok("status_online", "status", "[RV-100]", "a person who is there", AppendStatus(nil, StatusFrame{StateOnline}))
	ok("status_away", "status", "[RV-100]", "a person who is away", AppendStatus(nil, StatusFrame{StateAway}))
	bad("status_offline", "status", "[RV-100]", "a state that is told only", AppendStatus(nil, StatusFrame{StateOffline}))
	bad("status_unknown", "status", "[RV-100]", "a state that there is not", AppendStatus(nil, StatusFrame{3}))
	ok("watch_two", "watch", "[RV-101]", "two members", AppendWatch(nil, WatchFrame{[]keys.MemberID{member, other}}))
	ok("watch_nobody", "watch", "[RV-101]", "nobody any more", AppendWatch(nil, WatchFrame{}))
	bad("watch_many", "watch", "[RV-3]", "one member above the cap", AppendWatch(nil, WatchFrame{make([]keys.MemberID, MaxWatched+1)}))
	ok("presence_online", "presence", "[RV-102]", "a member who is online", AppendPresence(nil, PresenceFrame{member, StateOnline, 0}))
	ok("presence_seen", "presence", "[RV-102]", "a member who is offline, and the day on which they were seen",
		AppendPresence(nil, PresenceFrame{member, StateOffline, 1_800_057_600}))
	bad("presence_state", "presence", "[RV-102]", "a state that there is not", AppendPresence(nil, PresenceFrame{member, 3, 0}))
	ok("typing_one", "typing", "[RV-106]", "typing to one member", AppendTyping(nil, TypingFrame{[]keys.MemberID{member}}))
	bad("typing_nobody", "typing", "[RV-106]", "typing to nobody", AppendTyping(nil, TypingFrame{}))
	bad("typing_many", "typing", "[RV-3]", "one member above the cap", AppendTyping(nil, TypingFrame{make([]keys.MemberID, MaxTyping+1)}))
	ok("typist_one", "typist", "[RV-106]", "a member types", AppendTypist(nil, member))

	share := Share{Number: 7, With: ShareListed, Members: []keys.MemberID{member, other}, Grain: GrainHour, Typing: true}
	ok("share_put", "presence request", "[RV-103]", "a share with two members", wire.Encode(PresenceRequest{Put: &share}))
	ok("share_get", "presence request", "[RV-103]", "a question for the share", wire.Encode(PresenceRequest{Get: new(struct{})}))
	bad("share_both", "presence request", "[RV-103]", "both", wire.Encode(PresenceRequest{Put: &share, Get: new(struct{})}))
	ok("share_answer", "presence answer", "[RV-103]", "the share that counts, which has a higher number",
		wire.Encode(PresenceAnswer{Status: wire.StatusStale, Share: &share}))
	unsorted := share
	unsorted.Members = []keys.MemberID{other, member}
	bad("share_unsorted", "presence request", "[RV-103]", "a list that is not sorted", wire.Encode(PresenceRequest{Put: &unsorted}))
	unsorted.Members, unsorted.With = share.Members, ShareNobody
	bad("share_list", "presence request", "[RV-103]", "a list of nobody", wire.Encode(PresenceRequest{Put: &unsorted}))
}
