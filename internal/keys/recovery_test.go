package keys

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// The last of the test vectors with 256 bits that BIP 39 itself gives.
const (
	knownEntropy = "\xf5\x85\xc1\x1a\xec\x52\x0d\xb5\x7d\xd3\x53\xc6\x95\x54\xb2\x1a" +
		"\x89\xb2\x0f\xb0\x65\x09\x66\xfa\x0a\x9d\x6f\x74\xfd\x98\x9d\x8f"
	knownWords = "void come effort suffer camp survey warrior heavy shoot primary clutch crush " +
		"open amazing screen patrol group space point ten exist slush involve unfold"
)

func TestWordsAreBIP39(t *testing.T) {
	seed := RecoverySeed([]byte(knownEntropy))
	if words := strings.Join(seed.Words(), " "); words != knownWords {
		t.Errorf("words %q", words)
	}
	for _, text := range []string{knownWords, strings.ToUpper(knownWords), "\n " + strings.ReplaceAll(knownWords, " ", "\t ")} {
		if got, err := ParseWords(text); err != nil || got != seed {
			t.Errorf("%q read wrongly: %v", text, err)
		}
	}
}

func TestParseWordsRefuses(t *testing.T) {
	words := strings.Fields(knownWords)
	join := func(words ...string) string { return strings.Join(words, " ") }
	for name, text := range map[string]string{
		"nothing":           "",
		"23 words":          join(words[:23]...),
		"25 words":          join(append(words[:24:24], "void")...),
		"two swapped":       join(append([]string{words[1], words[0]}, words[2:]...)...),
		"a word mistyped":   strings.Replace(knownWords, "camp", "champ", 1),
		"a wrong checksum":  join(append(words[:23:23], "zoo")...),
		"12 words":          "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
		"very many of them": strings.Repeat("void ", 1<<16),
	} {
		if _, err := ParseWords(text); !errors.Is(err, ErrWords) {
			t.Errorf("%s: %v, want ErrWords", name, err)
		} else if strings.Contains(err.Error(), "void") {
			t.Errorf("%s: the error tells the words", name)
		}
	}
}

func TestRecoveryKeysAreASeries(t *testing.T) {
	seed := RecoverySeed([]byte(knownEntropy))
	if first, again := seed.Key(3).Public(), seed.Key(3).Public(); first != again {
		t.Error("a key of the series changes")
	}
	seen := map[PublicKey]bool{FromSeed(seed).Public(): true}
	for _, index := range []uint32{0, 1, 2, 255, 256, 1 << 24, 1<<32 - 1} {
		if key := seed.Key(index).Public(); seen[key] {
			t.Errorf("key %d is another's, or that of the bare seed", index)
		} else {
			seen[key] = true
		}
	}
	other := seed
	other[0] ^= 1
	if other.Key(0).Public() == seed.Key(0).Public() {
		t.Error("two seeds give one key")
	}
}

func TestNewRecoverySeed(t *testing.T) {
	seed, err := NewRecoverySeed(strings.NewReader(knownEntropy))
	if err != nil || !bytes.Equal(seed[:], []byte(knownEntropy)) {
		t.Errorf("seed %x, %v", seed[:], err)
	}
	if _, err := NewRecoverySeed(strings.NewReader(knownEntropy[1:])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("31 bytes of randomness: %v", err)
	}
}

func FuzzParseWords(f *testing.F) {
	f.Add(knownWords)
	f.Add("void")
	f.Fuzz(func(t *testing.T, text string) {
		seed, err := ParseWords(text)
		if err != nil {
			return
		}
		if strings.Join(seed.Words(), " ") != strings.Join(strings.Fields(strings.ToLower(text)), " ") {
			t.Errorf("%q is written %q", text, seed.Words())
		}
	})
}
