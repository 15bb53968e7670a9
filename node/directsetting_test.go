package node

import (
	"testing"

	"muster.example/internal/p2p"
	"muster.example/node/api"
)

// What a person allows less than the policy holds at once, and what they allow more does not. [API-183] [ROLL-190]
func TestDirectPathsAreThePersonsToo(t *testing.T) {
	w := newIslands(t)
	o := w.ann
	o.gate.callers = new(p2p.Callers)
	choose := func(value string, want int) {
		t.Helper()
		all, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: "direct", Value: value})
		if err != nil || len(all) != 1 || all[0].Value != value {
			t.Fatal(all, err)
		}
		if got := len(o.gate.callable()); got != want {
			t.Errorf("%s: %d devices of others may call, want %d", value, got, want)
		}
	}
	choose("local", 2)
	choose("never", 0)
	choose("anywhere", 2)
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: "direct", Value: "sometimes"}); api.AsError(err).Code != api.CodeUsage {
		t.Errorf("another word: %v", err)
	}
}
