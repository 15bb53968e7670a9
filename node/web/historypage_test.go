package web_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// keeper is a house whose history is older than what is chosen.
type keeper struct {
	*house
	older int
	keeps string
	fails error
	late  bool // the export breaks off
}

func (k *keeper) Retention(context.Context, api.RetentionQuery) ([]api.Retention, error) {
	return []api.Retention{{Org: "org", Keep: k.keeps, Due: time.Unix(1e9, 0), Older: k.older}}, nil
}

func (k *keeper) SetRetention(ctx context.Context, r api.RetentionRequest) ([]api.Retention, error) {
	k.Backend.SetRetention(ctx, r) //nolint:errcheck // it only notes the request
	if k.fails != nil {
		return nil, k.fails
	}
	return []api.Retention{{Org: "org", Keep: r.Keep, Older: k.older, From: time.Unix(1e9, 0), Chosen: r.Erase || k.older == 0}}, nil
}

func (k *keeper) Conversations(context.Context, api.ConversationsQuery) ([]api.Conversation, error) {
	return []api.Conversation{
		{Conversation: "conversation1", People: []api.Person{{Member: "bo", Name: hostile}}}, {Conversation: "conversation2", Group: &api.GroupName{Name: "Crew"}},
	}, nil
}

func (k *keeper) Export(ctx context.Context, r api.ExportRequest, begin func(api.ExportStart) io.Writer) error {
	if k.fails != nil && !k.late {
		return k.fails
	}
	if err := k.Backend.Export(ctx, r, begin); err != nil {
		return err
	}
	return k.fails
}

// What a choice removes is asked about first; only a yes removes it. [API-82]
func TestKeepingAsksFirst(t *testing.T) {
	k := &keeper{house: full(), older: 12, keeps: "7m"}
	h := newHouse(t, k)
	p := ask(t, h, "GET", "/o/org/settings/history", "en", nil)
	for _, want := range []string{`value="7m" selected`, "7 months", "here 12 messages go on", "Crew"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("%q is missing in\n%s", want, p.Body)
		}
	}
	p = ask(t, h, "POST", "/o/org/settings/history/keep", "en", url.Values{"keep": {"1m"}})
	if p.Code != http.StatusOK || !strings.Contains(p.Body.String(), "12 messages are older than") || !strings.Contains(p.Body.String(), `name="erase" value="1"`) {
		t.Errorf("%d\n%s", p.Code, p.Body)
	}
	if diff := cmp.Diff(api.RetentionRequest{Org: "org", Keep: "1m"}, k.last(t)); diff != "" {
		t.Error(diff)
	}
	p = ask(t, h, "POST", "/o/org/settings/history/keep", "en", url.Values{"keep": {"1m"}, "erase": {"1"}})
	if diff := cmp.Diff(api.RetentionRequest{Org: "org", Keep: "1m", Erase: true}, k.last(t)); diff != "" || p.Header().Get("Location") != "/o/org/settings/history?notice=settings.kept" {
		t.Error(diff, p.Header())
	}
	k.fails = api.Errorf(api.CodeUsage, "not so")
	if p = ask(t, h, "POST", "/o/org/settings/history/keep", "en", url.Values{"keep": {"soon"}}); p.Code != http.StatusBadRequest || !strings.Contains(p.Body.String(), "not so") {
		t.Errorf("%d\n%s", p.Code, p.Body)
	}
}

// An export is a file to save; one that fails before it begins shows why, one that breaks off is cut. [API-83]
func TestExportPage(t *testing.T) {
	k := &keeper{house: full(), keeps: "forever"}
	h := newHouse(t, k)
	form := url.Values{"conversation": {"conversation1"}, "format": {"mbox"}, "since": {"2026-01-31"}}
	p := ask(t, h, "POST", "/o/org/settings/history/export", "en", form)
	want := api.ExportRequest{Org: "org", Conversations: api.List[string]{"conversation1"}, Format: "mbox", NoFiles: true, Zip: true, Since: time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local)}
	if diff := cmp.Diff(want, k.last(t)); diff != "" || p.Body.String() != "a zip file" || !strings.HasPrefix(p.Header().Get("Content-Disposition"), `attachment; filename="muster-export.zip"`) {
		t.Error(diff, p.Header(), p.Body)
	}
	if p = ask(t, h, "POST", "/o/org/settings/history/export", "en", url.Values{"format": {"json"}, "since": {"soon"}}); p.Code != http.StatusBadRequest {
		t.Errorf("%d\n%s", p.Code, p.Body)
	}
	k.fails = api.Errorf(api.CodeNotFound, "no such conversation")
	if p = ask(t, h, "POST", "/o/org/settings/history/export", "en", form); p.Code != http.StatusNotFound || !strings.Contains(p.Body.String(), "no such conversation") {
		t.Errorf("%d\n%s", p.Code, p.Body)
	}
	k.late = true
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("it is not cut")
		}
	}()
	ask(t, h, "POST", "/o/org/settings/history/export", "en", form)
}
