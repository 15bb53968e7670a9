package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes as a flag: 500MiB, 20GiB, 1TB, or as many bytes. Zero, "", stands for the default.
type size int64

// units are the largest first.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3},
}

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	if text == "" {
		*s = 0
		return nil
	}
	digits, unit := text, int64(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = strings.TrimSuffix(number, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && int64(n) > math.MaxInt64/unit:
		return fmt.Errorf("%q is more than any disk has", text)
	case err != nil || n == 0:
		return fmt.Errorf("%q is no size like 500MiB, 20GiB or 1TB", text)
	}
	*s = size(int64(n) * unit)
	return nil
}

// String implements pflag.Value: what Set takes for the same.
func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	for _, u := range units {
		if int64(*s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(*s)/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type implements pflag.Value.
func (*size) Type() string { return "size" }
