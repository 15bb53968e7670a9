package service

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the texts anew")

var makers = map[string]func(Spec) (string, error){"service": SystemdUnit, "plist": LaunchdAgent, "xml": WindowsTask}

// The text of each system is the same wherever it is made, and looked at in testdata.
func TestTextsAreThoseLookedAt(t *testing.T) {
	for name, spec := range map[string]Spec{
		"plain.service":  {Program: "/usr/bin/muster"},
		"plain.plist":    {Program: "/usr/local/bin/muster", Dir: "/srv/node"},
		"plain.xml":      {Program: `C:\Muster\muster.exe`, Dir: `C:\Node`, User: `DESK\ada`},
		"quoted.service": {Program: `/opt/My 100% $HOME/muster`, Dir: `/srv/Ada's "\node" 50%`, KeyFile: "/srv/ключ $1 & <x>"},
		"quoted.plist":   {Program: `/opt/My "100%" $HOME/muster`, Dir: `/srv/Ada's\node 50%`, KeyFile: "/srv/ключ $1 & <x>"},
		"quoted.xml":     {Program: `C:\Program Files\Mu&ster\muster.exe`, Dir: `D:\Ada's files\`, KeyFile: `D:\ключ & $1\a b`, User: `DESK\Ada & Bo`},
	} {
		got, err := makers[strings.TrimPrefix(filepath.Ext(name), ".")](spec)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What XML says of the paths is the paths.
func TestXMLGivesPathsBack(t *testing.T) {
	spec := Spec{Program: `/a <b> & 'c' "d"/]]>`, Dir: "/&amp;", KeyFile: "/x"}
	text, err := LaunchdAgent(spec)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Arguments []string `xml:"dict>array>string"`
	}
	if err := xml.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	want := []string{spec.Program, "start", "--dir", spec.Dir, "--key-file", spec.KeyFile}
	if diff := cmp.Diff(want, list.Arguments); diff != "" {
		t.Error(diff)
	}
	text, err = WindowsTask(Spec{Program: `C:\a & b.exe`, User: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Command string `xml:"Actions>Exec>Command"`
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := decoder.Decode(&parsed); err != nil || parsed.Command != `C:\a & b.exe` {
		t.Errorf("the task's command is %q: %v", parsed.Command, err)
	}
}

func TestPathsThatCannotBeWrittenAreRefused(t *testing.T) {
	for name, maker := range makers {
		for _, path := range []string{"/a\nExecStart=/bin/sh", "/a\x00", "/a\xff", "/a\x1b[2J"} {
			for _, spec := range []Spec{{Program: path}, {Program: "/m", Dir: path}, {Program: "/m", KeyFile: path}} {
				if text, err := maker(spec); !errors.Is(err, ErrPath) {
					t.Errorf("%s of %q: %v\n%s", name, path, err, text)
				}
			}
		}
	}
	for _, path := range []string{`/a"b`, `/a'b`, `/a\b`} {
		if _, err := SystemdUnit(Spec{Program: path}); !errors.Is(err, ErrPath) {
			t.Errorf("a unit starts %s: %v", path, err)
		}
	}
	for _, path := range []string{`C:\100%`, `C:\$(Arg0)`} {
		if _, err := WindowsTask(Spec{Program: path}); !errors.Is(err, ErrPath) {
			t.Errorf("a task starts %s: %v", path, err)
		}
	}
}

func TestWindowsQuote(t *testing.T) {
	for text, want := range map[string]string{
		``: `""`, `a`: `a`, `a b`: `"a b"`, `C:\a b\`: `"C:\a b\\"`, `a"b`: `"a\"b"`, `a\\"b`: `"a\\\\\"b"`, `C:\a`: `C:\a`,
	} {
		if got := windowsQuote(text); got != want {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
}

// tool plays the system's tools: it keeps what it was asked.
type tool struct {
	asked []string
	fail  bool
}

func (s *tool) run(_ context.Context, command ...string) (string, error) {
	s.asked = append(s.asked, strings.Join(command, " "))
	if s.fail {
		return "Failed to connect to bus", errors.New("no bus")
	}
	if command[len(command)-2] == "is-active" {
		return "active", nil
	}
	return "state = running", nil
}

func TestUnitComesAndGoes(t *testing.T) {
	for _, bus := range []bool{true, false} {
		system := &tool{fail: !bus}
		m := &Manager{system: "systemd", folder: filepath.Join(t.TempDir(), "systemd", "user"), run: system.run}
		for range 2 { // twice is no error
			status, err := m.Install(t.Context(), Spec{Program: "/m"})
			if err != nil || !status.Installed || (status.State == StateRunning) != bus {
				t.Fatalf("installed: %+v, %v", status, err)
			}
			if target, err := os.Stat(m.wanted()); err != nil || target.IsDir() {
				t.Fatalf("the unit is not enabled: %v", err)
			}
		}
		if asked := strings.Join(system.asked, "\n"); bus && (!strings.Contains(asked, "restart") || !strings.Contains(asked, "--user start")) {
			t.Errorf("a new unit is not started anew, or an old one not left running:\n%s", asked)
		}
		for i := range 2 {
			if was, err := m.Remove(t.Context()); err != nil || was != (i == 0) {
				t.Fatalf("removed: %v, %v", was, err)
			}
		}
		for _, path := range []string{m.file(), m.wanted(), filepath.Dir(m.wanted())} {
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
	}
}

func TestAgentAndTaskComeAndGo(t *testing.T) {
	system := &tool{}
	m := &Manager{system: "launchd", folder: t.TempDir(), run: system.run}
	for range 2 {
		if status, err := m.Install(t.Context(), Spec{Program: "/m"}); err != nil || !status.Installed || status.State != StateRunning {
			t.Fatalf("installed: %+v, %v", status, err)
		}
	}
	if was, err := m.Remove(t.Context()); err != nil || !was {
		t.Fatalf("removed: %v, %v", was, err)
	}
	if asked := strings.Join(system.asked, "\n"); strings.Count(asked, "bootstrap") != 1 {
		t.Errorf("the agent was not loaded once:\n%s", asked)
	}
	m = &Manager{system: "windows", folder: t.TempDir(), run: system.run}
	if _, err := m.Install(t.Context(), Spec{Program: `C:\m.exe`, User: "x"}); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(m.folder); len(left) != 0 {
		t.Errorf("the scratch file is left: %v", left)
	}
	if was, err := m.Remove(t.Context()); err != nil || !was {
		t.Fatalf("removed: %v, %v", was, err)
	}
}

func TestUTF16HasMarkAndPairs(t *testing.T) {
	want := []byte{0xff, 0xfe, 'a', 0, '\r', 0, '\n', 0, 0x3d, 0xd8, 0x00, 0xde}
	if diff := cmp.Diff(want, utf16Bytes("a\n😀")); diff != "" {
		t.Error(diff)
	}
}
