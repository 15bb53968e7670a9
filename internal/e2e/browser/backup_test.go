//go:build browser

package browser

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"muster.example/node/api"
)

// A person marks a folder as drive on the page and sees live that a backup is made and done; it goes, is missing, comes back, and gets
// another backup by itself. What is on it is checked, and damage is told.
func TestBackupDrive(t *testing.T) {
	ada := organization(t, "Ada", "Bo")[0]
	org := muster[[]api.OrgSummary](ada, "org", "list")[0].Org
	muster[any](ada, "backup", "auto", "--rate", "1") // so that the first backup takes some seconds
	large := filepath.Join(t.TempDir(), "large.bin")
	content := make([]byte, 6<<20)
	rand.NewChaCha8([32]byte{1}).Read(content) //nolint:errcheck // it never fails
	if err := os.WriteFile(large, content, 0o600); err != nil {
		t.Fatal(err)
	}
	muster[api.SendResult](ada, "send", "Bo", "-m", "For you.", "-a", large)
	place := t.TempDir()
	stick, away := filepath.Join(place, "stick"), filepath.Join(place, "away")
	if err := os.Mkdir(stick, 0o700); err != nil {
		t.Fatal(err)
	}

	b := open(t, ada)
	b.goTo("/o/" + org + "/settings")
	b.look("settings")
	b.click(`main a[href="/o/` + org + `/backup"]`)
	b.see("No drive is marked yet.")
	if read[bool](b, "document.querySelector('main').innerText.includes('/dev/shm')") {
		t.Error("memory is offered as a drive")
	}
	b.expect("the server responded with a status of 4") // a refusal is shown with its status
	b.fill("#backup-path", stick)
	b.click("form:has(#backup-path) button")
	b.see("is on the disk that Muster's own folder is on")
	b.click("[name=same]")
	b.click("form:has(#backup-path) button")
	b.see("The drive is marked.")
	b.see("A backup is being made")
	b.see("Please leave the drive connected.")
	b.look("backup-running")
	b.see("The drive may be taken out now.")
	b.look("backup")
	done := func() string { return read[string](b, "document.querySelector('#backup-drives dd time').dateTime") }
	first := done()

	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		b.click("#backup-drives button[value=look]")
	}
	rename(stick, away)
	b.see("Not connected")
	b.until("nothing can be begun there, and nothing says that it may be taken out", "!document.querySelector('#backup-drives button[value=now], #backup-drives .safe')")
	b.shot("backup-away")
	muster[api.SendResult](ada, "send", "Bo", "-m", "While it is away.")
	b.until("the second of the first backup is over, so that another one's time differs", "Date.now() >= Date.parse("+quoted(first)+") + 1000")
	rename(away, stick)
	b.until("another backup was made by itself", "document.querySelector('#backup-drives dd time').dateTime > "+quoted(first))
	b.see("The drive may be taken out now.")

	b.click("#backup-drives button[value=verify]")
	b.see("All of it was read, and all is whole.")
	b.see("Found whole")
	damage(t, stick)
	b.click("#backup-drives button[value=verify]")
	b.see("Something on the drive is damaged.")
	b.see("What lies on the drive is damaged.")
	b.shot("backup-damaged")
}

// damage changes a byte in the middle of the largest file below a folder.
func damage(t *testing.T, folder string) {
	t.Helper()
	var largest string
	var size int64
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	})
	if err != nil || largest == "" {
		t.Fatalf("looking for what to damage: %q, %v", largest, err)
	}
	content, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(largest, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
