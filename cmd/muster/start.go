package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/task"
	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/localapi"
)

// stopLimit is how long a stop may take before the program says who holds it up and ends.
const stopLimit = 10 * time.Second

// startOptions is what was given to start.
type startOptions struct {
	address, keyFile string
	passphraseFD     int
	inBrowser        bool
	noDirect         bool
	taken            string // what the program left whose place this one takes, see replaceProgram; empty: it is the first
	kept             bool   // another process starts this one anew when it is locked, see keep
}

func (a *app) newStart() *cobra.Command {
	var o startOptions
	c := a.command(manual{
		use:   "start",
		short: "run this device's node, in the foreground",
		about: `Runs the node of the folder: it keeps in touch with the rendezvous nodes of your
organizations, receives, and sends what waits. All other commands talk to it. Only one
node can run in a folder.

The folder is made if missing and closed to other users (mode 700). What is in it is
encrypted under a passphrase, asked for on the terminal (twice the first time), or read
from a descriptor, or under a key file. With both --key-file and --passphrase-fd a new
folder can be unlocked by either. What lies in the system's keyring is tried first if
the folder has it (muster passphrase --keyring on). Without any of these and without a
terminal, or with --unlock-in-browser, the page asks for the passphrase, and so does
muster unlock: until then the folder is locked, nothing is received, and all other
commands but web and unlock say so. muster lock locks it again.

Your own devices find each other on a local network and talk directly, as soon as there
are two: the node then waits on one UDP port of the system's choice, which answers
nobody else, and announces itself there in a form that only members can read. With
--no-direct it opens no port and announces nothing; your devices then meet through the
rendezvous node alone.

Interrupt it (Ctrl-C) or send it SIGTERM to stop it in order; the second signal ends it
at once. Logs go to stderr, and what of them names nobody to a file in the folder: see
muster logs.`,
		output: `One line that holds a link, http://HOST:PORT/login/CODE. It works once, for ten
minutes: a browser comes to the app by it, and a program gets a token for the local API
on loopback. On a terminal with a display the browser is opened. "muster web" makes
another link.`,
		json: `{"link", "expires", "socket", "locked"}`,
		examples: []string{
			"muster start",
			"muster start --dir /srv/bot --key-file /etc/muster/bot.key",
			"muster start --passphrase-fd 3 3<passphrase.txt",
			"muster start --unlock-in-browser",
			"muster start --no-direct",
		},
		see: []string{"lock", "unlock", "passphrase", "service install", "logs"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.start(c.Context(), o)
	})
	c.Flags().StringVar(&o.address, "web", localapi.DefaultWeb, "serve app and API on `HOST:PORT` of loopback")
	c.Flags().StringVar(&o.keyFile, "key-file", "", "unlock with this `file` (mode 600, made if missing)")
	c.Flags().IntVar(&o.passphraseFD, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.Flags().BoolVar(&o.inBrowser, "unlock-in-browser", false, "let the page ask for the passphrase")
	c.Flags().BoolVar(&o.noDirect, "no-direct", false, "open no port: reach your devices by the rendezvous node")
	c.Flags().StringVar(&o.taken, takenFlag, "", "")
	c.Flags().BoolVar(&o.kept, keptFlag, false, "")
	for _, own := range []string{takenFlag, keptFlag} {
		c.Flags().MarkHidden(own) //nolint:errcheck // it is there
	}
	c.PreRunE = descriptorGiven(&o.passphraseFD)
	return c
}

func (a *app) start(ctx context.Context, o startOptions) error {
	restrictNewFiles()
	dir, err := a.folder()
	if err != nil {
		return err
	}
	if o.inBrowser && (o.keyFile != "" || o.passphraseFD >= 0) {
		return usage("--unlock-in-browser is not for --key-file and --passphrase-fd")
	}
	if done, err := a.keep(dir, o); done {
		return err
	}
	log, closeLog := a.newLog(dir)
	defer closeLog()
	// What the network's own parts warn of is what other machines do.
	slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	s, err := a.begin(ctx, dir, o, log)
	if err != nil {
		return err
	}
	defer s.close()
	log.Info("the node starts", "version", version, "locked", s.server.Locked())
	err = s.serve(ctx)
	log.Info("the node has stopped", "error", err)
	if s.locking() && ctx.Err() == nil { // who is asked to end ends
		closeLog()
		return s.replace()
	}
	return err
}

// serve runs the node and, around it, the API: that one stops first, so that nobody asks a node that is stopping. It returns when
// ctx ends, the node fails, or the folder is to be locked.
func (s *starting) serve(ctx context.Context) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	group := task.New(context.WithoutCancel(ctx))
	group.Go("node", func(ctx context.Context) error {
		defer stopServing()
		return s.run(ctx)
	})
	group.Go("guard", s.guard.Run)
	group.Go("lock", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-s.guard.Wanted():
			s.leave()
			stopServing()
		}
		return nil
	})
	running := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopLimit, func() {
			s.app.inform("muster: error: still running after %s: %s", stopLimit, strings.Join(group.Running(), ", "))
			os.Exit(1)
		})
	})
	defer running()
	login := s.server.Login()
	err := s.app.greet(login, s)
	group.Go("browser", func(ctx context.Context) error {
		if s.options.taken == "" {
			s.app.browse(ctx, login)
		}
		return nil
	})
	if err != nil {
		stopServing()
	}
	err = errors.Join(err, s.server.Run(serving))
	group.Stop()
	return errors.Join(err, group.Wait())
}

// greet prints how to open the app. A program that takes the place of another prints no second answer.
func (a *app) greet(login api.Login, s *starting) error {
	if s.options.taken != "" {
		a.inform("Muster is locked. It opens again in the app, or by: muster unlock")
		return nil
	}
	locked := s.server.Locked()
	answer := map[string]any{"link": login.Link, "expires": login.Expires, "socket": s.server.Socket(), "locked": locked}
	return a.answer(answer, func(w io.Writer) {
		if locked {
			terminal.Printf(w, "Muster is locked. Open it in a browser, once, and give the passphrase there: %s\n", terminal.Line(login.Link))
			return
		}
		terminal.Printf(w, "Muster is running. Open it in a browser, once: %s\n", terminal.Line(login.Link))
		a.inform("Give other commands in another terminal; Ctrl-C stops it.")
	})
}
