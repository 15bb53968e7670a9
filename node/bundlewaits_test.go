package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// What waits is counted by member: own messages, sealed and not, and envelopes of others, each once. [API-180]
func TestWaitingIsToldByMember(t *testing.T) {
	w := newIslands(t)
	w.ann.saved(t, "for Bob", []string{"with a file of its own"}, w.bobM)
	w.ann.saved(t, "for both", nil, w.bobM, w.carM)
	parts, _ := exportBundle(t, w.ann, api.BundleRequest{})
	w.ann.saved(t, "not sealed yet", nil, w.carM)

	got, err := w.ann.node.Carrying(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if diff := cmp.Diff(api.List[api.CarryingFor]{
		{Member: w.bobM.ID.String(), Name: "bob", Messages: 2},
		{Member: w.carM.ID.String(), Name: "carol", Messages: 2},
	}, got[0].For); diff != "" {
		t.Errorf("at the author's: %s", diff)
	}

	importBundle(t, w.carol, parts[0])
	got, err = w.carol.node.Carrying(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if len(got[0].For) != 1 || got[0].For[0].Name != "bob" || got[0].For[0].Messages != 0 || got[0].For[0].Carried != got[0].Envelopes || got[0].Envelopes == 0 {
		t.Errorf("at who carries them: %+v", got[0])
	}
}

// Who writes a bundle sends what was written just now, and could still have been taken back. [API-160]
func TestBundleHoldsWhatCouldBeTakenBack(t *testing.T) {
	w := newIslands(t)
	sent, err := w.ann.node.Send(t.Context(), api.SendRequest{To: api.List[string]{"bob"}, Text: "just now", Undo: api.MaxUndo})
	if err != nil {
		t.Fatal(err)
	}
	parts, said := exportBundle(t, w.ann, api.BundleRequest{})
	if got := importBundle(t, w.bob, parts[0]); said.Messages != 1 || got.Opened == 0 {
		t.Errorf("the bundle says %+v, and brings %+v", said, got)
	}
	if texts := w.bob.texts(t); len(texts) != 1 || texts[0] != "just now" {
		t.Errorf("Bob has %q", texts)
	}
	if _, err := w.ann.node.Undo(t.Context(), api.UndoRequest{ID: sent.ID}); api.AsError(err).Code != api.CodeRefused {
		t.Errorf("it can be taken back all the same: %v", err)
	}
}
