package rvproto

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/wire"
)

func sampleHealth() *Health {
	return &Health{
		Version: "1.2.3", Now: 1_800_000_100, Since: 1_800_000_000, Signed: 1_800_000_050, Online: 3, Entries: 7, Bodies: 5, Bytes: 5_000,
		Free: 1 << 36, Day: Tally{Expired: 1, Full: 2, Parked: 6}, Week: Tally{Expired: 4, Full: 2, Leave: 1, Allowance: 3, Other: 9, Parked: 6, Shut: 8},
		Oldest: 1_799_999_000, Disk: 9_000, Damaged: 2, Damage: []string{"seg-1.log: damage at offset 9"}, Share: 87, Room: 71,
		Troubles: TroubleDisk | TroubleQueue,
	}
}

// sharedHealth is what a node says that serves others too.
func sharedHealth() *Health {
	h := sampleHealth()
	h.Oldest, h.Disk, h.Damaged, h.Damage = 0, 0, 0, nil
	h.Shared, h.Share, h.Room = true, 80, 0
	return h
}

func TestHealthBeyondItsCaps(t *testing.T) { // [RV-3] [RV-141]
	for name, change := range map[string]func(*Health){
		"version":   func(h *Health) { h.Version = strings.Repeat("v", MaxVersion+1) },
		"damage":    func(h *Health) { h.Damage, h.Damaged = slices.Repeat([]string{"x"}, MaxDamage+1), MaxDamage+1 },
		"uncounted": func(h *Health) { h.Damaged = 0 },
		"long":      func(h *Health) { h.Damage[0] = strings.Repeat("x", MaxDamageText+1) },
		"no text":   func(h *Health) { h.Damage[0] = "\xff" },
		"number":    func(h *Health) { h.Entries = MaxHealthCount + 1 },
		"tally":     func(h *Health) { h.Week.Other = MaxHealthCount + 1 },
		"returns":   func(h *Health) { h.Day.Shut = MaxHealthCount + 1 },
		"free":      func(h *Health) { h.Free = 3 << 30 },
		"share":     func(h *Health) { h.Share = 101 },
		"room":      func(h *Health) { h.Room = 101 },
		"trouble":   func(h *Health) { h.Troubles = allTroubles + 1 },
		"shared":    func(h *Health) { h.Shared = true },
		"step":      func(h *Health) { *h = *sharedHealth(); h.Room = 81 },
		"archive":   func(h *Health) { h.Archive = &ArchiveHealth{Missed: MaxHealthCount + 1} },
		"oldest":    func(h *Health) { *h = *sharedHealth(); h.Oldest = 1 },
	} {
		h := sampleHealth()
		change(h)
		if err := (HealthAnswer{Health: h}).Check(); !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := sampleHealth()
	full.Version, full.Damage, full.Damaged = strings.Repeat("v", MaxVersion), slices.Repeat([]string{strings.Repeat("x", MaxDamageText)}, MaxDamage), MaxHealthCount
	if answer := (HealthAnswer{Health: full}); answer.Check() != nil || len(wire.Encode(answer)) > MaxHealth {
		t.Errorf("the largest has %d bytes: %v", len(wire.Encode(answer)), answer.Check())
	}
}

// healthCases are the vectors of how a node is.
func healthCases(add adder) {
	odd, exact := sampleHealth(), sharedHealth()
	odd.Free, exact.Share = 3, 87
	for name, c := range map[string]struct {
		object, expect, comment string
		message                 any
	}{
		"health_request": {"health request", "ok", "a question how a node is", HealthRequest{}},
		"health_more":    {"health request", "decode", "a question with something in it", map[int]int{1: 1}},
		"health_answer":  {"health answer", "ok", "how it is", HealthAnswer{Health: sampleHealth()}},
		"health_archive": {"health answer", "ok", "of an archive that is behind", HealthAnswer{Health: &Health{Archive: &ArchiveHealth{
			Connected: true, Behind: true, Waiting: 3, Bytes: 9_000, Since: 1_800_000_000, Missed: 2,
		}}}},
		"health_quiet":   {"health answer", "ok", "of a node where nothing is", HealthAnswer{Health: &Health{}}},
		"health_refused": {"health answer", "ok", "to who is no admin", HealthAnswer{Status: wire.StatusRefused}},
		"health_nothing": {"health answer", "decode", "granted, and nothing is said", HealthAnswer{}},
		"health_both":    {"health answer", "decode", "refused, and said", HealthAnswer{Status: wire.StatusRefused, Health: sampleHealth()}},
		"health_free":    {"health answer", "decode", "free bytes that are told too exactly", HealthAnswer{Health: odd}},
		"health_shared":  {"health answer", "ok", "of a node that serves others too", HealthAnswer{Health: sharedHealth()}},
		"health_exact":   {"health answer", "decode", "of one that tells how full it is too exactly", HealthAnswer{Health: exact}},
	} {
		add(name, c.object, c.expect, "[RV-141]", c.comment, wire.Encode(c.message))
	}
}
