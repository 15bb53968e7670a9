package history

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// member, device and nonce return ids of equal bytes.
func member(b byte) (id keys.MemberID) { fill(id[:], b); return id }

func device(b byte) (k keys.PublicKey) { fill(k[:], b); return k }

func nonce(b byte) (n [NonceSize]byte) { fill(n[:], b); return n }

func fill(p []byte, b byte) {
	for i := range p {
		p[i] = b
	}
}

// letter returns a message that uses every field.
func letter() Text {
	reply := MessageID(device(2), nonce(9))
	return Text{
		Nonce: nonce(1), To: []keys.MemberID{member(2), member(3)}, Subject: "Harvest", Text: "Bring the long ladder.\n",
		Time: 1750000000000, Reply: &reply,
		Files: []File{
			{Nonce: nonce(7), Name: "plan.pdf", Size: 2*ChunkSize + 1, Hash: [32]byte{1}},
			{Nonce: nonce(8), Name: "empty", Hash: [32]byte{2}},
		},
		Thread: &reply, Mentions: []keys.MemberID{member(3)}, Lifetime: 86400, Forwarded: forwarded(1, 3), Receipts: true, Auto: true,
		Added: []keys.MemberID{member(3)},
	}
}

// changed returns letter after a change.
func changed(change func(*Text)) Text {
	t := letter()
	change(&t)
	return t
}

// members returns n different members.
func members(n int) []keys.MemberID {
	all := make([]keys.MemberID, n)
	for i := range all {
		all[i] = keys.MemberID{byte(i), byte(i >> 8)}
	}
	return all
}

// forwarded returns n signed contents of a length.
func forwarded(n, size int) []Signed {
	all := make([]Signed, n)
	for i := range all {
		all[i] = Signed{Device: device(1), Content: make([]byte, size)}
	}
	return all
}

// files returns n files of different nonces.
func files(n int) []File {
	all := make([]File, n)
	for i := range all {
		all[i] = File{Nonce: [NonceSize]byte{byte(i)}, Name: "a"}
	}
	return all
}

// [HIST-2]
func TestTextKeepsWithinItsCaps(t *testing.T) {
	group, guest := keys.GroupID(member(7)), member(8)
	for name, c := range map[string]struct {
		change func(*Text)
		ok     bool
	}{
		"as it is":                   {func(*Text) {}, true},
		"to the most recipients":     {func(m *Text) { m.To = members(MaxRecipients) }, true},
		"to one recipient too many":  {func(m *Text) { m.To = members(MaxRecipients + 1) }, false},
		"to nobody":                  {func(m *Text) { m.To = nil }, false},
		"to one member twice":        {func(m *Text) { m.To = append(m.To, m.To[0]) }, false},
		"the longest subject":        {func(m *Text) { m.Subject = strings.Repeat("x", MaxSubject) }, true},
		"a subject too long":         {func(m *Text) { m.Subject = strings.Repeat("x", MaxSubject+1) }, false},
		"a subject of two lines":     {func(m *Text) { m.Subject = "a\nb" }, false},
		"a subject with an escape":   {func(m *Text) { m.Subject = "a\x1b[2J" }, false},
		"a subject that is no text":  {func(m *Text) { m.Subject = "\xff" }, false},
		"no subject":                 {func(m *Text) { m.Subject = "" }, true},
		"the longest text":           {func(m *Text) { m.Text = strings.Repeat("x", MaxText) }, true},
		"a text too long":            {func(m *Text) { m.Text = strings.Repeat("x", MaxText+1) }, false},
		"a text that is no text":     {func(m *Text) { m.Text = "\xc3\x28" }, false},
		"a text of several lines":    {func(m *Text) { m.Text = "a\n\tb" }, true},
		"the first time":             {func(m *Text) { m.Time = 0 }, true},
		"a time before the first":    {func(m *Text) { m.Time = -1 }, false},
		"the last time":              {func(m *Text) { m.Time = MaxTime }, true},
		"a time after the last":      {func(m *Text) { m.Time = MaxTime + 1 }, false},
		"the most files":             {func(m *Text) { m.Files = files(MaxFiles) }, true},
		"one file too many":          {func(m *Text) { m.Files = files(MaxFiles + 1) }, false},
		"one file twice":             {func(m *Text) { m.Files[1].Nonce = m.Files[0].Nonce }, false},
		"the largest file":           {func(m *Text) { m.Files[0].Size = MaxFileSize }, true},
		"a file too large":           {func(m *Text) { m.Files[0].Size = MaxFileSize + 1 }, false},
		"to a group":                 {func(m *Text) { m.To, m.Group = nil, &group }, true},
		"to a guest":                 {func(m *Text) { m.To, m.Guest = nil, &guest }, true},
		"to a group and members":     {func(m *Text) { m.Group = &group }, false},
		"to a guest and members":     {func(m *Text) { m.Guest = &guest }, false},
		"to a group and a guest":     {func(m *Text) { m.To, m.Group, m.Guest = nil, &group, &guest }, false},
		"the most mentions":          {func(m *Text) { m.Mentions = members(MaxMentions) }, true},
		"a mention too many":         {func(m *Text) { m.Mentions = members(MaxMentions + 1) }, false},
		"a mention twice":            {func(m *Text) { m.Mentions = append(members(1), members(1)...) }, false},
		"the longest lifetime":       {func(m *Text) { m.Lifetime = MaxLifetime }, true},
		"a lifetime too long":        {func(m *Text) { m.Lifetime = MaxLifetime + 1 }, false},
		"the most that is forwarded": {func(m *Text) { m.Forwarded = forwarded(MaxForwarded, 1) }, true},
		"a forwarded one too many":   {func(m *Text) { m.Forwarded = forwarded(MaxForwarded+1, 1) }, false},
		"the longest forwarded":      {func(m *Text) { m.Forwarded = forwarded(1, MaxSigned) }, true},
		"a forwarded one too long":   {func(m *Text) { m.Forwarded = forwarded(1, MaxSigned+1) }, false},
		"a forwarded one of nothing": {func(m *Text) { m.Forwarded = forwarded(1, 0) }, false},
		"somebody added":             {func(m *Text) { m.Added = members(2) }, true},
		"somebody added twice":       {func(m *Text) { m.Added = append(members(1), members(1)...) }, false},
		"a file that leaves its dir": {func(m *Text) { m.Files[1].Name = "../a" }, false},
	} {
		text := changed(c.change)
		err := text.Validate()
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", name, err)
		}
		decoded, decodeErr := DecodeText(wire.Encode(text))
		if c.ok != (decodeErr == nil) || decodeErr != nil && !errors.Is(decodeErr, ErrBody) {
			t.Errorf("%s, decoded: %v", name, decodeErr)
		}
		if decodeErr != nil && decoded.To != nil {
			t.Errorf("%s: something of it was handed out", name)
		}
	}
}

// A time beyond the cap has no JSON form: one message could keep a whole inbox from being listed.
func TestEveryTimeHasATextForm(t *testing.T) {
	for _, millis := range []int64{0, MaxTime} {
		if _, err := unixMilli(millis).MarshalJSON(); err != nil {
			t.Errorf("%d: %v", millis, err)
		}
	}
	if _, err := unixMilli(MaxTime + 1).MarshalJSON(); err == nil {
		t.Error("the cap is below what has a text form")
	}
}

// [HIST-3]
func TestMessageIDNamesAuthorAndNonce(t *testing.T) {
	id := MessageID(device(1), nonce(1))
	if id != MessageID(device(1), nonce(1)) {
		t.Error("the same message sealed anew has another name")
	}
	if id == MessageID(device(2), nonce(1)) {
		t.Error("another device can take a message's place")
	}
	if id == MessageID(device(1), nonce(2)) {
		t.Error("two messages have one name")
	}
	m := Message{Author: device(1), Text: Text{Nonce: nonce(1)}}
	if m.ID() != id {
		t.Error("a record names its message otherwise")
	}
}

// [HIST-8]
func TestFilesTravelInChunks(t *testing.T) {
	for size, want := range map[uint64]uint64{
		0: 0, 1: 1, ChunkSize - 1: 1, ChunkSize: 1, ChunkSize + 1: 2, 3 * ChunkSize: 3, MaxFileSize: MaxChunks,
	} {
		if got := (File{Size: size}).Chunks(); got != want {
			t.Errorf("%d bytes travel in %d chunks, want %d", size, got, want)
		}
	}
}

// [HIST-8]
func TestChunkKeepsWithinItsCaps(t *testing.T) {
	for name, c := range map[string]struct {
		chunk Chunk
		ok    bool
	}{
		"one byte":                  {Chunk{Data: []byte{1}}, true},
		"the largest":               {Chunk{Data: make([]byte, ChunkSize)}, true},
		"one byte too many":         {Chunk{Data: make([]byte, ChunkSize+1)}, false},
		"nothing":                   {Chunk{}, false},
		"the last of a file":        {Chunk{Index: MaxChunks - 1, Data: []byte{1}}, true},
		"behind the last of a file": {Chunk{Index: MaxChunks, Data: []byte{1}}, false},
		"far behind":                {Chunk{Index: 1 << 63, Data: []byte{1}}, false},
	} {
		decoded, err := DecodeChunk(wire.Encode(c.chunk))
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (decoded.Index != c.chunk.Index || !slices.Equal(decoded.Data, c.chunk.Data)) {
			t.Errorf("%s: another chunk came out", name)
		}
	}
}

// [HIST-9]
func TestLeaveKeepsWithinItsCap(t *testing.T) {
	for size, ok := range map[int]bool{0: false, 1: true, MaxGrant: true, MaxGrant + 1: false} {
		_, err := DecodeLeave(wire.Encode(Leave{Grant: make([]byte, size)}))
		if ok != (err == nil) || err != nil && !errors.Is(err, ErrBody) {
			t.Errorf("a grant of %d bytes: %v", size, err)
		}
	}
	if MaxGrant != membership.MaxGrant {
		t.Error("a grant that membership accepts has no room here")
	}
}

// Each is a second form of bytes that have one, or has something that is not in the layout.
func TestDecodersRefuseOtherForms(t *testing.T) {
	good := wire.Encode(Leave{Grant: []byte{1}})
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"something behind it":    append(slices.Clone(good), 0),
		"half of it":             good[:len(good)-1],
		"an unknown key":         wire.Encode(map[int]any{1: []byte{1}, 2: 0}),
		"an array":               wire.Encode([]any{[]byte{1}}),
		"a text for bytes":       wire.Encode(map[int]any{1: "a"}),
		"null for bytes":         {0xa1, 0x01, 0xf6},
		"an indefinite length":   {0xbf, 0x01, 0x41, 0x01, 0xff},
		"a length in long form":  {0xa1, 0x01, 0x58, 0x01, 0x01},
		"bytes as a list":        {0xa1, 0x01, 0x81, 0x01},
		"one key twice":          {0xa2, 0x01, 0x41, 0x01, 0x01, 0x41, 0x01},
		"a tag":                  {0xc1, 0xa1, 0x01, 0x41, 0x01},
		"a key as a text":        {0xa1, 0x61, 0x31, 0x41, 0x01},
		"a key that is negative": {0xa1, 0x20, 0x41, 0x01},
	} {
		for kind, decode := range decoders {
			if _, err := decode(data); !errors.Is(err, ErrBody) {
				t.Errorf("%s as a %s: %v, want ErrBody", name, kind, err)
			}
		}
	}
}

// [HIST-14]
func TestActsKeepWithinTheirCaps(t *testing.T) {
	id := func(n int) (all []keys.MessageID) {
		for i := range n {
			all = append(all, MessageID(device(1), nonce(byte(i)))) // fewer than 256 different ones
		}
		return all
	}
	for name, c := range map[string]struct {
		kind Kind
		body any
		ok   bool
	}{
		"an edit":                      {KindEdit, Edit{Message: post().ID(), Subject: "A", Text: "B", Mentions: members(1), Time: 1}, true},
		"an edit to nothing":           {KindEdit, Edit{Message: post().ID()}, true},
		"an edit too long":             {KindEdit, Edit{Text: strings.Repeat("x", MaxText+1)}, false},
		"an edit's subject of 2 lines": {KindEdit, Edit{Subject: "a\nb"}, false},
		"an edit that mentions twice":  {KindEdit, Edit{Mentions: append(members(1), members(1)...)}, false},
		"an edit after all times":      {KindEdit, Edit{Time: MaxTime + 1}, false},
		"a deletion":                   {KindDelete, Delete{Messages: id(MaxDeleted)}, true},
		"a deletion of too many":       {KindDelete, Delete{Messages: id(MaxDeleted + 1)}, false},
		"a deletion of none":           {KindDelete, Delete{}, false},
		"a deletion of one twice":      {KindDelete, Delete{Messages: append(id(1), id(1)...)}, false},
		"a deletion before all times":  {KindDelete, Delete{Messages: id(1), Time: -1}, false},
		"a reaction":                   {KindReaction, Reaction{Emoji: strings.Repeat("x", MaxEmoji), Off: true}, true},
		"a family":                     {KindReaction, Reaction{Emoji: "👩‍👩‍👧"}, true},
		"a reaction of nothing":        {KindReaction, Reaction{}, false},
		"a reaction too long":          {KindReaction, Reaction{Emoji: strings.Repeat("x", MaxEmoji+1)}, false},
		"a reaction that steers":       {KindReaction, Reaction{Emoji: "\x1b[2J"}, false},
		"a reaction that turns round":  {KindReaction, Reaction{Emoji: "\u202ea"}, false},
		"a receipt":                    {KindSeen, Seen{Messages: id(MaxSeen)}, true},
		"a receipt for nothing":        {KindSeen, Seen{}, false},
		"a receipt after all times":    {KindSeen, Seen{Messages: id(1), Time: MaxTime + 1}, false},
		"a text":                       {KindText, letter(), false},
		"an edit as a deletion":        {KindDelete, Edit{}, false},
	} {
		_, err := Act{Kind: c.kind, Body: wire.Encode(c.body)}.Open()
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
