package rvproto

import (
	"bytes"

	"muster.example/internal/wire"
)

// pairCases are the vectors of what is said about slots.
func pairCases(add adder) {
	for name, c := range map[string]struct {
		object, expect, rule, comment string
		message                       any
	}{
		"pair_open":           {"pair request", "ok", "[RV-120]", "a device opens a slot", PairRequest{Open: &PairOpen{}}},
		"pair_visit":          {"pair request", "ok", "[RV-120]", "somebody visits it", PairRequest{Visit: &PairVisit{Slot: 12345}}},
		"pair_nothing":        {"pair request", "decode", "[RV-120]", "no request", PairRequest{}},
		"pair_both":           {"pair request", "decode", "[RV-120]", "both requests", PairRequest{Open: &PairOpen{}, Visit: &PairVisit{Slot: 1}}},
		"pair_slot":           {"pair request", "decode", "[RV-120]", "a slot of six digits", PairRequest{Visit: &PairVisit{Slot: PairSlots}}},
		"pair_answer":         {"pair answer", "ok", "[RV-120]", "the slot is open", PairAnswer{Slot: 12345}},
		"pair_full":           {"pair answer", "ok", "[RV-120]", "there is a visitor already", PairAnswer{Status: wire.StatusFull}},
		"pair_answer_slot":    {"pair answer", "decode", "[RV-120]", "a slot of six digits", PairAnswer{Slot: PairSlots}},
		"pair_data":           {"pair frame", "ok", "[RV-120]", "data", PairFrame{Data: []byte{1}}},
		"pair_came":           {"pair frame", "ok", "[RV-120]", "a visitor came", PairFrame{Event: PairCame}},
		"pair_empty":          {"pair frame", "decode", "[RV-120]", "neither data nor an event", PairFrame{}},
		"pair_data_and_event": {"pair frame", "decode", "[RV-120]", "data and an event", PairFrame{Data: []byte{1}, Event: PairGone}},
		"pair_event":          {"pair frame", "decode", "[RV-120]", "an unknown event", PairFrame{Event: 3}},
		"pair_large":          {"pair frame", "decode", "[RV-121]", "a byte too many", PairFrame{Data: bytes.Repeat([]byte{1}, MaxPairData+1)}},
	} {
		add(name, c.object, c.expect, c.rule, c.comment, wire.Encode(c.message))
	}
}
