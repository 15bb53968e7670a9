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
	"muster.example/node/localapi"
	"muster.example/node/vault"
)

// stopLimit is how long a stop may take before the program says who holds it up and ends.
const stopLimit = 10 * time.Second

func (a *app) newStart() *cobra.Command {
	var web, keyFile string
	var passphraseFD int
	c := a.command(manual{
		use:   "start",
		short: "run this device's node, in the foreground",
		about: `Runs the node of the folder: it keeps in touch with the rendezvous nodes of your
organizations, receives, and sends what waits. All other commands talk to it. Only one
node can run in a folder.

The folder is made if missing and closed to other users (mode 700). What is in it is
encrypted under a passphrase, asked for on the terminal (twice the first time), or read
from a descriptor, or under a key file. With both --key-file and --passphrase-fd a new
folder can be unlocked by either.

Interrupt it (Ctrl-C) or send it SIGTERM to stop it in order; the second signal ends it
at once. Logs go to stderr.`,
		output: `One line that holds a link, http://HOST:PORT/login/CODE. It works once, for ten
minutes, and answers with a token for the local API on loopback.`,
		json: `{"link", "expires", "socket"}`,
		examples: []string{
			"muster start",
			"muster start --dir /srv/bot --key-file /etc/muster/bot.key",
			"muster start --passphrase-fd 3 3<passphrase.txt",
		},
		see: []string{"status", "org", "join"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.start(c.Context(), web, keyFile, passphraseFD)
	})
	c.Flags().StringVar(&web, "web", localapi.DefaultWeb, "serve the local API on `HOST:PORT` of loopback")
	c.Flags().StringVar(&keyFile, "key-file", "", "unlock with this `file` (mode 600, made if missing)")
	c.Flags().IntVar(&passphraseFD, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("passphrase-fd") && passphraseFD < 0 {
			return usage("--passphrase-fd %d is not a descriptor", passphraseFD)
		}
		return nil
	}
	return c
}

func (a *app) start(ctx context.Context, web, keyFile string, passphraseFD int) error {
	restrictNewFiles()
	dir, err := a.folder()
	if err != nil {
		return err
	}
	unlock, err := a.unlock(ctx, keyFile, passphraseFD)
	if err != nil {
		return err
	}
	v, err := vault.Open(dir, unlock)
	if err != nil {
		return explain(err)
	}
	defer v.Close()
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	// What the network's own parts warn of is what other machines do.
	slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	d, err := newDevice(v, log)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	server, err := localapi.Listen(localapi.Config{Backend: d, Dir: dir, Web: web, Log: log})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	return a.serve(ctx, d, server)
}

// serve runs the node and, around it, the API: that one stops first, so that nobody asks a node that is stopping.
func (a *app) serve(ctx context.Context, d device, server *localapi.Server) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	group := task.New(context.WithoutCancel(ctx))
	group.Go("node", func(ctx context.Context) error {
		defer stopServing()
		return d.Run(ctx)
	})
	running := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopLimit, func() {
			a.inform("muster: error: still running after %s: %s", stopLimit, strings.Join(group.Running(), ", "))
			os.Exit(1)
		})
	})
	defer running()
	login := server.Login()
	err := a.answer(map[string]any{"link": login.Link, "expires": login.Expires, "socket": server.Socket()},
		func(w io.Writer) {
			fmt.Fprintf(w, "Muster is running. Log a program in to it, once: %s\n", login.Link)
			a.inform("Give other commands in another terminal; Ctrl-C stops it.")
		})
	if err != nil {
		stopServing()
	}
	err = errors.Join(err, server.Run(serving))
	group.Stop()
	return errors.Join(err, group.Wait())
}
