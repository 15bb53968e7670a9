//go:build linux

package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// built builds the rendezvous node as releases are.
func built(t *testing.T, path string) {
	t.Helper()
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../../cmd/muster-rendezvous")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// image is what a Containerfile makes of its last stage.
type image struct {
	from, user          string
	environment         []string
	entrypoint, command []string
	healthcheck         []string
	volumes, exposed    string
}

func readImage(t *testing.T) (i image) {
	t.Helper()
	data, err := os.ReadFile("files/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	list := func(text string) (words []string) {
		if err := json.Unmarshal([]byte(text), &words); err != nil {
			t.Errorf("%s has no list of words, and there is no shell in the image", text)
		}
		return words
	}
	for line := range strings.Lines(string(data)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "FROM":
			i = image{from: rest}
		case "USER":
			i.user = rest
		case "ENV":
			i.environment = append(i.environment, rest)
		case "ENTRYPOINT":
			i.entrypoint = list(rest)
		case "CMD":
			i.command = list(rest)
		case "HEALTHCHECK":
			_, check, _ := strings.Cut(rest, "CMD ")
			i.healthcheck = list(check)
		case "VOLUME":
			i.volumes = rest
		case "EXPOSE":
			i.exposed = rest
		}
	}
	return i
}

// The program needs no file beside it: no loader, no library.
func TestProgramIsStatic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "muster-rendezvous")
	built(t, path)
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a segment %v", part.Type)
		}
	}
	if libraries, err := program.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it needs %v", libraries)
	}
}

// An image of nothing but the program serves, as nobody, and its health is asked by the program itself. Without a tool that makes
// containers, a folder with the program alone stands for the image.
func TestProgramServesAloneInAnImage(t *testing.T) {
	i := readImage(t)
	if i.from != "scratch" || i.volumes != "/data" || i.exposed != "4747/tcp 4747/udp" {
		t.Errorf("the image: %+v", i)
	}
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("running the image takes root")
		}
		t.Skip("NOT TESTED: running the image takes root")
	}
	root := t.TempDir()
	built(t, filepath.Join(root, "muster-rendezvous"))
	user, group, _ := strings.Cut(i.user, ":")
	uid, err := strconv.Atoi(user)
	if err != nil || uid == 0 || user != group {
		t.Fatalf("it runs as %q", i.user)
	}
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{root, filepath.Join(root, "data")} {
		if err := os.Chown(path, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	inside := func(words ...string) *exec.Cmd {
		c := exec.Command(words[0], words[1:]...)
		c.Dir, c.Env = "/", i.environment
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		return c
	}
	node := inside(slices.Concat(i.entrypoint, i.command, []string{"--listen", "/ip4/127.0.0.1/tcp/0"})...)
	var log bytes.Buffer
	node.Stderr = &log
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	link, err := bufio.NewReader(out).ReadString('\n') // once it serves
	if err != nil || !strings.HasPrefix(link, "muster:claim/") {
		t.Errorf("it said %q, %v: %s", link, err, &log)
	}
	if out, err := inside(i.healthcheck...).CombinedOutput(); err != nil {
		t.Errorf("its health: %v: %s", err, out)
	}
	if err := node.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := node.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, &log)
	}
	if err := inside(i.healthcheck...).Run(); err == nil {
		t.Error("a node that has ended is healthy")
	}
}
