package capacity

import (
	"math"
	"strconv"
)

// count writes a number of things: three digits, the rest as words.
func count(n float64) string {
	switch {
	case n >= 999.5e6:
		return digits(n/1e9) + " billion"
	case n >= 999.5e3:
		return digits(n/1e6) + " million"
	case n >= 1000:
		return grouped(int(math.Round(n/scale(n)) * scale(n)))
	}
	return digits(n)
}

// scale is the place of the third digit.
func scale(n float64) float64 { return math.Pow(10, math.Floor(math.Log10(n))-2) }

// digits writes a number to three digits, or fewer.
func digits(n float64) string {
	switch {
	case n >= 999.5:
		return grouped(int(math.Round(n)))
	case n >= 99.5:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case n >= 9.95:
		return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64)
	case n >= 0.0095 || n == 0:
		return strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64)
	}
	if n < 0.001 {
		return "< 0.001"
	}
	return strconv.FormatFloat(n, 'f', 4, 64)
}

// grouped puts commas between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// memory writes bytes of memory or disk.
func memory(bytes float64) string {
	switch {
	case bytes >= 1024*gib:
		return digits(bytes/1024/gib) + " TiB"
	case bytes >= gib:
		return digits(bytes/gib) + " GiB"
	case bytes >= mib:
		return digits(bytes/mib) + " MiB"
	case bytes >= 10*kib:
		return digits(bytes/kib) + " KiB"
	}
	return digits(bytes) + " B"
}

// traffic writes bytes of a network.
func traffic(bytes float64) string {
	switch {
	case bytes >= 1e12:
		return digits(bytes/1e12) + " TB"
	case bytes >= 1e9:
		return digits(bytes/1e9) + " GB"
	case bytes >= 1e6:
		return digits(bytes/1e6) + " MB"
	case bytes >= 1e4:
		return digits(bytes/1e3) + " kB"
	}
	return digits(bytes) + " B"
}

// span writes seconds.
func span(seconds float64) string {
	switch {
	case seconds >= 2*day:
		return digits(seconds/day) + " days"
	case seconds >= 7200:
		return digits(seconds/3600) + " h"
	case seconds >= 120:
		return digits(seconds/60) + " min"
	case seconds >= 1:
		return digits(seconds) + " s"
	case seconds >= 1e-3:
		return digits(seconds*1e3) + " ms"
	}
	return digits(seconds*1e6) + " µs"
}

// dollars writes money of a month.
func dollars(n float64) string {
	if n < 10 {
		return "$" + strconv.FormatFloat(n, 'f', 2, 64)
	}
	return "$" + count(n)
}
