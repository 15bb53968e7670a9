package keyring

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// inSession is set in the process that runs within a session that has a keyring.
const inSession = "MUSTER_TEST_KEYRING"

// A secret goes to a real Secret Service and comes back: GNOME's, in a session of its own on a bus of its own.
func TestSecretService(t *testing.T) {
	if os.Getenv(inSession) != "" {
		realSecret(t)
		return
	}
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no real keyring: %v", err)
			}
			t.Skipf("NOT TESTED: no real keyring on this machine (Debian: apt-get install dbus gnome-keyring): %v", err)
		}
	}
	home := t.TempDir()
	script := `printf 'password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" -test.run '^TestSecretService$' -test.v`
	session := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", script, os.Args[0])
	session.Env = append(os.Environ(), inSession+"=1", "HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_DATA_HOME="+home)
	if out, err := session.CombinedOutput(); err != nil {
		t.Fatalf("in the session: %v\n%s", err, out)
	}
}

func realSecret(t *testing.T) {
	for _, secret := range [][]byte{bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{8}, 32)} {
		if err := Set(t.Context(), "folder", secret); err != nil {
			t.Fatal(err)
		}
		if got, err := Get(t.Context(), "folder"); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	if err := Delete(t.Context(), "folder"); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(t.Context(), "folder"); !errors.Is(err, ErrMissing) {
		t.Errorf("after it was removed: %v", err)
	}
}
