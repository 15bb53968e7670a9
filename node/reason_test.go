package node

import (
	"strings"
	"testing"

	"muster.example/membership"
	"muster.example/node/api"
)

// A page has words of its own for each reason for which the rules refuse something.
func TestReasonsArePhrases(t *testing.T) {
	known := 0
	for n := range 256 {
		text := membership.Reason(n).String()
		if strings.HasPrefix(text, "reason ") {
			continue
		}
		known++
		if kind, _ := api.Phrase(text); kind == "" {
			t.Errorf("%q has no kind in node/api/reason.go", text)
		}
	}
	if known < 40 {
		t.Errorf("only %d reasons are known", known)
	}
}
