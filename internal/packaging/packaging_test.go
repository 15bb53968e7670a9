package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packed packs two made-up platforms and returns what is in the folder.
func packed(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"linux-arm64/muster", "linux-arm64/muster-rendezvous", "windows-amd64/muster.exe", "windows-amd64/muster-rendezvous.exe"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("the program "+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := release{version: "v0.1-5-gabc", built: dir, source: "../..", time: time.Unix(1_700_000_001, 0).UTC()}
	if err := r.make(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, entry := range entries {
		if !entry.IsDir() {
			if all[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

const (
	debName = "muster_0.1+5+gabc_arm64.deb"
	tarName = "muster-0.1-5-gabc-linux-arm64.tar.gz"
	zipName = "muster-0.1-5-gabc-windows-amd64.zip"
)

func TestSameInputGivesSameBytes(t *testing.T) {
	one, two := packed(t), packed(t)
	if len(one) != 4 {
		t.Errorf("there are %d files", len(one))
	}
	for name, data := range one {
		if !bytes.Equal(data, two[name]) {
			t.Errorf("%s differs from run to run", name)
		}
	}
}

// tarNames returns the modes of what is in a packed tar, by name.
func tarNames(t *testing.T, data []byte) map[string]int64 {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]int64)
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 || header.Uname != "" || header.ModTime.Unix() != 1_700_000_001 {
			t.Errorf("%s tells of the machine that packed it: %+v", header.Name, header)
		}
		names[header.Name] = header.Mode
	}
}

func TestArchivesHoldProgramsAndDocuments(t *testing.T) {
	all := packed(t)
	names := tarNames(t, all[tarName])
	for name, mode := range map[string]int64{"muster": 0o755, "muster-rendezvous": 0o755, "LICENSE": 0o644, "README.md": 0o644, "install.md": 0o644,
		"operating.md": 0o644, "muster-rendezvous.service": 0o644, "rendezvous.toml": 0o644} {
		if got := names["muster-0.1-5-gabc-linux-arm64/"+name]; got != mode {
			t.Errorf("%s has mode %o in the archive", name, got)
		}
	}
	archive, err := zip.NewReader(bytes.NewReader(all[zipName]), int64(len(all[zipName])))
	if err != nil || len(archive.File) != 8 || archive.File[0].Name != "muster-0.1-5-gabc-windows-amd64/muster.exe" {
		t.Fatalf("%v, %v", archive, err)
	}
	for _, name := range []string{debName, tarName, zipName} {
		if !strings.Contains(string(all["SHA256SUMS"]), "  "+name+"\n") {
			t.Errorf("SHA256SUMS lacks %s:\n%s", name, all["SHA256SUMS"])
		}
	}
}

// Debian's own tool reads the package, where there is one.
func TestDebianReadsThePackage(t *testing.T) {
	tool, err := exec.LookPath("dpkg-deb")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("there is no dpkg-deb: %v", err)
	case err != nil:
		t.Skip("NOT TESTED: there is no dpkg-deb here")
	}
	path := filepath.Join(t.TempDir(), debName)
	if err := os.WriteFile(path, packed(t)[debName], 0o644); err != nil {
		t.Fatal(err)
	}
	about, err := exec.Command(tool, "--field", path).CombinedOutput()
	if err != nil || !strings.Contains(string(about), "Version: 0.1+5+gabc\n") || !strings.Contains(string(about), "Architecture: arm64\n") {
		t.Errorf("%v: %s", err, about)
	}
	files, err := exec.Command(tool, "--info", path, "conffiles").CombinedOutput()
	if err != nil || string(files) != "/etc/muster/archive.toml\n/etc/muster/rendezvous.toml\n" {
		t.Errorf("settings: %v: %s", err, files)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		text, err := exec.Command(tool, "--info", path, script).Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		check := exec.Command("sh", "-n")
		check.Stdin = bytes.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", script, err, out)
		}
	}
	list, err := exec.Command(tool, "--contents", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	for _, want := range []string{
		"-rwxr-xr-x 0/0", " ./usr/bin/muster\n", " ./usr/lib/systemd/user/muster.service\n", " ./usr/share/doc/muster/copyright\n",
		" ./usr/lib/systemd/system/muster-rendezvous.service\n", " ./etc/muster/rendezvous.toml\n", " ./usr/share/doc/muster/operating.md\n",
		" ./usr/share/applications/muster.desktop\n", " ./usr/share/icons/hicolor/scalable/apps/muster.svg\n",
	} {
		if !strings.Contains(string(list), want) {
			t.Errorf("the package lacks %q:\n%s", want, list)
		}
	}
}

func TestDebianVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v0.1-5-gabc-dirty": "0.1+5+gabc+dirty", "c971947": "0.0~c971947", "971947a": "0.0~971947a", "dev": "0.0~dev", "": "0.0~",
	} {
		if got := debianVersion(version); got != want {
			t.Errorf("%q is %q to Debian, want %q", version, got, want)
		}
	}
}
