package drive

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mountHere mounts an empty file system on a folder, and returns how it is taken away again.
func mountHere(t *testing.T, dir string) (unmount func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("mounts need root")
		}
		t.Skip("mounts need root: this test looked at nothing")
	}
	run := func(name string, arguments ...string) {
		t.Helper()
		if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir)
	unmount = func() { run("umount", dir) }
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() }) // it may be gone
	return unmount
}

func TestTheKernelTellsOfARealMount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a stick")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	has := func() bool {
		volumes, err := List()
		if err != nil {
			t.Fatal(err)
		}
		v, _ := On(volumes, dir)
		return v.Path == dir
	}
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}, 64), make(chan error, 1)
	go func() {
		ended <- Watch(ctx, func() {
			select {
			case changes <- struct{}{}:
			default: // the reader has enough to look at
			}
		})
	}()
	told := func(change func()) {
		t.Helper()
		for len(changes) > 0 {
			<-changes // of before
		}
		change()
		select {
		case <-changes:
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(2 * time.Minute):
			t.Fatal("what is mounted has changed, and nobody was told")
		}
	}
	<-changes // it has begun to look
	if has() {
		t.Fatal("an empty folder is a volume")
	}
	for range 32 { // what is lost now and then is found
		var unmount func()
		told(func() { unmount = mountHere(t, dir) })
		if !has() {
			t.Fatal("what is mounted is no volume")
		}
		told(func() { unmount() })
		if has() {
			t.Fatal("what was taken away is a volume")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// The drive is torn away while something is written there: not a byte lands on the disk below its mount point.
func TestNothingIsWrittenBelowAMountPoint(t *testing.T) {
	dir := t.TempDir()
	mountHere(t, dir)
	held, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Check(); err != nil {
		t.Fatal(err)
	}
	if same, err := Same(dir, filepath.Dir(dir)); err != nil || same {
		t.Errorf("the drive is the disk: %t, %v", same, err)
	}
	if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := held.Check(); !errors.Is(err, ErrGone) {
		t.Errorf("once it was gone: %v", err)
	}
	if err := os.WriteFile(filepath.Join(held.Path(), "late"), []byte("late"), 0o600); err != nil {
		t.Logf("the system refuses it, which is as good: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("below the mount point there are %v, %v", entries, err)
	}
	if same, err := Same(dir, filepath.Dir(dir)); err != nil || !same {
		t.Errorf("an empty mount point is the drive: %t, %v", same, err)
	}
	if err := held.Close(); err != nil {
		t.Error(err)
	}
}
