package main

import (
	"context"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// lockOptions are the flags by which send locks.
type lockOptions struct {
	pass bool
	fd   int
	to   []string
}

func (l *lockOptions) flags(c *cobra.Command) {
	c.Flags().BoolVar(&l.pass, "lock-pass", false, "lock text and files with a passphrase, which is asked for")
	c.Flags().IntVar(&l.fd, "lock-pass-fd", -1, "the same, and read it from descriptor `N`, its first line")
	c.Flags().StringArrayVar(&l.to, "lock-to", nil, "lock text and files for a `KEY`, a name of muster keys,\na member, or \"member\": all to whom it goes")
}

func (l *lockOptions) wanted(c *cobra.Command) bool {
	return l.pass || len(l.to) > 0 || c.Flags().Changed("lock-pass-fd")
}

// prepare has the node hold the lock that was asked for, and says what it means.
func (a *app) prepareLock(ctx context.Context, c *cobra.Command, client *apiclient.Client, l lockOptions, request *api.SendRequest) error {
	if !l.wanted(c) {
		return nil
	}
	byFD := c.Flags().Changed("lock-pass-fd")
	wish := api.LockRequest{Org: request.Org, To: request.To, Reply: request.Reply, Keys: l.to}
	if l.pass || byFD {
		passphrase, err := a.lockPassphrase(ctx, l.fd, byFD, true)
		if err != nil {
			return err
		}
		wish.Passphrase = passphrase
	}
	lock, err := client.PrepareLock(ctx, wish)
	if err != nil {
		return err
	}
	request.Lock = lock.ID
	if request.Subject != "" {
		a.inform("The subject is not locked, nor are the names and sizes of files.")
	}
	for _, k := range lock.Keys {
		switch {
		case k.Own:
		case k.Standing == api.KeyFirst:
			a.inform("locked for %s, whose key is taken on trust: %s", terminal.Line(k.Name), k.Fingerprint)
		case k.Name != "":
			a.inform("locked for %s (%s)", terminal.Line(k.Name), standings[k.Standing])
		}
	}
	for _, p := range lock.Unable {
		if !lock.Passphrase {
			a.inform("%s has no key in this lock, and may not be able to open it", person(p.Name, p.Member))
		}
	}
	for _, warning := range lock.Warnings {
		a.inform("%s", terminal.Line(warning))
	}
	return nil
}

// checkLock refuses what does not go with a lock.
func (l *lockOptions) checkLock(c *cobra.Command, undo int) error {
	switch {
	case !l.wanted(c):
		return nil
	case len(l.to) > 0 && (l.pass || c.Flags().Changed("lock-pass-fd")):
		return usage("a message is locked for keys or with a passphrase, not both").WithHint("send it twice, or leave out one of --lock-to and --lock-pass")
	case undo > 0:
		return usage("--undo does not go with a lock: what is taken back becomes a draft, which would not be locked")
	}
	return nil
}
