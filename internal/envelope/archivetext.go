package envelope

import (
	"bytes"
	"fmt"
	"strings"
)

// The archive's keys are written as age writes post-quantum keys, so that its tool makes them and opens with them what is
// locked for the archive: Bech32 (BIP 173) without its limit of length. [ARC-7]
const (
	archivePublicPrefix  = "age1pq"
	archivePrivatePrefix = "age-secret-key-pq-"
	maxArchiveText       = 4 << 10
)

// FormatArchivePublic writes a public key of the archive: age1pq1….
func FormatArchivePublic(kem []byte) string { return bech32Encode(archivePublicPrefix, kem) }

// ParseArchivePublic reads what FormatArchivePublic writes. Its errors repeat nothing of the text, which may be a private
// key by mistake.
func ParseArchivePublic(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(strings.ToLower(text), archivePrivatePrefix) {
		return nil, fmt.Errorf("%w: that is a private key, which nobody else may see; give the public one", ErrMalformed)
	}
	kem, err := bech32Decode(archivePublicPrefix, text)
	if err != nil {
		return nil, fmt.Errorf("%w: an archive's public key is age1pq1…: %w", ErrMalformed, err)
	}
	if _, err := hpkeKEM.NewPublicKey(kem); err != nil {
		return nil, fmt.Errorf("%w: not a public key for MLKEM768-X25519", ErrMalformed)
	}
	return kem, nil
}

// ParseArchivePrivate reads a file with the archive's private key: lines that begin with #, empty ones, and one that holds
// the key. Its errors repeat nothing of the file.
func ParseArchivePrivate(file []byte) (ArchivePrivate, error) {
	if len(file) > maxArchiveText {
		return ArchivePrivate{}, fmt.Errorf("%w: a file of %d bytes, where an archive's private key has %d at most", ErrTooLarge, len(file), maxArchiveText)
	}
	var found string
	for line := range bytes.Lines(file) {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case found != "":
			return ArchivePrivate{}, fmt.Errorf("%w: a file with more than one key", ErrMalformed)
		default:
			found = text
		}
	}
	seed, err := bech32Decode(archivePrivatePrefix, found)
	if err != nil || len(seed) != keySize {
		return ArchivePrivate{}, fmt.Errorf("%w: an archive's private key is a line that begins with AGE-SECRET-KEY-PQ-1", ErrMalformed)
	}
	defer clear(seed)
	return newArchivePrivate([keySize]byte(seed))
}

// Text returns the secret line that ParseArchivePrivate reads.
func (p ArchivePrivate) Text() string {
	return strings.ToUpper(bech32Encode(archivePrivatePrefix, p.seed[:]))
}

// File returns what a file with the private key holds, with the public one in a comment.
func (p ArchivePrivate) File() []byte {
	return fmt.Appendf(nil, "# the private key of an archive: keep it on no machine in use\n# public key: %s\n%s\n",
		FormatArchivePublic(p.Public()), p.Text())
}

const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Encode writes data behind a lower-case prefix.
func bech32Encode(prefix string, data []byte) string {
	values := regroup(data, 8, 5)
	sum := bech32Sum(prefix, append(bytes.Clone(values), 0, 0, 0, 0, 0, 0)) ^ 1
	for i := range 6 {
		values = append(values, byte(sum>>(5*(5-i)))&31)
	}
	var text strings.Builder
	text.WriteString(prefix)
	text.WriteByte('1')
	for _, v := range values {
		text.WriteByte(bech32Letters[v])
	}
	return text.String()
}

// bech32Decode reads what bech32Encode writes, in letters of one case.
func bech32Decode(prefix, text string) ([]byte, error) {
	lower := strings.ToLower(text)
	switch {
	case len(text) > maxArchiveText:
		return nil, fmt.Errorf("it is too long")
	case text != lower && text != strings.ToUpper(text):
		return nil, fmt.Errorf("it mixes small and large letters")
	case !strings.HasPrefix(lower, prefix+"1") || len(lower) < len(prefix)+7:
		return nil, fmt.Errorf("it does not begin as one, or is cut short")
	}
	values := make([]byte, 0, len(lower))
	for _, letter := range []byte(lower[len(prefix)+1:]) {
		v := strings.IndexByte(bech32Letters, letter)
		if v < 0 {
			return nil, fmt.Errorf("it has a letter that none has")
		}
		values = append(values, byte(v))
	}
	if bech32Sum(prefix, values) != 1 {
		return nil, fmt.Errorf("its checksum does not fit: a letter is mistyped or missing")
	}
	values = values[:len(values)-6]
	data := regroup(values, 5, 8)
	if data = data[:len(values)*5/8]; !bytes.Equal(regroup(data, 8, 5), values) {
		return nil, fmt.Errorf("it has bits left over")
	}
	return data, nil
}

// regroup cuts a row of bits, in groups of one size, into groups of another; the last one is filled up with zeros.
func regroup(in []byte, from, to uint) (out []byte) {
	var bits, held uint
	for _, v := range in {
		bits, held = bits<<from|uint(v), held+from
		for held >= to {
			held -= to
			out = append(out, byte(bits>>held)&(1<<to-1))
		}
		bits &= 1<<held - 1
	}
	if held > 0 {
		out = append(out, byte(bits<<(to-held))&(1<<to-1))
	}
	return out
}

// bech32Sum is the checksum of BIP 173 over prefix and values.
func bech32Sum(prefix string, values []byte) uint32 {
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for _, letter := range []byte(prefix) {
		step(letter >> 5)
	}
	step(0)
	for _, letter := range []byte(prefix) {
		step(letter & 31)
	}
	for _, v := range values {
		step(v)
	}
	return sum
}
