package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"muster.example/internal/service"
	"muster.example/internal/terminal"
	"muster.example/node/api"
)

func (a *app) newService() *cobra.Command {
	c := a.command(manual{
		use:   "service COMMAND",
		short: "start the node whenever you log in",
		about: `Has the system start the node when you log in, and again when it fails: a user unit of
systemd on Linux, an agent of launchd on macOS, a task at log-on on Windows.`,
		see: []string{"start", "logs", "uninstall"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("service has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newServiceInstall(), a.newServiceRemove(), a.newServiceStatus())
	return c
}

const serviceJSON = `{"system", "installed", "file", "state"}; "state" is running, stopped or unknown`

func (a *app) newServiceInstall() *cobra.Command {
	var keyFile string
	var noDirect bool
	c := a.command(manual{
		use:   "install [--key-file F] [--no-direct]",
		short: "start the node now and at each log-in",
		about: `Installs the service for this person and this folder, and starts it. With --key-file the node
is unlocked by that file, which is made if missing; without, it starts locked and is
unlocked in the browser: muster web opens the page. No secret is written anywhere for it.
With --no-direct it opens no port: see muster start.

Installing again is no error; with another folder or key file it takes the place of what was
installed. A node that runs in a terminal must be stopped first. On Linux the node stops
when you log out, unless an administrator lets you linger: loginctl enable-linger.`,
		output:   "What is installed, and whether the node runs now.",
		json:     serviceJSON,
		examples: []string{"muster service install", "muster service install --dir /srv/bot --key-file /etc/muster/bot.key"},
		see:      []string{"service status", "service remove", "web", "logs"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		spec, err := a.serviceSpec(keyFile)
		if err != nil {
			return err
		}
		spec.NoDirect = noDirect
		manager, err := serviceManager()
		if err != nil {
			return err
		}
		if by := os.Getenv("SUDO_USER"); by != "" && os.Geteuid() == 0 {
			a.inform("This is a service of root, with root's folder. For one of %s, give the command without sudo.", by)
		}
		status, err := manager.Install(c.Context(), spec)
		if err != nil {
			return explainService(err)
		}
		return a.answerService(manager, status, "Installed.")
	})
	c.Flags().StringVar(&keyFile, "key-file", "", "unlock with this `file` (mode 600, made if missing)")
	c.Flags().BoolVar(&noDirect, "no-direct", false, "open no port")
	return c
}

func (a *app) newServiceRemove() *cobra.Command {
	return a.command(manual{
		use:   "remove",
		short: "stop the node and start it at log-in no more",
		about: `Stops the service and removes it. The node's folder stays as it is, and so does the key file.
Where none is installed nothing is done.`,
		output:   "What was done.",
		json:     `{"removed"}`,
		examples: []string{"muster service remove"},
		see:      []string{"service install", "uninstall"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		manager, err := serviceManager()
		if err != nil {
			return err
		}
		was, err := manager.Remove(c.Context())
		if err != nil {
			return explainService(err)
		}
		return a.answer(map[string]bool{"removed": was}, func(w io.Writer) {
			if was {
				terminal.Println(w, "Removed. The node's folder is as it was.")
			} else {
				terminal.Println(w, "No service is installed.")
			}
		})
	})
}

func (a *app) newServiceStatus() *cobra.Command {
	return a.command(manual{
		use:      "status",
		short:    "whether the service is installed, and runs",
		about:    "Asks the system. What the node itself is doing, muster status and muster logs tell.",
		output:   "Whether it is installed, where, and whether it runs.",
		json:     serviceJSON,
		examples: []string{"muster service status", "muster service status --json"},
		see:      []string{"service install", "status", "logs"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		manager, err := serviceManager()
		if err != nil {
			return err
		}
		status := manager.Status(c.Context())
		if !status.Installed {
			return a.answerService(manager, status, "Not installed.")
		}
		return a.answerService(manager, status, "Installed.")
	})
}

func (a *app) answerService(manager *service.Manager, status service.Status, first terminal.Text) error {
	return a.answer(status, func(w io.Writer) {
		terminal.Println(w, first)
		if status.File != "" && status.Installed {
			terminal.Printf(w, "  file   %s\n", terminal.Line(status.File))
		}
		if status.Installed {
			terminal.Printf(w, "  state  %s\n", terminal.Line(status.State))
		}
		switch {
		case !status.Installed || status.State == service.StateRunning:
		case !manager.Serves():
			a.inform("systemd does not run here, so that nothing starts it: muster start does.")
		case status.State == service.StateUnknown:
			a.inform("It starts when you log in next, at the latest.")
		}
	})
}

func serviceManager() (*service.Manager, error) {
	m, err := service.New(xdg.Home, xdg.ConfigHome)
	return m, explainService(err)
}

// serviceSpec says what is to be started: this very program, with this folder.
func (a *app) serviceSpec(keyFile string) (s service.Spec, err error) {
	if s.Program, err = os.Executable(); err != nil {
		return s, fmt.Errorf("finding this program: %w", err)
	}
	if s.Dir, err = a.folder(); err != nil {
		return s, err
	}
	if keyFile != "" {
		if s.KeyFile, err = filepath.Abs(keyFile); err != nil {
			return s, err
		}
		folder := filepath.Dir(s.KeyFile) // else what is installed could never start
		if info, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return s, usage("there is no folder %s for the key file", folder).WithHint("make it first, for nobody but you")
		}
	}
	if runtime.GOOS == "windows" {
		person, err := user.Current()
		if err != nil {
			return s, fmt.Errorf("finding who you are: %w", err)
		}
		s.User = person.Username
	}
	return s, nil
}

func explainService(err error) error {
	switch {
	case errors.Is(err, service.ErrNone):
		return api.Errorf(api.CodeFailed, "%v", err).WithHint("have the system run: muster start --key-file FILE")
	case errors.Is(err, service.ErrPath):
		return api.Errorf(api.CodeUsage, "%v", err).WithHint("move it to a path of plain characters")
	}
	return err
}
