package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// canMakeVolumes reports whether there are loop devices, and ext4 on them.
var canMakeVolumes = sync.OnceValue(func() bool {
	_, err := exec.LookPath("mkfs.ext4")
	_, none := os.Stat("/dev/loop-control")
	_, missing := os.Stat("/sys/fs/ext4")
	return err == nil && none == nil && missing == nil
})

// mountVolume is `volume DIR SIZE`: it makes the folder and mounts an ext4 volume of that size on it, until the script ends. The kernel
// makes it read-only when something is wrong with it, as most are set up.
func mountVolume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: volume folder size")
	}
	dir := ts.MkAbs(args[0])
	image := dir + ".image"
	ts.Check(os.MkdirAll(dir, 0o700))
	system(ts, "truncate", "-s", args[1], image)
	system(ts, "mkfs.ext4", "-q", "-F", image)
	mountImage(ts, "loop,errors=remount-ro", image, dir)
	ts.Defer(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			ts.Logf("unmounting: %v: %s", err, out)
		}
	})
}

// insertVolume is `insert IMAGE DIR`: it makes the folder and mounts the volume of an image on it, until it is unmounted or the script
// ends.
func insertVolume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: insert image folder")
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o700))
	mountImage(ts, "loop", ts.MkAbs(args[0]), dir)
	ts.Defer(func() { _ = exec.Command("umount", "-l", dir).Run() }) // it may be gone
}

// spoilVolume is `spoil DIR`: the kernel finds that something is wrong with a volume, under the programs that have files of it open.
func spoilVolume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: spoil folder")
	}
	source := strings.TrimSpace(system(ts, "findmnt", "-n", "-o", "SOURCE", ts.MkAbs(args[0])))
	ts.Check(os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(source), "trigger_fs_error"), []byte("spoilt by a test"), 0))
	probe := ts.MkAbs(filepath.Join(args[0], "probe"))
	if err := os.WriteFile(probe, nil, 0o600); err == nil {
		ts.Fatalf("the volume can still be written")
	}
}

// remountVolume is `remount DIR`: a volume that nobody uses is looked through, mended, and mounted again; `remount DIR ro`: read-only.
func remountVolume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: remount folder [ro]")
	}
	dir, options := ts.MkAbs(args[0]), "loop,errors=remount-ro"
	if len(args) > 1 {
		options += "," + args[1]
	}
	system(ts, "umount", dir)
	_ = exec.Command("e2fsck", "-p", dir+".image").Run() // its status says that it mended something
	mountImage(ts, options, dir+".image", dir)
}

// mountImage mounts an image on a free loop device. Another script, or the end of an older mount, can take a device in the moment
// between finding it free and using it: then the next one is taken.
func mountImage(ts *testscript.TestScript, options, image, dir string) {
	var out []byte
	poll(ts, func() bool {
		var err error
		out, err = exec.Command("mount", "-o", options, image, dir).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "busy") {
			ts.Fatalf("mounting %s: %v: %s", image, err, out)
		}
		return err == nil
	}, func() string { return fmt.Sprintf("mounting %s: %s", image, out) })
}

// system runs a program of the system, which must succeed, and returns what it said.
func system(ts *testscript.TestScript, words ...string) string {
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		ts.Check(fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out))
	}
	return string(out)
}
