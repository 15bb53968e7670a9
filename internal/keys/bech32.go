package keys

import "strings"

// bech32Letters are the digits of Bech32, in the order of their values.
const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 is the text of data behind a prefix in lower case: BIP 173, without its limit of 90 characters, as age uses it.
func bech32(prefix string, data []byte) string {
	digits := fiveBits(data)
	check := bech32Checksum(prefix, digits)
	var text strings.Builder
	text.WriteString(prefix + "1")
	for _, digit := range append(digits, check[:]...) {
		text.WriteByte(bech32Letters[digit])
	}
	return text.String()
}

// fiveBits cuts data into groups of five bits; the last is filled up with zeros.
func fiveBits(data []byte) []byte {
	var digits []byte
	held, bits := uint32(0), 0
	for _, b := range data {
		held, bits = held<<8|uint32(b), bits+8
		for ; bits >= 5; bits -= 5 {
			digits = append(digits, byte(held>>(bits-5))&31)
		}
	}
	if bits > 0 {
		digits = append(digits, byte(held<<(5-bits))&31)
	}
	return digits
}

// bech32Checksum returns the six digits behind the others: the remainder of BIP 173's BCH code.
func bech32Checksum(prefix string, digits []byte) (check [6]byte) {
	var values []byte
	for i := range len(prefix) {
		values = append(values, prefix[i]>>5)
	}
	values = append(values, 0)
	for i := range len(prefix) {
		values = append(values, prefix[i]&31)
	}
	values = append(append(values, digits...), check[:]...)
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	sum := uint32(1)
	for _, value := range values {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(value)
		for i, g := range generator {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	sum ^= 1
	for i := range check {
		check[i] = byte(sum>>(5*(5-i))) & 31
	}
	return check
}
