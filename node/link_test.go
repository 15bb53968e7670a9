package node

import (
	"strings"
	"testing"

	"muster.example/node/api"
)

// A message whose files wait for a better link counts before any of it is sealed, until it is told not to wait. [API-177]
func TestLinkCountsWhatIsNotSealed(t *testing.T) {
	w := newIslands(t)
	large := w.ann.saved(t, "pictures", []string{strings.Repeat("x", 200<<10)}, w.bobM)
	w.ann.saved(t, "a note", []string{"small"}, w.bobM)
	set := func(request api.LinkRequest, want int) {
		t.Helper()
		link, err := w.ann.node.SetLink(t.Context(), request)
		if err != nil || link.Waiting != want {
			t.Errorf("%+v: %+v, %v; %d should wait", request, link, err, want)
		}
	}
	set(api.LinkRequest{Mode: api.LinkNormal}, 0)
	set(api.LinkRequest{Mode: api.LinkMetered}, 1)
	set(api.LinkRequest{Now: large.Message.String()}, 0)
}
