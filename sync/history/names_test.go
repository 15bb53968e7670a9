package history

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func TestNamesFilesFindsThoseThatDo(t *testing.T) {
	device := keys.PublicKey{1}
	message := func(text Text) Record {
		return Record{Device: device, Sequence: 1, Kind: RecordMessage, Clock: Clock{Wall: 5},
			Message: &Message{Author: device, Member: keys.MemberID{2}, Conversation: keys.ConversationID{3}, Text: text}}
	}
	for name, c := range map[string]struct {
		record Record
		want   bool
	}{
		"a message with files": {message(Text{To: []keys.MemberID{{4}}, Text: "see", Files: []File{{Name: "a", Size: 1}}}), true},
		"a message without":    {message(Text{To: []keys.MemberID{{4}}, Text: "see"}), false},
		"a setting":            {Record{Device: device, Sequence: 1, Kind: RecordSetting, Setting: &Setting{Name: "a", Value: "b"}}, false},
	} {
		if got, err := NamesFiles(wire.Encode(c.record)); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	for _, broken := range [][]byte{nil, {0xa1}, []byte("text"), {0xa1, 5, 0xa1, 4, 0x01}} {
		if named, err := NamesFiles(broken); err == nil {
			t.Errorf("% x: read as a record, %t", broken, named)
		}
	}
}
