package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"muster.example/internal/keys"
)

func TestNetworkLogsNobody(t *testing.T) {
	key := keys.Generate().Public()
	for _, format := range logFormats {
		var out bytes.Buffer
		log := slog.New(newHandler(nameless{&out}, format, "error"))
		log.Error("cannot talk to "+key.String(), "peer", key.String(), "at", "/ip4/192.0.2.7/tcp/4747", "remote", "192.0.2.7:4747",
			"error", errors.New("dial /ip6/2001:db8::7/udp/1/quic-v1/p2p/"+key.String()+": [2001:db8::7]:99 refused"))
		text := out.String()
		for _, secret := range []string{key.String(), "192.0.2.7", "2001:db8"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the log holds %q: %s", format, secret, text)
			}
		}
		for _, part := range []string{"cannot talk to", key.Short(), "refused", "(address)"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: the log lacks %q: %s", format, part, text)
			}
		}
		if strings.Count(text, "\n") != 1 {
			t.Errorf("%s: not one line: %q", format, text)
		}
	}
}

func TestLogLevels(t *testing.T) {
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		var out bytes.Buffer
		log := slog.New(newHandler(&out, "text", level))
		log.Debug("x")
		log.Info("x")
		log.Warn("x")
		log.Error("x")
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%s: %d lines, want %d", level, got, want)
		}
	}
}
