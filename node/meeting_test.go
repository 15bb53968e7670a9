package node

import (
	"bytes"
	"encoding/hex"
	"testing"

	"muster.example/internal/keys"
)

// The example of [PAIR-13].
func TestMeetingNotice(t *testing.T) {
	notice := meetingNotice{meetingPlace{meetToPair, 12345}, keys.FromSeed([32]byte{1}).Public()}
	const want = "010100003039cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc"
	if got := hex.EncodeToString(notice.encode()); got != want {
		t.Errorf("the notice is %s", got)
	}
	if back, err := readNotice(notice.encode()); err != nil || back != notice {
		t.Errorf("read as %v, %v", back, err)
	}
	for name, change := range map[string]func(data []byte) []byte{
		"another version":  func(data []byte) []byte { data[0] = 2; return data },
		"no purpose":       func(data []byte) []byte { data[1] = 0; return data },
		"no such slot":     func(data []byte) []byte { copy(data[2:], []byte{0, 1, 0x86, 0xa0}); return data },
		"no key":           func(data []byte) []byte { clear(data[6:]); return data },
		"a byte too many":  func(data []byte) []byte { return append(data, 0) },
		"a byte too few":   func(data []byte) []byte { return data[:len(data)-1] },
		"nothing whatever": func([]byte) []byte { return nil },
	} {
		if _, err := readNotice(change(notice.encode())); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
}

func FuzzMeetingNotice(f *testing.F) {
	f.Add(meetingNotice{meetingPlace{meetToPair, 99_999}, keys.FromSeed([32]byte{2}).Public()}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := readNotice(data); err == nil && !bytes.Equal(m.encode(), data) {
			t.Errorf("%x was read and is written as %x", data, m.encode())
		}
	})
}
