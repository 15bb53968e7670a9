package node

import (
	"crypto/rand"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/node/api"
)

// TestReplacedAlready has somebody ask once more to replace their words, since the answer of the first time was lost on its way:
// the old words open nothing by then, and what was asked for is so.
func TestReplacedAlready(t *testing.T) {
	words := func() (keys.RecoverySeed, string) {
		seed, err := keys.NewRecoverySeed(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return seed, strings.Join(seed.Words(), " ")
	}
	_, old := words()
	next, nextWords := words()
	_, other := words()
	org := newRoll(t, "Bob")
	org.Append(org.ReplaceRecoveryEvent(org.Members[1].Recovery, next.Key(0)))
	o := newDevice(t, org, org.Members[1])
	result, err := o.node.Recover(t.Context(), api.RecoverRequest{Words: old, NewWords: nextWords})
	if err != nil || !result.Replaced || result.Card == "" {
		t.Errorf("asking once more: %+v, %v", result, err)
	}
	for name, request := range map[string]api.RecoverRequest{
		"to replace them by others":  {Words: old, NewWords: other},
		"for more than new words":    {Words: old, NewWords: nextWords, Order: api.List[string]{"this"}},
		"with new words of no sense": {Words: old, NewWords: "hush"},
		"with nothing to do":         {Words: old},
	} {
		if result, err := o.node.Recover(t.Context(), request); api.AsError(err).Code != api.CodeRefused && api.AsError(err).Code != api.CodeUsage {
			t.Errorf("the old words, %s: %+v, %v", name, result, err)
		}
	}
}
