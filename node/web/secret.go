package web

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"unicode/utf8"
)

// maxSecrets is the most bytes of a form with secrets: two passphrases, each byte encoded.
const maxSecrets = 8 << 10

var errSecrets = errors.New("the form is not understood")

// secrets are fields of a form that are overwritten after use, which the strings of net/url cannot be.
type secrets map[string][]byte

// forget overwrites them.
func (s secrets) forget() {
	for _, value := range s {
		clear(value)
	}
}

// readSecrets reads the named fields of an encoded form. Nothing of it stays in memory but what it returns.
func readSecrets(body io.Reader, names ...string) (secrets, error) {
	data := make([]byte, maxSecrets+1) // never grown, which would leave copies
	defer clear(data)
	n, err := io.ReadFull(body, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || n > maxSecrets {
		return nil, errSecrets
	}
	fields := make(secrets)
	for pair := range bytes.SplitSeq(data[:n], []byte("&")) {
		name, value, _ := bytes.Cut(pair, []byte("="))
		if !slices.Contains(names, string(name)) {
			continue
		}
		decoded, ok := unescape(value)
		if fields[string(name)] != nil || !ok || !utf8.Valid(decoded) {
			clear(decoded)
			fields.forget()
			return nil, errSecrets
		}
		fields[string(name)] = decoded
	}
	return fields, nil
}

// unescape decodes a value of a form into memory of its own.
func unescape(value []byte) ([]byte, bool) {
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '+':
			out = append(out, ' ')
		case c != '%':
			out = append(out, c)
		case i+2 < len(value) && digit(value[i+1]) >= 0 && digit(value[i+2]) >= 0:
			out = append(out, byte(digit(value[i+1])<<4|digit(value[i+2])))
			i += 2
		default:
			return out, false
		}
	}
	return out, true
}

// digit returns the value of a hexadecimal digit, -1 if it is none.
func digit(c byte) int {
	if 'A' <= c && c <= 'F' {
		c += 'a' - 'A'
	}
	return bytes.IndexByte([]byte("0123456789abcdef"), c)
}
