package envelope

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// The layout of a header never changes: these bytes are in envelopes that wait somewhere. [ENV-4]
func TestHeaderBytes(t *testing.T) {
	ones, twos := bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 32)
	salt := "0850" + "33333333333333333333333333333333"
	for _, test := range []struct {
		header Header
		want   string
	}{
		{Header{Version: 1, Kind: KindMessage, Sender: keys.PublicKey(ones), Chain: keys.ChainID(twos), Position: 300, RollSize: 7, Expires: 1_900_000_000},
			"a8" + "0101" + "0201" + "035820" + hex.EncodeToString(ones) + "045820" + hex.EncodeToString(twos) + "0519012c" + "0607" + "071a713fb300" + salt},
		{Header{Version: 1, Kind: KindAnnounce, Sender: keys.PublicKey(ones), Chain: keys.ChainID(twos), RollSize: 7, Expires: 1_900_000_000},
			"a7" + "0101" + "0202" + "035820" + hex.EncodeToString(ones) + "045820" + hex.EncodeToString(twos) + "0607" + "071a713fb300" + salt},
		{Header{Version: 1, Kind: KindIntroduction, Sender: keys.PublicKey(ones), RollSize: 7, Expires: 1_900_000_000},
			"a6" + "0101" + "0203" + "035820" + hex.EncodeToString(ones) + "0607" + "071a713fb300" + salt},
		{Header{Version: 1, Kind: KindAnnounce, Sender: keys.PublicKey(ones), Chain: keys.ChainID(twos), RollSize: 7, Expires: 1_900_000_000, Leave: Leave{LeaveGroup, [32]byte(twos)}},
			"a8" + "0101" + "0202" + "035820" + hex.EncodeToString(ones) + "045820" + hex.EncodeToString(twos) + "0607" + "071a713fb300" + salt + "09a2" + "0101" + "025820" + hex.EncodeToString(twos)},
		{Header{Version: 1, Kind: KindReport, Sender: keys.PublicKey(ones), RollSize: 7, Expires: 1_900_000_000, Leave: Leave{Kind: LeaveReport}},
			"a7" + "0101" + "0204" + "035820" + hex.EncodeToString(ones) + "0607" + "071a713fb300" + salt + "09a2" + "0104" + "025820" + hex.EncodeToString(make([]byte, 32))},
	} {
		copy(test.header.Salt[:], bytes.Repeat([]byte{0x33}, saltSize))
		data := wire.Encode(test.header)
		if got := hex.EncodeToString(data); got != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.header.Kind, got, test.want)
		}
		parsed, err := parseHeader(data)
		if err != nil || cmp.Diff(test.header, parsed) != "" {
			t.Errorf("%v does not come back: %v", test.header.Kind, err)
		}
	}
}

// [ENV-5]
func TestHeaderRefuses(t *testing.T) {
	message := Header{Version: 1, Kind: KindMessage, Sender: keys.PublicKey{1}, Chain: keys.ChainID{1}, Position: 1, Expires: 1}
	announce := Header{Version: 1, Kind: KindAnnounce, Sender: keys.PublicKey{1}, Chain: keys.ChainID{1}, Expires: 1}
	introduction := Header{Version: 1, Kind: KindIntroduction, Sender: keys.PublicKey{1}, Expires: 1}
	report := Header{Version: 1, Kind: KindReport, Sender: keys.PublicKey{1}, Expires: 1, Leave: Leave{Kind: LeaveReport}}
	shared := message
	shared.Leave = Leave{LeaveDesk, [32]byte{1}}
	for _, good := range []Header{message, announce, introduction, report, shared} {
		if _, err := parseHeader(wire.Encode(good)); err != nil {
			t.Errorf("%v: %v", good.Kind, err)
		}
	}
	change := func(h Header, f func(*Header)) Header { f(&h); return h }
	for name, bad := range map[string]Header{
		"version 0":                    change(message, func(h *Header) { h.Version = 0 }),
		"version 2":                    change(message, func(h *Header) { h.Version = 2 }),
		"kind 0":                       change(message, func(h *Header) { h.Kind = 0 }),
		"kind 6":                       change(introduction, func(h *Header) { h.Kind = 6 }),
		"report with a chain":          change(report, func(h *Header) { h.Chain = keys.ChainID{1} }),
		"report without leave":         change(report, func(h *Header) { h.Leave = Leave{} }),
		"report with a group's leave":  change(report, func(h *Header) { h.Leave = Leave{LeaveGroup, [32]byte{1}} }),
		"message with a report's":      change(shared, func(h *Header) { h.Leave.Kind = LeaveReport }),
		"leave of kind 0":              change(shared, func(h *Header) { h.Leave.Kind = 0 }),
		"leave of kind 5":              change(shared, func(h *Header) { h.Leave.Kind = 5 }),
		"leave of no group":            change(shared, func(h *Header) { h.Leave.ID = [32]byte{} }),
		"introduction with leave":      change(introduction, func(h *Header) { h.Leave = shared.Leave }),
		"no sender":                    change(message, func(h *Header) { h.Sender = keys.PublicKey{} }),
		"message without chain":        change(message, func(h *Header) { h.Chain = keys.ChainID{} }),
		"message without position":     change(message, func(h *Header) { h.Position = 0 }),
		"position beyond":              change(message, func(h *Header) { h.Position = MaxPosition + 1 }),
		"announcement without chain":   change(announce, func(h *Header) { h.Chain = keys.ChainID{} }),
		"announcement with position":   change(announce, func(h *Header) { h.Position = 1 }),
		"introduction with chain":      change(introduction, func(h *Header) { h.Chain = keys.ChainID{1} }),
		"introduction with a position": change(introduction, func(h *Header) { h.Position = 1 }),
		"no expiry":                    change(message, func(h *Header) { h.Expires = 0 }),
		"expiry before 1970":           change(message, func(h *Header) { h.Expires = -1 }),
	} {
		if _, err := parseHeader(wire.Encode(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	if _, err := parseHeader(make([]byte, MaxHeader+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("too long: %v, want ErrMalformed", err)
	}
}

// [ENV-7]
func TestEnvelopeID(t *testing.T) {
	w := newWorld(t, "id")
	e := w.seal(t, w.chain(t), &Line{}, "hello")
	sender := w.alice.key()
	if want := keys.Hash[keys.Envelope](keys.DomainEnvelope, sender[:], e.Header, e.Sealed); e.ID() != want || reparse(t, e).ID() != want {
		t.Errorf("id %v, want %v", e.ID(), want)
	}
}
