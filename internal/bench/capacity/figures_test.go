package capacity

import "testing"

// Figures are written to three digits, with the unit that people would choose.
func TestFigures(t *testing.T) {
	for _, c := range []struct{ is, want string }{
		{count(100), "100"}, {count(1699), "1,700"}, {count(24_999), "25,000"}, {count(1e6), "1 million"}, {count(1.82e6), "1.82 million"},
		{count(2.5e9), "2.5 billion"}, {digits(0.0017), "0.0017"}, {digits(3e-7), "< 0.001"}, {digits(0), "0"}, {digits(9.96), "10"},
		{memory(512 * mib), "512 MiB"}, {memory(420), "420 B"}, {memory(86.2 * kib), "86.2 KiB"}, {memory(1.88 * gib), "1.88 GiB"},
		{memory(3072 * gib), "3 TiB"}, {traffic(9640), "9,640 B"}, {traffic(812_345), "812 kB"}, {traffic(53e12), "53 TB"},
		{span(715e-6), "715 µs"}, {span(0.0364), "36.4 ms"}, {span(119), "119 s"}, {span(364), "6.07 min"}, {span(3 * day), "3 days"},
		{dollars(5), "$5.00"}, {dollars(1190.4), "$1,190"}, {traffic(0), "0 B"},
	} {
		if c.is != c.want {
			t.Errorf("written as %q, want %q", c.is, c.want)
		}
	}
}
