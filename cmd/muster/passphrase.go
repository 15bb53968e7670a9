package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// passphraseOptions is what was given to passphrase.
type passphraseOptions struct {
	list       bool
	cost       time.Duration
	addKeyFile string
	remove     int
	keyring    string
	keyFiles   []string
	rotate     bool
	fd, newFD  int
}

func (a *app) newPassphrase() *cobra.Command {
	var o passphraseOptions
	c := a.command(manual{
		use:   "passphrase",
		short: "change the passphrase, and the other ways to unlock the folder",
		about: `Changes how the running node's folder is unlocked. Nothing in it is written anew but one
small file, which is replaced whole. Without a flag you choose a new passphrase, in place
of the old one or, if the folder has a key file alone, beside it.

Whoever changes something shows first what unlocks the folder now: the passphrase, asked
for on the terminal or read from --passphrase-fd, or --key-file. The new passphrase is
typed twice, or read from --new-fd.

One try of a new passphrase takes this computer about 0.6 s, or what --cost says: so long
you wait, and so long does every guess of who steals the folder. An old passphrase still
opens old copies of the folder's file keyslots, which disks (flash above all) and backups
may keep: after --rotate such a copy is worth nothing.

With --rotate everything in the folder is written anew under a new data key, and the old is
destroyed. The folder's node must not run (muster lock is not enough), and the disk needs
room for a second store. If it is interrupted nothing is lost: the folder opens as before,
or is rotated already. Give what every way to unlock needs: the passphrase, and --key-file,
which may be repeated; the keyring is asked. Ways whose secret is not given end, after you
said yes.`,
		output: `The ways to unlock the folder, one a line: number, kind, what a try costs. With --rotate
those that unlock it now.`,
		json: `as of muster lock; with --rotate {"generation", "ways", "dropped"}`,
		examples: []string{
			"muster passphrase", "muster passphrase --list", "muster passphrase --cost 2s",
			"muster passphrase --add-key-file ~/muster.key", "muster passphrase --remove 2", "muster passphrase --keyring on",
			"muster passphrase --rotate --key-file ~/muster.key",
		},
		see: []string{"lock", "unlock", "start"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if o.rotate {
			return a.rotate(c.Context(), o)
		}
		return a.passphrase(c.Context(), o)
	})
	f := c.Flags()
	f.BoolVar(&o.rotate, "rotate", false, "write the folder anew under a new data key; its node must not run")
	f.BoolVar(&o.list, "list", false, "list the ways to unlock the folder, and change none")
	f.DurationVar(&o.cost, "cost", 0, "choose it anew so that a try takes about this `TIME`: 100ms to 10s")
	f.StringVar(&o.addKeyFile, "add-key-file", "", "let this `file` unlock the folder too, made if missing")
	f.IntVar(&o.remove, "remove", 0, "remove the way with this `NUMBER`")
	f.StringVar(&o.keyring, "keyring", "", "let the system's keyring unlock the folder at start: `on|off`")
	f.StringArrayVar(&o.keyFiles, "key-file", nil, "this `file` unlocks the folder now")
	f.IntVar(&o.fd, "passphrase-fd", -1, "the passphrase of now: first line of descriptor `N`")
	f.IntVar(&o.newFD, "new-fd", -1, "the new passphrase: first line of descriptor `N`")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := oneOf(c, "rotate", "list", "cost", "add-key-file", "remove", "keyring"); err != nil {
			return err
		}
		if o.rotate {
			if err := oneOf(c, "rotate", "new-fd"); err != nil {
				return err
			}
			return descriptorGiven(&o.fd)(c, args)
		}
		if err := oneOf(c, "key-file", "passphrase-fd"); err != nil {
			return err
		}
		if len(o.keyFiles) > 1 {
			return usage("--key-file is given %d times: one shows what unlocks the folder now", len(o.keyFiles))
		}
		return descriptorGiven(&o.fd)(c, args)
	}
	return c
}

// oneOf refuses more than one of some flags.
func oneOf(c *cobra.Command, names ...string) error {
	given := slices.DeleteFunc(names, func(name string) bool { return !c.Flags().Changed(name) })
	if len(given) > 1 {
		return usage("--%s and --%s do not go together", given[0], given[1])
	}
	return nil
}

func (a *app) passphrase(ctx context.Context, o passphraseOptions) error {
	if o.keyring != "" && o.keyring != "on" && o.keyring != "off" {
		return usage("--keyring is on or off, not %q", o.keyring)
	}
	if o.newFD >= 0 && o.newFD == o.fd {
		return usage("--passphrase-fd and --new-fd are both %d: a descriptor holds one passphrase", o.fd)
	}
	return a.withNode(func(client *apiclient.Client) error {
		state, err := client.Lock(ctx)
		if err != nil {
			return err
		}
		if state.Locked {
			return api.Errorf(api.CodeFailed, "the folder is locked").WithHint("unlock it first: muster unlock")
		}
		if !o.list {
			if state, err = a.changeWays(ctx, client, state, o); err != nil {
				return err
			}
		}
		return a.answer(state, func(w io.Writer) {
			a.table(w, "NUMBER\tWAY\tA TRY COSTS", func(row func(cells ...any)) {
				for _, way := range state.Ways {
					row(way.Number, way.Kind, costText(way.Cost))
				}
			})
		})
	})
}

// changeWays asks for what is needed, and has it done.
func (a *app) changeWays(ctx context.Context, client *apiclient.Client, state api.FolderLock, o passphraseOptions) (api.FolderLock, error) {
	var request api.WaysRequest
	defer request.Forget()
	var err error
	fresh := false
	switch {
	case o.addKeyFile != "":
		request.KeyFile, err = filepath.Abs(o.addKeyFile)
	case o.remove != 0:
		request.Remove = []int{o.remove}
	case o.keyring == "on":
		request.Keyring = true
	case o.keyring == "off":
		for _, way := range state.Ways {
			if way.Kind == api.WayKeyring {
				request.Remove = append(request.Remove, way.Number)
			}
		}
		if len(request.Remove) == 0 { // what is already so is no error
			return state, nil
		}
	default:
		fresh = true
		request.CostMillis = int(o.cost / time.Millisecond)
	}
	if err != nil {
		return state, err
	}
	if request.Proof, err = a.key(ctx, strings.Join(o.keyFiles, ""), o.fd, false, "Passphrase of now: ", false); err != nil {
		return state, err
	}
	if fresh {
		if request.Passphrase, err = a.newPassphraseFrom(ctx, o.newFD); err != nil {
			return state, err
		}
	}
	return client.ChangeWays(ctx, request)
}

// newPassphraseFrom reads a new passphrase from a descriptor, or asks for it twice.
func (a *app) newPassphraseFrom(ctx context.Context, fd int) ([]byte, error) {
	var typed []byte
	var err error
	if fd >= 0 {
		typed, err = a.passphraseFrom(fd)
	} else {
		terminalFD, person := a.terminal()
		if !person {
			return nil, usage("no new passphrase: there is no terminal to ask on").WithHint("use --new-fd N with it on descriptor N")
		}
		typed, err = a.askTwice(ctx, terminalFD)
	}
	if err == nil && len(bytes.TrimSpace(typed)) == 0 {
		return nil, usage("the new passphrase is empty")
	}
	return typed, err
}

// key returns what unlocks the folder, by what was given or by asking.
func (a *app) key(ctx context.Context, keyFile string, fd int, keyring bool, prompt string, first bool) (api.Key, error) {
	switch {
	case keyring:
		return api.Key{Keyring: true}, nil
	case keyFile != "":
		path, err := filepath.Abs(keyFile)
		return api.Key{KeyFile: path}, err
	case fd >= 0:
		typed, err := a.passphraseFrom(fd)
		if err == nil && len(typed) == 0 {
			err = usage("descriptor %s holds no passphrase", strconv.Itoa(fd))
		}
		return api.Key{Passphrase: typed}, err
	}
	terminalFD, person := a.terminal()
	if !person {
		return api.Key{}, usage("no passphrase: there is no terminal to ask on").
			WithHint("use --key-file FILE, or --passphrase-fd N with the passphrase on descriptor N")
	}
	var typed []byte
	var err error
	if first {
		typed, err = a.askPassphrase(ctx, terminalFD, true)
	} else {
		typed, err = a.askSecret(ctx, terminalFD, prompt)
	}
	return api.Key{Passphrase: typed}, err
}
