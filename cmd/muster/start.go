package main

import (
	"context"
	"errors"
	"fmt"
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
	"muster.example/node/vault"
	"muster.example/node/web"
)

// stopLimit is how long a stop may take before the program says who holds it up and ends.
const stopLimit = 10 * time.Second

// startOptions is what was given to start.
type startOptions struct {
	address, keyFile string
	passphraseFD     int
	inBrowser        bool
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
folder can be unlocked by either. Without any of these and without a terminal, or with
--unlock-in-browser, the page asks for it: until then the folder is locked, and all other
commands but web say so.

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
		},
		see: []string{"service install", "logs", "status", "org", "join"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.start(c.Context(), o)
	})
	c.Flags().StringVar(&o.address, "web", localapi.DefaultWeb, "serve app and API on `HOST:PORT` of loopback")
	c.Flags().StringVar(&o.keyFile, "key-file", "", "unlock with this `file` (mode 600, made if missing)")
	c.Flags().IntVar(&o.passphraseFD, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.Flags().BoolVar(&o.inBrowser, "unlock-in-browser", false, "let the page ask for the passphrase")
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
	log, closeLog := a.newLog(dir)
	defer closeLog()
	// What the network's own parts warn of is what other machines do.
	slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if a.unlocksInBrowser(o) {
		return a.startLocked(ctx, dir, o.address, log)
	}
	unlock, err := a.unlock(ctx, o.keyFile, o.passphraseFD)
	if err != nil {
		return err
	}
	v, err := vault.Open(dir, unlock)
	if err != nil {
		return explain(err)
	}
	defer v.Close()
	d, err := newDevice(v, log)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	pages, err := web.New(web.Config{Backend: d, Version: version, Log: log})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	server, err := localapi.Listen(localapi.Config{Backend: d, Dir: dir, Web: o.address, Pages: pages, Log: log})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	log.Info("the node starts", "version", version)
	err = a.serve(ctx, d.Run, server)
	log.Info("the node has stopped", "error", err)
	return err
}

// serve runs the node and, around it, the API: that one stops first, so that nobody asks a node that is stopping.
func (a *app) serve(ctx context.Context, node func(context.Context) error, server *localapi.Server) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	group := task.New(context.WithoutCancel(ctx))
	group.Go("node", func(ctx context.Context) error {
		defer stopServing()
		return node(ctx)
	})
	running := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopLimit, func() {
			a.inform("muster: error: still running after %s: %s", stopLimit, strings.Join(group.Running(), ", "))
			os.Exit(1)
		})
	})
	defer running()
	login := server.Login()
	err := a.greet(login, server)
	group.Go("browser", func(ctx context.Context) error { a.browse(ctx, login); return nil })
	if err != nil {
		stopServing()
	}
	err = errors.Join(err, server.Run(serving))
	group.Stop()
	return errors.Join(err, group.Wait())
}

// greet prints how to open the app.
func (a *app) greet(login api.Login, server *localapi.Server) error {
	locked := server.Locked()
	answer := map[string]any{"link": login.Link, "expires": login.Expires, "socket": server.Socket(), "locked": locked}
	return a.answer(answer, func(w io.Writer) {
		if locked {
			terminal.Printf(w, "Muster is locked. Open it in a browser, once, and give the passphrase there: %s\n", terminal.Line(login.Link))
			return
		}
		terminal.Printf(w, "Muster is running. Open it in a browser, once: %s\n", terminal.Line(login.Link))
		a.inform("Give other commands in another terminal; Ctrl-C stops it.")
	})
}
