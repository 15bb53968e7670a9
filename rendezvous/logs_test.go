package rendezvous

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"muster.example/internal/wire"
	"muster.example/membership"
)

// logBuffer is a log that a test reads while the node writes it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// What members do, rightly and wrongly, leaves no name, no key and no part of a message in the log, at any level.
func TestLogNamesNobody(t *testing.T) {
	var log logBuffer
	s := newSite(t, func(c *Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	anna := s.found("Acme Secretname")
	phone := anna.add("phone")
	ben := anna.join("Ben Secretname")
	body := anna.sealed(700)
	wantAnswer(t, "a post", anna.post(body, phone), wire.StatusOK)
	stream := phone.openDeliver()
	nextDeliver(t, stream)
	s.queue.mu.Lock()
	s.queue.fail = errors.New("input/output error")
	s.queue.mu.Unlock()
	wantAnswer(t, "a post that fails", anna.post(anna.sealed(700), phone), wire.StatusUnavailable)
	_ = ben.submit(membership.Event{Remove: &membership.Remove{Member: anna.member}}, nil)
	if err := anna.submit(membership.Event{Bar: &membership.Bar{Device: phone.key.Public()}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := anna.submit(membership.Event{Suspend: &membership.Suspend{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	var older *copyRoll
	s.queue.mu.Lock()
	s.queue.fail = nil
	s.queue.mu.Unlock()
	before := anna.size()
	s.rollBack(func() {
		s.follow(anna)
		anna.invite(1)
		older = anna.keepRoll()
	})
	s.follow(anna)
	wantStatus(t, "what the node forgot", anna.Show(s.ctx(), older.note, before, older.entries[before:], older.prove), wire.StatusOK)
	s.end()

	text := log.String()
	for _, line := range []string{"organization founded", "input/output error", "older than what it has signed", "whole again", "listening"} {
		if !strings.Contains(text, line) {
			t.Errorf("the log does not say %q, so that this test shows nothing:\n%s", line, text)
		}
	}
	secrets := traces(anna, phone, ben)
	for _, part := range [][]byte{body[:40], body[len(body)/2:][:40], body[len(body)-40:]} {
		secrets = append(secrets, string(part), hex.EncodeToString(part), base64.StdEncoding.EncodeToString(part[:39]))
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}
