package web

import (
	"net/url"
	"strings"
	"testing"
)

func TestTooWeak(t *testing.T) {
	common := []byte("iloveyouso\npasswordpassword\ncorrect horse battery staple\n")
	for passphrase, want := range map[string]string{
		"":                                "strength.short",
		"nine char":                       "strength.short",
		"ääääääääää":                      "strength.simple",
		"aaaaaaaaaaaaaaaaaaaa":            "strength.simple",
		"abcdefghijklmnopqrstuvwxyz":      "strength.simple",
		"1234567890987654321":             "strength.simple",
		"ILoveYouSo2026!":                 "strength.common",
		"PasswordPassword":                "strength.common",
		"correct horse battery staple":    "strength.common",
		"five lamps under the old bridge": "",
		"لا يعرفها أحد":                   "",
	} {
		if got := tooWeak([]byte(passphrase), common); got != want {
			t.Errorf("%q: %q, want %q", passphrase, got, want)
		}
	}
}

func TestReadSecrets(t *testing.T) {
	for body, want := range map[string]string{
		"passphrase=a+b%20c%26%3D%C3%A4&again=x&more=%ZZ": "a b c&=ä",
		"again=x": "",
	} {
		got, err := readSecrets(strings.NewReader(body), "passphrase", "again")
		if err != nil || string(got["passphrase"]) != want || string(got["again"]) != "x" {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
	for _, body := range []string{
		"passphrase=%", "passphrase=%4", "passphrase=%4g", "passphrase=%ff", "passphrase=a&passphrase=b",
		"passphrase=" + strings.Repeat("a", maxSecrets),
	} {
		if got, err := readSecrets(strings.NewReader(body), "passphrase"); err == nil {
			t.Errorf("%.40s is read as %.40q", body, got)
		}
	}
}

func TestSecretsAreForgotten(t *testing.T) {
	got, err := readSecrets(strings.NewReader("passphrase=correct"), "passphrase")
	if err != nil {
		t.Fatal(err)
	}
	value := got["passphrase"]
	got.forget()
	if string(value) != strings.Repeat("\x00", 7) {
		t.Errorf("%q is left", value)
	}
}

// A form is read as everybody reads one, but for fields that are there twice.
func FuzzSecrets(f *testing.F) {
	f.Add("passphrase=a+b%20c%26%3D%C3%A4&again=x")
	f.Add("passphrase=%4&again")
	f.Add("passphrase=%\x10\x11")
	f.Fuzz(func(t *testing.T, body string) {
		got, err := readSecrets(strings.NewReader(body), "passphrase")
		if err != nil {
			return
		}
		for pair := range strings.SplitSeq(body, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name != "passphrase" {
				continue
			}
			if want, err := url.QueryUnescape(value); err != nil || want != string(got[name]) {
				t.Errorf("%q is read as %q, where it is %q: %v", value, got[name], want, err)
			}
		}
	})
}
