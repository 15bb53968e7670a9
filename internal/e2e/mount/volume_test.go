//go:build mounts && linux

package mount

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kinds are the file systems of volumes.
var kinds = []string{"fat", "exfat", "ext4"}

// volume is an image of a drive and where it is mounted.
type volume struct {
	t     *testing.T
	kind  string
	image string
	dir   string // "" if it is not mounted
	loop  string // the loop device, where one is used by hand
}

// onEach runs a test on a volume of each kind.
func onEach(t *testing.T, size string, test func(t *testing.T, v *volume)) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { test(t, newVolume(t, kind, size)) })
	}
}

// newVolume makes a volume and mounts it.
func newVolume(t *testing.T, kind, size string) *volume {
	t.Helper()
	v := &volume{t: t, kind: kind, image: filepath.Join(t.TempDir(), "image")}
	system(t, "truncate", "-s", size, v.image)
	switch kind {
	case "fat":
		system(t, "mkfs.vfat", "-F", "32", "-s", "8", v.image)
	case "exfat":
		system(t, "mkfs.exfat", v.image)
	case "ext4":
		system(t, "mkfs.ext4", "-q", "-F", v.image)
	}
	v.mount()
	t.Cleanup(v.detach)
	return v
}

// mount mounts the volume on a folder of its own.
func (v *volume) mount() {
	v.t.Helper()
	v.dir = v.t.TempDir()
	switch v.kind {
	case "fat":
		system(v.t, "fusefat", "-o", "rw+", v.image, v.dir)
	case "exfat":
		v.loop = strings.TrimSpace(system(v.t, "losetup", "-f", "--show", v.image))
		system(v.t, "mount.exfat-fuse", v.loop, v.dir)
	case "ext4":
		system(v.t, "mount", "-o", "loop,errors=continue", v.image, v.dir)
	}
}

// detach takes the volume away from under whoever uses it.
func (v *volume) detach() {
	if v.dir == "" {
		return
	}
	if out, err := exec.Command("umount", "-l", v.dir).CombinedOutput(); err != nil {
		v.t.Errorf("unmounting: %v: %s", err, out)
	}
	v.release()
}

// unmount unmounts the volume as a person does who takes care.
func (v *volume) unmount() {
	v.t.Helper()
	system(v.t, "umount", v.dir)
	v.release()
}

func (v *volume) release() {
	v.dir = ""
	if v.loop != "" {
		// The device is let go when the file system is.
		if out, err := exec.Command("losetup", "-d", v.loop).CombinedOutput(); err != nil && !strings.Contains(string(out), "No such device") {
			v.t.Errorf("letting the loop device go: %v: %s", err, out)
		}
		v.loop = ""
	}
	v.settle()
}

// settle waits until nobody writes to the image any more: who serves a file system of FUSE ends a little after it is unmounted.
func (v *volume) settle() {
	again, enough := time.NewTicker(20*time.Millisecond), time.After(2*time.Minute)
	defer again.Stop()
	for exec.Command("fuser", "-s", v.image).Run() == nil || strings.Contains(system(v.t, "losetup", "-a"), v.image) {
		select {
		case <-again.C:
		case <-enough:
			v.t.Errorf("the image of a volume that is unmounted stays in use")
			return
		}
	}
}

// torn is the volume as a drive would be that is torn away now: what has reached the image, looked through as systems do when such a
// drive comes back.
func (v *volume) torn() *volume {
	v.t.Helper()
	copied := &volume{t: v.t, kind: v.kind, image: filepath.Join(v.t.TempDir(), "torn")}
	system(v.t, "cp", "--sparse=always", v.image, copied.image)
	return copied
}

// comeBack mounts a volume that was torn away.
func (v *volume) comeBack() {
	v.t.Helper()
	check := map[string][]string{"fat": {"fsck.vfat", "-a", v.image}, "exfat": {"fsck.exfat", "-y", v.image}, "ext4": {"e2fsck", "-p", v.image}}[v.kind]
	_ = exec.Command(check[0], check[1:]...).Run() // its status says that it mended something
	v.mount()
	v.t.Cleanup(v.detach)
}

// system runs a program of the system, which must succeed, and returns what it said.
func system(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// The tests are asked for by their tag, so that what they need must be there.
func TestMain(m *testing.M) {
	for _, name := range []string{"fusefat", "mount.exfat-fuse", "mkfs.vfat", "mkfs.exfat", "mkfs.ext4", "losetup", "fuser"} {
		if _, err := exec.LookPath(name); err != nil {
			println("mount: " + name + " is missing: the tests need Debian's dosfstools, fusefat, exfatprogs, exfat-fuse, e2fsprogs and psmisc")
			os.Exit(1)
		}
	}
	if os.Getuid() != 0 {
		println("mount: the tests mount volumes, which needs root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
