package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// Head and Skip read what Encode writes, and of other forms none that Decode refuses.
func TestHead(t *testing.T) {
	for _, n := range []uint64{0, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<63 - 1} {
		data := append(Encode(n), 7)
		major, argument, rest, err := Head(data)
		if err != nil || major != MajorUint || argument != n || !bytes.Equal(rest, []byte{7}) {
			t.Errorf("%x: %d, %d, %x, %v", data, major, argument, rest, err)
		}
		if rest, err := Skip(data); err != nil || !bytes.Equal(rest, []byte{7}) {
			t.Errorf("%x: skipped to %x, %v", data, rest, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "cut off": "19", "cut off, too": "1a010203", "reserved": "1c", "no length": "5f4101ff",
		"24 in two bytes": "190018", "23 in one": "1817", "255 in two": "1900ff", "65535 in four": "1a0000ffff", "small in eight": "1b00000000ffffffff",
	} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Head(data); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Skip(data); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: skipped, %v", name, err)
		}
	}
	for name, text := range map[string]string{"a string longer than all": "5a7fffffff00", "a tag": "c000", "an array of too many": "9a7fffffff", "deep": "8181818181818181818181818181818181818181818181818181818181818181818181818181818181818100"} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Skip(data); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: skipped, %v", name, err)
		}
	}
}
