package main

import (
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newBackupAuto() *cobra.Command {
	var request api.MarkDriveRequest
	var off, every, absent, also string
	var rate int64
	c := a.command(manual{
		use:   "auto --to DRIVE | --off DRIVE",
		short: "have backups made to a drive by themselves",
		about: `With --to, marks a drive: the folder under which it is seen, such as /media/ada/stick or E:\,
or a folder on it. Whenever the drive is connected, wherever it is seen then, a backup begins
by itself, and while it stays again when something changed. Only what is new is written, all of
it encrypted; what else is on the drive stays as it is. Any number of drives can be marked.

A backup is opened by your 24 recovery words alone. --also RECIPIENT, a recipient of age that
begins age1pq1, opens it too. --keep says how many backups of which age stay on the drive:
last, daily, weekly and monthly ones; what you delete is gone from all after 30 days.

With --off no more backups are made to a drive. What is on it stays, and can be restored.`,
		output: "The drive, and whether it may be taken out.",
		json:   `{"id", "name", "path", "state", "safe", ..} as an element of "drives" of muster backup list`,
		examples: []string{
			"muster backup auto --to /media/ada/stick",
			"muster backup auto --to /media/ada/stick --keep last=5,daily=14,monthly=12",
			"muster backup auto --every 2h --absent 14d",
			"muster backup auto --off stick",
		},
		see: []string{"backup key", "backup list", "backup now"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		choice, err := backupChoice(every, absent, rate)
		if err != nil {
			return err
		}
		chooses := choice != (api.BackupChoiceRequest{})
		switch {
		case request.Path != "" && off != "":
			return usage("--to and --off do not go together")
		case request.Path == "" && off == "" && !chooses:
			return usage("--to DRIVE is missing").WithHint("muster backup list shows the drives that are marked")
		}
		if request.Path != "" {
			if request.Path, err = filepath.Abs(request.Path); err != nil {
				return err
			}
		}
		if also != "" {
			request.Also = []string{also}
		}
		return a.withNode(func(client *apiclient.Client) error {
			if chooses {
				result, err := client.ChooseBackup(c.Context(), choice)
				if err != nil || request.Path == "" && off == "" {
					return a.answerBackups(result, err)
				}
			}
			var d api.BackupDrive
			if off != "" {
				d, err = client.ForgetDrive(c.Context(), api.DriveRequest{Drive: off})
			} else {
				d, err = client.MarkDrive(c.Context(), request)
			}
			if err != nil {
				return err
			}
			return a.answer(d, func(w io.Writer) {
				if off != "" {
					terminal.Printf(w, "%s: no more backups are made there. What is there stays.\n", textOfDrive(d))
					return
				}
				terminal.Printf(w, "%s: marked. A backup begins by itself whenever it is connected.\n", textOfDrive(d))
				a.inform("Restore with the drive and your 24 recovery words: keep them, apart from the drive.")
			})
		})
	})
	flags := c.Flags()
	flags.StringVar(&request.Path, "to", "", "mark the `DRIVE` under this path")
	flags.StringVar(&off, "off", "", "make no more backups to this marked `DRIVE`")
	flags.StringVar(&also, "also", "", "encrypt to this `RECIPIENT` of age too (age1pq1...)")
	flags.StringVar(&request.Keep, "keep", "", "keep so many: `POLICY`, last=3,daily=7,weekly=4")
	flags.BoolVar(&request.SameDisk, "same-disk", false, "although it is this computer's own disk")
	flags.StringVar(&every, "every", "", "one backup in this `TIME` at most: 30m")
	flags.StringVar(&absent, "absent", "", "warn after this `TIME` without one: 7d")
	flags.Int64Var(&rate, "rate", 0, "write so many `MIB` a second at most")
	return c
}

// backupChoice reads what is chosen for all drives.
func backupChoice(every, absent string, rate int64) (choice api.BackupChoiceRequest, err error) {
	for text, into := range map[*string]*int64{&every: &choice.Every, &absent: &choice.Absent} {
		if *text == "" {
			continue
		}
		span, err := parseLife(*text)
		if err != nil {
			return choice, err
		}
		*into = int64(span / time.Second)
	}
	if rate < 0 || rate > 1<<20 {
		return choice, usage("--rate is a number of MiB a second")
	}
	choice.Rate = rate << 20
	return choice, nil
}

func (a *app) newBackupPause() *cobra.Command {
	return a.pausing("pause", "begin no backups by themselves until resumed", true,
		"Ends the backup that is made now, if one is; what it has written is used by the next. muster\nbackup now makes one all the same.")
}

func (a *app) newBackupResume() *cobra.Command {
	return a.pausing("resume", "begin backups by themselves again", false, "Ends muster backup pause.")
}

func (a *app) pausing(name, short string, paused bool, about string) *cobra.Command {
	return a.command(manual{
		use: name, short: short, about: about, output: "The marked drives, as muster backup list.", json: "as muster backup list",
		examples: []string{"muster backup " + name}, see: []string{"backup list"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			return a.answerBackups(client.ChooseBackup(c.Context(), api.BackupChoiceRequest{Paused: &paused}))
		})
	})
}

func (a *app) newBackupKey() *cobra.Command {
	var fd int
	c := a.command(manual{
		use:   "key",
		short: "make the key of backups from your recovery words, once",
		about: `Shows whether this device has the key that backups are encrypted to, which opens nothing. It
has it if the account was made by this version, or later. Otherwise it asks for the 24 recovery
words, on the terminal where they are not shown, or reads them with --words-fd. They are held
against your account before they are taken, and kept nowhere. Your other devices then have
the key too, signed by your recovery key: none of them, stolen or not, could give another.`,
		output:   "The recipient's fingerprint.",
		json:     `{"state", "recipient", "fingerprint"}; "state" is kept, missing or replaced`,
		examples: []string{"muster backup key", "muster backup key --words-fd 0 <words.txt"},
		see:      []string{"backup auto", "device recover"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.BackupKey(c.Context(), api.BackupKeyRequest{})
			if err != nil {
				return err
			}
			_, person := a.terminal()
			if given := c.Flags().Changed("words-fd"); given || person && result.State != api.BackupKeyKept {
				words, err := a.recoveryWords(c.Context(), fd, given)
				if err != nil {
					return err
				}
				if result, err = client.BackupKey(c.Context(), api.BackupKeyRequest{Words: words}); err != nil {
					return err
				}
			}
			return a.answer(result, func(w io.Writer) {
				if result.State == api.BackupKeyKept {
					terminal.Printf(w, "Backups are encrypted to the key %s, which your recovery words open.\n", result.Fingerprint)
					return
				}
				terminal.Printf(w, "%s\n", keyStates[result.State])
			})
		})
	})
	wordsFlag(c, &fd)
	return c
}

// keyStates says why there is no key.
var keyStates = map[api.BackupKeyState]string{
	api.BackupKeyMissing:  "There is no key for backups yet: your recovery words are needed once. muster backup key asks for them.",
	api.BackupKeyReplaced: "Your recovery words are new ones: they are needed once. muster backup key asks for them.",
}

// answerBackups prints how backups stand.
func (a *app) answerBackups(result api.BackupResult, err error) error {
	if err != nil {
		return err
	}
	return a.answer(result, func(w io.Writer) {
		a.table(w, "DRIVE\tPATH\tLAST\tVERIFIED\tSIZE\tSTATE", func(row func(cells ...any)) {
			for _, d := range result.Drives {
				row(d.Name, d.Path, moment(d.Done), moment(d.Verified), fileSize(d.Bytes), driveText(d))
			}
		})
		for _, d := range result.Drives {
			for _, s := range d.Snapshots {
				state := ""
				if !s.Complete {
					state = "  incomplete"
				}
				terminal.Printf(w, "  %s  %s  %s, %s%s\n", d.Name, moment(s.Time), plural(s.Items, "item"), fileSize(s.Bytes), state)
			}
		}
		if len(result.Drives) == 0 && len(result.Warnings) == 0 {
			a.inform("No drive is marked: muster backup auto --to DRIVE.")
		}
		if result.Paused {
			a.inform("Backups are paused: muster backup resume.")
		}
		if state, wrong := keyStates[result.Key.State]; wrong {
			a.inform("%s", strings.TrimSpace(state))
		}
		a.printWarnings(result.Warnings)
	})
}
