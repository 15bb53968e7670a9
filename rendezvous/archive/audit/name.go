package audit

import (
	"fmt"
	"strconv"
	"strings"

	"muster.example/internal/keys"
)

const (
	numberDigits = 15
	suffix       = ".segment"
)

// Name returns the name of a service's segment: names sort as numbers do. [ARC-46]
func Name(service keys.PublicKey, number uint64) string {
	return fmt.Sprintf("%s%0*d%s", Prefix(service), numberDigits, number, suffix)
}

// Prefix returns what the names of all segments of a service begin with. [ARC-46]
func Prefix(service keys.PublicKey) string { return service.String() + "/" }

// NumberOf returns the number of the segment that has a name; false if it is none that Name gives. [ARC-46]
func NumberOf(service keys.PublicKey, name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(strings.TrimPrefix(name, Prefix(service)), suffix)
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil && number > 0 && Name(service, number) == name
}
