package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/web"
)

func newLocked(t *testing.T, isNew bool, unlock func([]byte) error) http.Handler {
	t.Helper()
	ways := []string{api.WayPassphrase}
	if isNew {
		ways = nil
	}
	l, err := web.NewLocked(web.LockedConfig{New: isNew, Ways: ways, Unlock: func(_ context.Context, key api.Key) error {
		return unlock(key.Passphrase)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Each address of a locked folder shows the same page, in every language, which asks for the passphrase.
func TestLockedPage(t *testing.T) {
	for _, isNew := range []bool{true, false} {
		app := newLocked(t, isNew, nil)
		for _, language := range []string{"en", "de", "ar"} {
			for _, address := range []string{"/", "/o/org/", "/unlock", "/welcome"} {
				p := ask(t, app, "GET", address, language, nil)
				checkPage(t, p)
				if p.Code != http.StatusOK || p.find("input", "passphrase").Data == "" || (p.find("input", "again").Data != "") != isNew {
					t.Errorf("%s in %s: %d %s", address, language, p.Code, p.text())
				}
			}
		}
	}
}

func TestUnlock(t *testing.T) {
	var got []string
	wrong := true
	app := newLocked(t, false, func(passphrase []byte) error {
		got = append(got, string(passphrase))
		if wrong {
			return api.Errorf(api.CodeRefused, "wrong passphrase")
		}
		return nil
	})
	try := func(passphrase string) page {
		return ask(t, app, "POST", "/unlock", "en", url.Values{"passphrase": {passphrase}})
	}
	if p := try(""); p.Code != http.StatusForbidden || len(got) != 0 {
		t.Errorf("an empty passphrase is tried: %d %q", p.Code, got)
	}
	p := try("bad horse")
	checkPage(t, p)
	if p.Code != http.StatusForbidden || !strings.Contains(p.text(), "not the passphrase") {
		t.Errorf("a wrong one: %d %s", p.Code, p.text())
	}
	if strings.Contains(p.Body.String(), "bad horse") {
		t.Error("the page holds what was typed")
	}
	wrong = false
	if p := try("good & horse"); p.Code != http.StatusSeeOther || p.Header().Get("Location") != "/" {
		t.Errorf("the right one: %d %s", p.Code, p.text())
	}
	if want := []string{"bad horse", "good & horse"}; !slices.Equal(got, want) {
		t.Errorf("tried %q, want %q", got, want)
	}
}

// Who keeps the folder says how long to wait, and the page tells it in words.
func TestGuessingIsSlowed(t *testing.T) {
	for err, says := range map[*api.Error]string{
		api.Errorf(api.CodeRefused, "too many were wrong: wait %d s before the next", 64): "64 seconds",
		api.Errorf(api.CodeRefused, "somebody else tries a passphrase right now"):         "Another try",
	} {
		app := newLocked(t, false, func([]byte) error { return err })
		p := ask(t, app, "POST", "/unlock", "en", url.Values{"passphrase": {"guess"}})
		checkPage(t, p)
		if p.Code != http.StatusForbidden || !strings.Contains(p.text(), says) {
			t.Errorf("%v: %d %s", err, p.Code, p.text())
		}
	}
}

// The page offers what the folder has: a folder with a key file alone is not unlocked by any form.
func TestLockedPageOffersTheWays(t *testing.T) {
	for _, c := range []struct {
		ways       []string
		passphrase bool
		keyring    bool
	}{
		{[]string{api.WayPassphrase}, true, false},
		{[]string{api.WayKeyFile}, false, false},
		{[]string{api.WayPassphrase, api.WayKeyring}, true, true},
		{[]string{api.WayKeyFile, api.WayKeyring}, false, true},
	} {
		var got api.Key
		l, err := web.NewLocked(web.LockedConfig{Ways: c.ways, Unlock: func(_ context.Context, key api.Key) error { got = key; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		for _, language := range []string{"en", "de", "ar"} {
			p := ask(t, l, "GET", "/", language, nil)
			checkPage(t, p)
			if (p.find("input", "passphrase").Data != "") != c.passphrase || (p.find("input", "keyring").Data != "") != c.keyring {
				t.Errorf("%v in %s: %s", c.ways, language, p.text())
			}
		}
		if !c.keyring {
			continue
		}
		if p := ask(t, l, "POST", "/unlock", "en", url.Values{"keyring": {"on"}}); p.Code != http.StatusSeeOther || !got.Keyring || got.Passphrase != nil {
			t.Errorf("%v: %d, %+v", c.ways, p.Code, got)
		}
	}
}

// What is not a person's mistake is told as it is.
func TestUnlockFails(t *testing.T) {
	app := newLocked(t, false, func([]byte) error { return errors.New("the disk is <full>") })
	p := ask(t, app, "POST", "/unlock", "en", url.Values{"passphrase": {"a"}})
	if p.Code != http.StatusInternalServerError || !strings.Contains(p.text(), "the disk is <full>") {
		t.Errorf("%d %s", p.Code, p.text())
	}
}

// A new passphrase is typed twice and has a minimum.
func TestNewPassphrase(t *testing.T) {
	made := ""
	app := newLocked(t, true, func(passphrase []byte) error { made = string(passphrase); return nil })
	for _, c := range []struct{ passphrase, again, says string }{
		{"five lamps under it", "five lamps under", "differ"},
		{"short", "short", "Too short"},
		{"password123", "password123", "guessed first"},
		{"aaaaaaaaaaaa", "aaaaaaaaaaaa", "Too simple"},
	} {
		p := ask(t, app, "POST", "/unlock", "en", url.Values{"passphrase": {c.passphrase}, "again": {c.again}})
		checkPage(t, p)
		if p.Code != http.StatusForbidden || !strings.Contains(p.text(), c.says) || made != "" {
			t.Errorf("%q: %d %s", c.passphrase, p.Code, p.text())
		}
	}
	p := ask(t, app, "POST", "/unlock", "en", url.Values{"passphrase": {"five lamps under it"}, "again": {"five lamps under it"}})
	if p.Code != http.StatusSeeOther || made != "five lamps under it" {
		t.Errorf("%d %s: %q", p.Code, p.text(), made)
	}
}
