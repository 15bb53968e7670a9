package api

import (
	"testing"
	"time"
)

func TestParseLifetime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"never": 0, "60s": time.Minute, "10m": 10 * time.Minute, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "366d": 366 * 24 * time.Hour,
	} {
		if got, err := ParseLifetime(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "59s", "367d", "7", "d", "-7d", "7.5d", "7dd", "7dm", "1e3s", "99999999999999999999s", "soon", "4294967295d", "213503983d", " 7d"} {
		if got, err := ParseLifetime(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
