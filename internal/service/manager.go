package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The states of a service.
const (
	StateRunning = "running"
	StateStopped = "stopped"
	StateUnknown = "unknown" // the system does not say
)

// Status is what a system knows of the service.
type Status struct {
	System    string `json:"system"` // systemd, launchd or windows
	Installed bool   `json:"installed"`
	File      string `json:"file"`  // the unit or list; empty on Windows, which keeps tasks itself
	State     string `json:"state"` // running, stopped, unknown
}

// Manager puts the service in place and takes it away, on one system and for one person.
type Manager struct {
	system string
	folder string // of units or lists; of a scratch file on Windows
	run    func(ctx context.Context, command ...string) (string, error)
}

// commandLimit is how long a tool of the system may take.
const commandLimit = 30 * time.Second

// New returns the manager of this system. config is the person's folder of settings, home their own. ErrNone: there is none.
func New(home, config string) (*Manager, error) {
	m := &Manager{run: execute}
	switch runtime.GOOS {
	case "linux":
		m.system, m.folder = "systemd", filepath.Join(config, "systemd", "user")
	case "darwin":
		m.system, m.folder = "launchd", filepath.Join(home, "Library", "LaunchAgents")
	case "windows":
		m.system, m.folder = "windows", os.TempDir()
	default:
		return nil, fmt.Errorf("%w: %s", ErrNone, runtime.GOOS)
	}
	return m, nil
}

// Serves reports whether the system that the service is made for runs this machine: in containers and in Termux there is no
// systemd, so that nothing would start what is installed.
func (m *Manager) Serves() bool {
	if m.system != "systemd" {
		return true
	}
	info, err := os.Stat("/run/systemd/system") // as sd_booted(3) has it
	return err == nil && info.IsDir()
}

// execute runs a tool and returns what it said, with the error if it failed.
func execute(ctx context.Context, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, text)
	}
	return text, err
}

const unitName = "muster.service"

func (m *Manager) file() string {
	switch m.system {
	case "systemd":
		return filepath.Join(m.folder, unitName)
	case "launchd":
		return filepath.Join(m.folder, Label+".plist")
	}
	return ""
}

// wanted is the link that has systemd start the unit at log-in: what systemctl enable makes.
func (m *Manager) wanted() string { return filepath.Join(m.folder, "default.target.wants", unitName) }

// Install puts the service in place, in the place of an older one, and starts it. Installing twice is no error. The status
// says whether it runs: where no manager of the user is reached, it starts at the next log-in.
func (m *Manager) Install(ctx context.Context, s Spec) (Status, error) {
	switch m.system {
	case "systemd":
		return m.installUnit(ctx, s)
	case "launchd":
		return m.installAgent(ctx, s)
	}
	return m.installTask(ctx, s)
}

func (m *Manager) installUnit(ctx context.Context, s Spec) (Status, error) {
	text, err := SystemdUnit(s)
	if err != nil {
		return Status{}, err
	}
	changed, err := put(m.file(), []byte(text))
	if err != nil {
		return Status{}, fmt.Errorf("writing the unit: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(m.wanted()), 0o755); err != nil {
		return Status{}, fmt.Errorf("enabling the unit: %w", err)
	}
	if err := os.Symlink("../"+unitName, m.wanted()); err != nil && !errors.Is(err, fs.ErrExist) {
		return Status{}, fmt.Errorf("enabling the unit: %w", err)
	}
	if _, err := m.run(ctx, "systemctl", "--user", "daemon-reload"); err == nil { // else no manager runs: at the next log-in
		verb := "start"
		if changed {
			verb = "restart"
		}
		if _, err := m.run(ctx, "systemctl", "--user", verb, unitName); err != nil {
			return Status{}, err
		}
	}
	return m.Status(ctx), nil
}

func (m *Manager) installAgent(ctx context.Context, s Spec) (Status, error) {
	text, err := LaunchdAgent(s)
	if err != nil {
		return Status{}, err
	}
	changed, err := put(m.file(), []byte(text))
	if err != nil {
		return Status{}, fmt.Errorf("writing the agent: %w", err)
	}
	if now := m.Status(ctx); !changed && now.State == StateRunning {
		return now, nil
	}
	m.run(ctx, "launchctl", "bootout", domain()+"/"+Label) //nolint:errcheck // it is not there, unless it was installed before
	if _, err := m.run(ctx, "launchctl", "bootstrap", domain(), m.file()); err != nil {
		return Status{}, err
	}
	return m.Status(ctx), nil
}

// domain is the person's session to launchd.
func domain() string { return "gui/" + strconv.Itoa(os.Getuid()) }

func (m *Manager) installTask(ctx context.Context, s Spec) (Status, error) {
	text, err := WindowsTask(s)
	if err != nil {
		return Status{}, err
	}
	file, err := os.CreateTemp(m.folder, "muster-*.xml")
	if err != nil {
		return Status{}, fmt.Errorf("writing the task: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(utf16Bytes(text))
	if err = errors.Join(err, file.Close()); err != nil {
		return Status{}, fmt.Errorf("writing the task: %w", err)
	}
	if _, err := m.run(ctx, "schtasks", "/Create", "/TN", TaskName, "/XML", file.Name(), "/F"); err != nil {
		return Status{}, err
	}
	if _, err := m.run(ctx, "schtasks", "/Run", "/TN", TaskName); err != nil {
		return Status{}, err
	}
	return m.Status(ctx), nil
}

// Remove stops the service and takes it away. What the node keeps stays. Removing what is not there is no error; was says
// whether it was.
func (m *Manager) Remove(ctx context.Context) (was bool, err error) {
	was = m.Status(ctx).Installed
	if !was {
		return false, nil
	}
	switch m.system {
	case "systemd":
		_, stopped := m.run(ctx, "systemctl", "--user", "stop", unitName)
		if _, err := m.run(ctx, "systemctl", "--user", "daemon-reload"); err == nil && stopped != nil {
			return was, stopped // there is a manager, and it did not stop it
		}
		if err := errors.Join(remove(m.wanted()), remove(m.file())); err != nil {
			return was, fmt.Errorf("removing the unit: %w", err)
		}
		os.Remove(filepath.Dir(m.wanted()))                //nolint:errcheck // others of the person's units may be in it
		m.run(ctx, "systemctl", "--user", "daemon-reload") //nolint:errcheck // as above
	case "launchd":
		m.run(ctx, "launchctl", "bootout", domain()+"/"+Label) //nolint:errcheck // it may not be loaded
		if err := remove(m.file()); err != nil {
			return was, fmt.Errorf("removing the agent: %w", err)
		}
	default:
		m.run(ctx, "schtasks", "/End", "/TN", TaskName) //nolint:errcheck // it may not run
		if _, err := m.run(ctx, "schtasks", "/Delete", "/TN", TaskName, "/F"); err != nil {
			return was, err
		}
	}
	return was, nil
}

// Status asks the system.
func (m *Manager) Status(ctx context.Context) Status {
	s := Status{System: m.system, File: m.file(), State: StateUnknown}
	if s.File != "" {
		_, err := os.Lstat(s.File)
		s.Installed = err == nil
	}
	switch m.system {
	case "systemd":
		switch out, _ := m.run(ctx, "systemctl", "--user", "is-active", unitName); out {
		case "active", "activating", "reloading":
			s.State = StateRunning
		case "inactive", "failed", "deactivating":
			s.State = StateStopped
		}
	case "launchd":
		out, err := m.run(ctx, "launchctl", "print", domain()+"/"+Label)
		s.State = StateStopped
		if err == nil && strings.Contains(out, "state = running") {
			s.State = StateRunning
		}
	default: // what schtasks says of a task's state is in the language of the system
		_, err := m.run(ctx, "schtasks", "/Query", "/TN", TaskName)
		s.Installed = err == nil
	}
	if !s.Installed && s.State == StateUnknown {
		s.State = StateStopped
	}
	return s
}

// put writes a file unless it is so already.
func put(path string, data []byte) (changed bool, err error) {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	scratch := path + ".muster-tmp"
	if err := os.WriteFile(scratch, data, 0o600); err != nil {
		return false, err
	}
	return true, os.Rename(scratch, path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
