package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster.example/internal/task"
	"muster.example/internal/terminal"
	"muster.example/node"
	"muster.example/node/api"
	"muster.example/node/logfile"
	"muster.example/node/vault"
)

// restoreOptions is what was given to backup restore.
type restoreOptions struct {
	request      api.RestoreRequest
	since        string
	newFirst     bool
	keyFile      string
	passphraseFD int
	wordsFD      int
	wordsFrom    bool // --words-fd was given
}

func (a *app) newBackupRestore() *cobra.Command {
	var o restoreOptions
	c := a.command(manual{
		use:   "restore DRIVE",
		short: "bring back what a backup holds, with nothing but it and the words",
		about: `Makes this computer a new device of your account from a backup on DRIVE and your 24 recovery
words: history, files, contacts, drafts, tags, settings and organizations come back, as far as
they are intact; what is not is listed. No node may run in the folder, which is made if it is
missing; choose its passphrase or key file as for muster start. The words are asked for and
not shown.

The device that made the backup goes on as it is. Nothing that it had not sent is sent by
this one. If it was stolen, --bar all ends it, and all others, in the same step.

Each record is checked by the signatures in it: what the drive alone says is not believed.
What your devices sent, received or deleted after the backup comes from those of them that
are left; if none is, it is as the backup has it.

An organization whose rendezvous node cannot be reached now can be read and not written to.
muster start then goes on trying; until it is done, for 30 days at most, the folder holds the
recovery key of that organization, encrypted as everything else.`,
		args: []string{"DRIVE   the folder under which the drive, or the copy of one, is seen"},
		output: `For each organization what came back, and what did not. The exit status is 1 if something
is lost or could not be entered.`,
		json: `{"state", "snapshot", "time", "read", "total", "orgs": [{"org", "name", "member", "device",
  "state", "why", "records", "messages", "set", "refused": [{"why", "count"}], "files",
  "lacking": [..], "barred": [..], "others": [..], "card"}], "damage": [..], "error", "version"}
"state" of an organization is entered, waiting, refused or missing.`,
		examples: []string{
			"muster backup restore /media/ada/STICK",
			"muster backup restore /media/ada/STICK --bar all --since 2d",
			"muster backup restore copy --dir new --key-file new.key --words-fd 3 3<words.txt",
		},
		see: []string{"start", "device recover", "device list"},
	}, exactly("DRIVE"), func(c *cobra.Command, args []string) error {
		o.wordsFrom = c.Flags().Changed("words-fd")
		o.request.From = args[0]
		return a.restore(c.Context(), o)
	})
	flags := c.Flags()
	flags.StringVar(&o.request.Snapshot, "snapshot", "", "restore from this `SNAPSHOT`, not from the newest")
	flags.StringVar(&o.request.Org, "org", "", "only this `ORG`, by name or id")
	flags.StringSliceVar((*[]string)(&o.request.Bar), "bar", nil, "`DEVICES` to bar, or all; several with commas between")
	flags.StringVar(&o.since, "since", "", "with --bar: what they did since this `TIME` is void")
	flags.BoolVar(&o.newFirst, "new-first", false, "make this device the most senior one")
	flags.StringVar(&o.keyFile, "key-file", "", "unlock the folder with this `file` (mode 600, made if missing)")
	flags.IntVar(&o.passphraseFD, "passphrase-fd", -1, "the folder's passphrase: first line of descriptor `N`")
	wordsFlag(c, &o.wordsFD)
	c.PreRunE = descriptorGiven(&o.passphraseFD)
	return c
}

// restore checks that the words open the backup before it makes or changes anything.
func (a *app) restore(ctx context.Context, o restoreOptions) (err error) {
	restrictNewFiles()
	if o.since != "" && len(o.request.Bar) == 0 {
		return usage("--since is for --bar")
	}
	if o.request.Since, err = parseSince(o.since, time.Now()); err != nil {
		return err
	}
	if o.request.From, err = filepath.Abs(o.request.From); err != nil {
		return err
	}
	o.request.First = o.newFirst
	dir, err := a.folder()
	if err != nil {
		return err
	}
	if o.request.Words, err = a.recoveryWords(ctx, o.wordsFD, o.wordsFrom); err != nil {
		return err
	}
	if err := node.CheckBackup(ctx, o.request); err != nil {
		return err
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
	file := logfile.New(dir)
	defer file.Close() //nolint:errcheck // nothing that must last is in it
	d, err := newDevice(v, slog.New(logfile.Handler(file)), true)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	done, err := a.restoreOn(ctx, d, o.request)
	if err != nil {
		return err
	}
	return a.showRestored(done)
}

// restoreOn has a device restore while it runs, and stops it.
func (a *app) restoreOn(ctx context.Context, d device, request api.RestoreRequest) (said api.Restore, err error) {
	group := task.New(ctx)
	group.Go("node", d.Run)
	said, err = d.Restore(ctx, request)
	for err == nil && !said.Over() {
		a.showProgress(said)
		said, err = d.Restoring(ctx, api.RestoreQuery{After: said.Version})
	}
	a.endProgress()
	group.Stop()
	if stopped := group.Wait(); err == nil && stopped != nil && !errors.Is(stopped, context.Canceled) {
		err = stopped
	}
	if err == nil && said.Error != nil {
		err = said.Error
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return said, err
}

// showProgress says on a terminal how far it is.
func (a *app) showProgress(said api.Restore) {
	if !a.watched() {
		return
	}
	switch {
	case said.State == api.RestoreEntering:
		terminal.Printf(a.stderr, "\r\x1b[KBecoming a device of your account…")
	case said.Total > 0:
		terminal.Printf(a.stderr, "\r\x1b[K%s of about %s read…", bytesText(int64(min(said.Read, said.Total))), bytesText(int64(said.Total)))
	}
}

func (a *app) endProgress() {
	if a.watched() {
		terminal.Printf(a.stderr, "\r\x1b[K")
	}
}

// showRestored prints what came back and what did not.
func (a *app) showRestored(said api.Restore) error {
	lost := len(said.Damage)
	for _, org := range said.Orgs {
		if org.State != "entered" {
			lost++
		}
		lost += len(org.Refused) + len(org.Lacking)
	}
	if err := a.answer(said, func(w io.Writer) { a.printRestored(w, said) }); err != nil {
		return err
	}
	if lost > 0 {
		return api.Errorf(api.CodeFailed, "not all of the backup is back as it was").
			WithHint("the list says what is not; muster start goes on with the rest")
	}
	return nil
}

func (a *app) printRestored(w io.Writer, said api.Restore) {
	terminal.Printf(w, "From the backup of %s (%s)\n", moment(said.Time), said.Snapshot)
	for _, org := range said.Orgs {
		terminal.Printf(w, "%s (%s): %s\n", org.Name, shortID(org.Org), restoredText(org))
		if org.Why != "" {
			terminal.Printf(w, "  %s\n", org.Why)
		}
		if org.State != "missing" {
			terminal.Printf(w, "  %s, %s; %s\n", plural(int(org.Records), "record"), plural(int(org.Messages), "message"), plural(int(org.Files), "file"))
		}
		if org.Set > 0 {
			terminal.Printf(w, "  %s set aside until the roll is here\n", plural(int(org.Set), "record"))
		}
		for _, device := range org.Barred {
			terminal.Printf(w, "  barred  %s\n", shortDevice(device))
		}
		for _, device := range org.Others {
			terminal.Printf(w, "  also active  %s\n", shortDevice(device))
		}
		for _, refused := range org.Refused {
			terminal.Printf(w, "  NOT TAKEN  %s: %s\n", plural(int(refused.Count), "record"), refused.Why)
		}
		for _, name := range org.Lacking {
			terminal.Printf(w, "  LACKING  %s\n", name)
		}
	}
	for _, line := range said.Damage {
		terminal.Printf(w, "DAMAGE  %s\n", terminal.Diagnosis(line))
	}
	a.inform("Start it: muster start. What came after the backup comes from your other devices, if there are any.")
}

// restoredText says how far one organization is.
func restoredText(org api.RestoredOrg) string {
	switch org.State {
	case "entered":
		return fmt.Sprintf("this is a new device of yours, %s", shortDevice(org.Device))
	case "waiting":
		return "can be read; muster start makes this a device of yours as soon as the rendezvous node is reached"
	case "refused":
		return "can be read; this is no device of yours there"
	}
	return "nothing came back"
}

// watched reports whether a person sees what goes to stderr.
func (a *app) watched() bool {
	file, ok := a.stderr.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
