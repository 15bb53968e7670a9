package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous/enrolment"
)

const longEnrol = `enrol is the enrolment service of an organization whose members have a login at an
OpenID Connect provider. People join with that login, without an invitation, and
who loses the login is suspended. See docs/sso.md.

It holds the enrolment key and nothing else: run it apart from the rendezvous
node, which it reaches over the network as any stranger does. An admin names the
key on the roll, with what it may do: muster admin sso set.

  muster-rendezvous enrol keygen   make the key, print its public half
  muster-rendezvous enrol run      serve
  muster-rendezvous enrol status   how the service last was

Its folder is --dir, else $MUSTER_DIR, else muster-enrolment in the XDG data
directory.`

func newEnrol() *cobra.Command {
	command := &cobra.Command{
		Use:     "enrol",
		Short:   "the enrolment service, for joining by a login",
		Example: "muster-rendezvous enrol keygen --dir /srv/enrolment",
		Long:    longEnrol,
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newEnrolKeygen(), newEnrolRun(), newEnrolStatus())
	return command
}

// enrolFolder returns the service's folder.
func enrolFolder(c *cobra.Command) (string, error) {
	dir, err := c.Flags().GetString("dir")
	if err != nil {
		return "", err
	}
	if dir == "" && os.Getenv("MUSTER_DIR") == "" {
		return filepath.Abs(filepath.Join(xdg.DataHome, "muster-enrolment"))
	}
	return folder(c)
}

const longEnrolKeygen = `keygen makes the enrolment key in the folder, once, and prints its public half.
The private half stays in the file enrolment.key there: keep it as you keep the
key of a certificate. Who has it can admit members in the provider's name, until
an admin ends the key.

An admin puts the public half on the roll: muster admin sso set KEY ...
With --json it prints {"key"}.`

func newEnrolKeygen() *cobra.Command {
	return &cobra.Command{
		Use:     "keygen",
		Short:   "make the enrolment key, print its public half",
		Example: "muster-rendezvous enrol keygen --dir /srv/enrolment",
		Long:    longEnrolKeygen,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := enrolFolder(c)
			if err != nil {
				return err
			}
			key, err := enrolment.GenerateKey(dir)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), map[string]string{"key": key.String()})
			}
			_, err = terminal.Println(c.OutOrStdout(), key.String())
			return err
		},
	}
}

const longEnrolStatus = `status shows how the service of the folder was when it last wrote it down, which
it does at least at every check: whether the roll lets its key speak, how many
accounts it watches, whom the provider refuses, and when it last answered.

With --json it prints
  {"org", "key", "url", "issuer", "time", "speaks", "why", "roll_size", "accounts",
   "suspended", "refused", "oldest", "check", "begun", "logins", "turned_away",
   "joined", "unreached"}`

func newEnrolStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "how the service last was",
		Example: "muster-rendezvous enrol status --json --dir /srv/enrolment",
		Long:    longEnrolStatus,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := enrolFolder(c)
			if err != nil {
				return err
			}
			status, err := enrolment.ReadStatus(dir)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), status)
			}
			return printEnrolStatus(c.OutOrStdout(), status)
		},
	}
}

func printEnrolStatus(w io.Writer, s enrolment.Status) error {
	speaks := "yes"
	if !s.Speaks {
		speaks = "no: " + s.Why
	}
	oldest := "-"
	if !s.Oldest.IsZero() {
		oldest = s.Oldest.Format("2006-01-02 15:04:05 MST")
	}
	_, err := terminal.Printf(w, `written       %s
organization  %s
key           %s
speaks        %s
service       %s
provider      %s
accounts      %d, %d suspended, %d refused when last asked
asked         every %s, the one asked longest ago at %s
since start   %d begun, %d logged in, %d turned away, %d joined, %d times no answer
`, s.Time.Format("2006-01-02 15:04:05 MST"), s.Org, s.Key, speaks, s.URL, s.Issuer, s.Accounts, s.Suspended, s.Refused,
		s.Check, oldest, s.Begun, s.Logins, s.Turned, s.Joined, s.Unreached)
	return err
}

// enrolHint says what to do about an error of the service.
func enrolHint(err error) string {
	switch {
	case errors.Is(err, enrolment.ErrKey):
		return "muster-rendezvous enrol keygen makes the key, once; another key is made in another folder"
	case errors.Is(err, enrolment.ErrDamagedKey):
		return "nothing was changed: put the file back from a copy of the folder"
	case errors.Is(err, enrolment.ErrConfig):
		return "see muster-rendezvous enrol run --help"
	}
	return ""
}

// readSecret reads a secret of one line from a file.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the client's secret: %w", err)
	}
	defer f.Close()
	return firstLineOf(f)
}
