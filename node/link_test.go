package node

import (
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/store"
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

// Unless the person chose otherwise the link is what the system says, and what was chosen is so after a restart. [API-177]
func TestLinkIsAsTheSystemSays(t *testing.T) {
	w := newIslands(t)
	w.ann.saved(t, "pictures", []string{strings.Repeat("x", 200<<10)}, w.bobM)
	n := w.ann.node
	check := func(what string, want api.Link) {
		t.Helper()
		want.FilesOver = api.DefaultFilesOver
		if want.Metered {
			want.Waiting = 1
		}
		for _, when := range []string{"", ", read anew"} {
			if link, err := n.Link(t.Context()); err != nil || link != want {
				t.Errorf("%s%s: %+v, %v, want %+v", what, when, link, err, want)
			}
			n.links.choice = store.LinkChoice{}
			if err := n.readLink(); err != nil {
				t.Fatal(err)
			}
		}
	}
	choose := func(mode api.LinkMode) {
		t.Helper()
		if _, err := n.SetLink(t.Context(), api.LinkRequest{Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	check("at first", api.Link{Mode: api.LinkAuto})
	n.noteLinkCost(true)
	check("on a link that the system says is metered", api.Link{Mode: api.LinkAuto, Metered: true})
	choose(api.LinkNormal)
	check("taken for normal there", api.Link{Mode: api.LinkNormal})
	n.noteLinkCost(false)
	choose(api.LinkMetered)
	check("taken for metered elsewhere", api.Link{Mode: api.LinkMetered, Metered: true})
	choose(api.LinkAuto)
	check("as the system says again", api.Link{Mode: api.LinkAuto})
	if _, err := n.SetLink(t.Context(), api.LinkRequest{Mode: "free"}); api.AsError(err).Code != api.CodeUsage {
		t.Errorf("a mode that there is not: %v", err)
	}
}
