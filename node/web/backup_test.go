package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
	"muster.example/node/web"
)

// drives is a house with drives.
type drives struct {
	*house
	result  api.BackupResult
	volumes []api.BackupVolume
}

func (d drives) Backups(context.Context, api.BackupQuery) (api.BackupResult, error) {
	return d.result, nil
}
func (d drives) BackupVolumes(context.Context) ([]api.BackupVolume, error) { return d.volumes, nil }

func serveDrives(t *testing.T, d drives) http.Handler {
	t.Helper()
	s, err := web.New(web.Config{Backend: d})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func someDrives() drives {
	h := full()
	warning := api.BackupWarning{Kind: api.BackupWarnOverdue, Drive: hostile, Time: day, Text: "old"}
	h.status.Backup = api.BackupStatus{Drives: 2, Warnings: api.List[api.BackupWarning]{warning}}
	states := []api.BackupDriveState{api.BackupAway, api.BackupReady, api.BackupWaiting, api.BackupRunning, api.BackupPaused, api.BackupLocked}
	d := drives{house: h, result: api.BackupResult{Key: api.BackupKeyResult{State: api.BackupKeyKept, Fingerprint: "abcd efgh ijkl mnop"}}}
	for _, state := range states {
		one := api.BackupDrive{ID: "drive" + string(state), Name: hostile, Path: hostile, State: state, Error: hostile, Done: day, Verified: day,
			Safe: state == api.BackupReady}
		if state == api.BackupRunning {
			one.Progress = &api.BackupProgress{Phase: "writing", Done: 3, Total: 8}
		}
		d.result.Drives = append(d.result.Drives, one)
	}
	for _, kind := range []api.BackupWarningKind{api.BackupWarnOverdue, api.BackupWarnFailing, api.BackupWarnDamaged} {
		d.result.Warnings = append(d.result.Warnings, api.BackupWarning{Kind: kind, Drive: hostile, Time: day, Error: hostile})
	}
	d.result.Warnings = append(d.result.Warnings, api.BackupWarning{Kind: api.BackupWarnUnmarked})
	d.volumes = []api.BackupVolume{{Path: "/media/stick", Name: hostile, Removable: true, Free: 1 << 30}, {Path: "/", Name: "own", SameDisk: true, Free: -1}}
	return d
}

func TestBackupPage(t *testing.T) {
	d := someDrives()
	app := serveDrives(t, d)
	const at = "/o/org/backup"
	for _, tag := range []string{"en", "de", "ar"} {
		p := ask(t, app, "GET", at, tag, nil)
		checkPage(t, p)
		if p.Code != http.StatusOK {
			t.Fatalf("%s: %d", tag, p.Code)
		}
	}
	text := get(t, app, at).text()
	for _, says := range []string{"may be taken out now", "3/8", "abcd efgh ijkl mnop", "1.0 GiB", "Back up now", "no complete backup for too long", "and makes none yet", "Not connected"} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if strings.Contains(text, "own ·") {
		t.Error("the computer's own disk is offered")
	}
	d.result.Drives[0].Error = "writing a pack: backup: the drive is full"
	if page := ask(t, serveDrives(t, d), "GET", at, "de", nil).text(); !strings.Contains(page, "Das Laufwerk ist voll.") || strings.Contains(page, "is full") {
		t.Error("what is wrong with a drive is not told in the page's language")
	}
	d.result.Key.State = api.BackupKeyMissing
	locked := get(t, serveDrives(t, d), at).text()
	if !strings.Contains(locked, "words are needed once") || strings.Contains(locked, "Mark a drive") {
		t.Error("without a key the words are not asked for, or a drive can be marked")
	}
}

// The home page says when backups are missing, and where to go.
func TestMissingBackupsAreOnEveryPage(t *testing.T) {
	d := someDrives()
	if text := get(t, serveDrives(t, d), "/o/org/people").text(); !strings.Contains(text, "Backups need you.") {
		t.Error("no banner")
	}
	d.status.Backup.Warnings = nil
	if text := get(t, serveDrives(t, d), "/o/org/people").text(); strings.Contains(text, "Backups need you.") {
		t.Error("the banner stays")
	}
}

func TestBackupForms(t *testing.T) {
	d := someDrives()
	app := serveDrives(t, d)
	const at = "/o/org/backup"
	yes := true
	for name, c := range map[string]struct {
		path string
		form url.Values
		want any
	}{
		"now":    {at, url.Values{"do": {"now"}, "drive": {"x"}}, api.DriveRequest{Drive: "x"}},
		"forget": {at, url.Values{"do": {"forget"}, "drive": {"y"}}, api.DriveRequest{Drive: "y"}},
		"verify": {at, url.Values{"do": {"verify"}, "drive": {"z"}}, api.DriveRequest{Drive: "z"}},
		"look":   {at, url.Values{"do": {"look"}}, api.BackupChoiceRequest{}},
		"mark":   {at + "/mark", url.Values{"path": {"/media/stick"}, "same": {"1"}}, api.MarkDriveRequest{Path: "/media/stick", SameDisk: true}},
		"key":    {at + "/key", url.Values{"words": {"a b c"}}, api.BackupKeyRequest{Words: "a b c"}},
	} {
		p := ask(t, app, "POST", c.path, "en", c.form)
		if p.Code != http.StatusSeeOther || !strings.HasPrefix(p.Header().Get("Location"), at) {
			t.Errorf("%s: %d to %q", name, p.Code, p.Header().Get("Location"))
		}
		if diff := cmp.Diff(c.want, d.last(t)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"pause"}})
	if asked, ok := d.last(t).(api.BackupChoiceRequest); !ok || asked.Paused == nil || *asked.Paused != yes {
		t.Errorf("pausing asks %+v", asked)
	}
	d.Err = api.Errorf(api.CodeRefused, "%s is on the disk that Muster's own folder is on: what takes the one takes the other", "/x")
	p := ask(t, app, "POST", at+"/mark", "de", url.Values{"path": {"/x"}})
	if p.Code != http.StatusForbidden || !strings.Contains(p.text(), "auf der Platte") {
		t.Errorf("a refusal: %d %s", p.Code, p.text())
	}
}
