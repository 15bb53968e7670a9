package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster.example/node/api"
)

var (
	liveFor  = regexp.MustCompile(`data-live="([^"]*)"`)
	listened = regexp.MustCompile(`for \(const kind of \[([^\]]*)\]\)`)
)

// Whatever a part of a page is live for, the script listens to, and no kind of event is left out but those about the watch itself.
func TestPagesListenToEveryKind(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("static", "js", "live.js"))
	if err != nil {
		t.Fatal(err)
	}
	found := listened.FindSubmatch(script)
	if found == nil {
		t.Fatal("live.js names no kinds")
	}
	heard := strings.FieldsFunc(string(found[1]), func(r rune) bool { return strings.ContainsRune(`", `, r) })
	for _, kind := range []api.EventKind{
		api.EventMessage, api.EventIntroduction, api.EventChange, api.EventMark, api.EventState, api.EventContact, api.EventOrg, api.EventSkin,
		api.EventNotice, api.EventPresence, api.EventTyping, api.EventPairing, api.EventRestore, api.EventAround,
	} {
		if !slices.Contains(heard, string(kind)) {
			t.Errorf("live.js does not listen to %s", kind)
		}
	}
	pages, err := filepath.Glob(filepath.Join("templates", "*.html"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("templates: %v, %v", pages, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, live := range liveFor.FindAllSubmatch(text, -1) {
			for kind := range strings.FieldsSeq(string(live[1])) {
				if !slices.Contains(heard, kind) {
					t.Errorf("%s is live for %s, to which live.js does not listen", page, kind)
				}
			}
		}
	}
}
