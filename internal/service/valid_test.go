package service

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// element is one of an XML document, with its children in their order.
type element struct {
	name     string
	attr     map[string]string
	text     string
	children []*element
}

// parseXML reads a document strictly.
func parseXML(t *testing.T, text string) *element {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &element{}
	open := []*element{root}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		now := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: make(map[string]string)}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			now.children = append(now.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			now.text += string(token)
		}
	}
	if len(root.children) != 1 {
		t.Fatalf("%d roots in\n%s", len(root.children), text)
	}
	return root.children[0]
}

// value reads a value of a property list by the rules of Apple's PropertyList-1.0.dtd.
func value(e *element) (any, error) {
	switch e.name {
	case "true", "false":
		if e.text != "" || len(e.children) > 0 {
			return nil, fmt.Errorf("<%s> holds something", e.name)
		}
		return e.name == "true", nil
	case "string":
		return e.text, nil
	case "integer":
		return strconv.ParseInt(e.text, 10, 64)
	case "array":
		var all []any
		for _, child := range e.children {
			one, err := value(child)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	case "dict":
		all := make(map[string]any)
		for i := 0; i < len(e.children); i += 2 {
			key := e.children[i]
			if key.name != "key" || i+1 == len(e.children) || all[key.text] != nil {
				return nil, fmt.Errorf("the dictionary has <%s> %q where a new key and its value belong", key.name, key.text)
			}
			one, err := value(e.children[i+1])
			if err != nil {
				return nil, err
			}
			all[key.text] = one
		}
		return all, nil
	}
	return nil, fmt.Errorf("a property list has no <%s>", e.name)
}

// The agent is a property list, with the keys and types of launchd.plist(5).
func TestAgentIsAPropertyList(t *testing.T) {
	text, err := LaunchdAgent(Spec{Program: "/usr/local/bin/muster", Dir: "/srv/a <b> & c", KeyFile: "/k"})
	if err != nil {
		t.Fatal(err)
	}
	root := parseXML(t, text)
	if root.name != "plist" || root.attr["version"] != "1.0" || len(root.children) != 1 {
		t.Fatalf("the root is <%s %v> with %d children", root.name, root.attr, len(root.children))
	}
	got, err := value(root.children[0])
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Label":              Label,
		"ProgramArguments":   []any{"/usr/local/bin/muster", "start", "--dir", "/srv/a <b> & c", "--key-file", "/k"},
		"RunAtLoad":          true,
		"KeepAlive":          map[string]any{"SuccessfulExit": false},
		"ThrottleInterval":   int64(30),
		"ProcessType":        "Background",
		"Umask":              int64(0o77),
		"StandardOutPath":    "/dev/null",
		"StandardErrorPath":  "/dev/null",
		"HardResourceLimits": map[string]any{"Core": int64(0)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{
		"<dict><string>a</string></dict>", "<dict><key>a</key></dict>", "<dict><key>a</key><true/><key>a</key><true/></dict>",
		"<dict><key>a</key><true>x</true></dict>", "<array><bool/></array>", "<integer>a</integer>",
	} {
		if v, err := value(parseXML(t, broken)); err == nil {
			t.Errorf("%s was read as %v", broken, v)
		}
	}
}

// schema says of elements of a task which children they may have, by the Task Scheduler Schema that Microsoft documents: each at
// most once here. ordered is a sequence of XML Schema, whose order counts; others may come in any.
var schema = map[string]struct {
	ordered  bool
	children []string
}{
	"Task":             {false, []string{"RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions"}},
	"RegistrationInfo": {false, []string{"URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description", "Documentation"}},
	"Triggers":         {false, []string{"BootTrigger", "RegistrationTrigger", "IdleTrigger", "TimeTrigger", "EventTrigger", "LogonTrigger"}},
	"LogonTrigger": {true, []string{
		"Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", // of every trigger
		"UserId", "Delay",
	}},
	"Principals": {true, []string{"Principal"}},
	"Principal":  {false, []string{"UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"}},
	"Settings": {false, []string{
		"AllowStartOnDemand", "RestartOnFailure", "MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries",
		"AllowHardTerminate", "StartWhenAvailable", "NetworkProfileName", "RunOnlyIfNetworkAvailable", "WakeToRun", "Enabled", "Hidden",
		"DeleteExpiredTaskAfter", "IdleSettings", "NetworkSettings", "ExecutionTimeLimit", "Priority", "RunOnlyIfIdle",
	}},
	"RestartOnFailure": {false, []string{"Interval", "Count"}},
	"Actions":          {false, []string{"Exec"}},
	"Exec":             {true, []string{"Command", "Arguments", "WorkingDirectory"}},
}

// misplaced names the first element that the schema does not have where it is.
func misplaced(e *element) string {
	known, parent := schema[e.name]
	if !parent && len(e.children) > 0 {
		return e.name + " with children"
	}
	last := -1
	var seen []string
	for _, child := range e.children {
		at := slices.Index(known.children, child.name)
		if at < 0 || slices.Contains(seen, child.name) || known.ordered && at < last {
			return e.name + " > " + child.name
		}
		last, seen = at, append(seen, child.name)
		if found := misplaced(child); found != "" {
			return found
		}
	}
	return ""
}

func (e *element) find(path ...string) *element {
	for _, name := range path {
		at := slices.IndexFunc(e.children, func(child *element) bool { return child.name == name })
		if at < 0 {
			return &element{}
		}
		e = e.children[at]
	}
	return e
}

// The task is one by the documented schema: its elements in their order, its values of their types.
func TestTaskFollowsTheSchema(t *testing.T) {
	text, err := WindowsTask(Spec{Program: `C:\a b\muster.exe`, Dir: `C:\n`, User: `DESK\ada`})
	if err != nil {
		t.Fatal(err)
	}
	root := parseXML(t, text)
	if root.name != "Task" || root.attr["version"] != "1.2" || root.attr["xmlns"] != "http://schemas.microsoft.com/windows/2004/02/mit/task" {
		t.Errorf("the root is <%s %v>", root.name, root.attr)
	}
	if found := misplaced(root); found != "" {
		t.Errorf("the schema does not have %s there", found)
	}
	if id := root.find("Principals", "Principal").attr["id"]; id == "" || root.find("Actions").attr["Context"] != id {
		t.Errorf("the actions are of %q, the principal is %q", root.find("Actions").attr["Context"], id)
	}
	for path, allowed := range map[string][]string{
		"Principals/Principal/LogonType":     {"S4U", "Password", "InteractiveToken"},
		"Principals/Principal/RunLevel":      {"LeastPrivilege", "HighestAvailable"},
		"Settings/MultipleInstancesPolicy":   {"Parallel", "Queue", "IgnoreNew", "StopExisting"},
		"Settings/Hidden":                    {"true", "false"},
		"Settings/StartWhenAvailable":        {"true", "false"},
		"Settings/AllowHardTerminate":        {"true", "false"},
		"Settings/ExecutionTimeLimit":        {"PT0S"}, // without an end
		"Settings/RestartOnFailure/Count":    {"5"},    // 1 to 255
		"Settings/RestartOnFailure/Interval": {"PT1M"}, // the shortest there is
	} {
		if got := root.find(strings.Split(path, "/")...).text; !slices.Contains(allowed, got) {
			t.Errorf("%s is %q, none of %q", path, got, allowed)
		}
	}
	for _, broken := range []string{
		"<Task><LogonTrigger/></Task>", "<LogonTrigger><UserId/><Enabled/></LogonTrigger>", "<Exec><Arguments/><Command/></Exec>",
		"<Settings><Hidden/><Hidden/></Settings>", "<Hidden><x/></Hidden>",
	} {
		if misplaced(parseXML(t, broken)) == "" {
			t.Errorf("%s goes by the schema", broken)
		}
	}
}

// systemd itself takes the unit, also with a path that needs quoting, and says nothing about it.
func TestUnitIsVerifiedBySystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("nobody verifies the unit: %v", err)
		}
		t.Skipf("NOT TESTED: there is no systemd-analyze on this machine (Debian: apt-get install systemd): %v", err)
	}
	for _, name := range []string{"plain", "My 100% $HOME"} {
		program := filepath.Join(t.TempDir(), name, "muster")
		if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		text, err := SystemdUnit(Spec{Program: program, Dir: `/srv/Ada's "\node" 50%`, KeyFile: "/srv/ключ $1 & <x>"})
		if err != nil {
			t.Fatal(err)
		}
		if said := verify(t, analyze, text); said != "" {
			t.Errorf("%s: systemd-analyze says: %s", name, said)
		}
		if said := verify(t, analyze, strings.Replace(text, "Restart=", "Restrat=", 1)); said == "" {
			t.Error("systemd-analyze has nothing to say about a unit that is wrong")
		}
	}
}

// verify returns what systemd-analyze has to say about a unit of a person.
func verify(t *testing.T, analyze, text string) string {
	t.Helper()
	unit := filepath.Join(t.TempDir(), unitName)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), analyze, "verify", "--user", "--man=no", unit)
	command.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir(), "SYSTEMD_LOG_LEVEL=warning")
	out, err := command.CombinedOutput()
	if said := strings.TrimSpace(string(out)); said != "" {
		return said
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
