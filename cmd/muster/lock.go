package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// lockLimit is how long a node may take to lock itself.
const lockLimit = 30 * time.Second

func (a *app) newLock() *cobra.Command {
	var idle, sleep string
	c := a.command(manual{
		use:   "lock",
		short: "lock this device's folder while its node runs",
		about: `Locks the folder: the node stops in order and begins anew as a program that knows no key.
Nothing of what was read stays in its memory, all browsers are signed out, and nothing is
received until it is unlocked, by muster unlock or in the app. A folder that is locked
already is no error.

With --idle or --sleep nothing is locked now; they say when the folder locks itself. Use is
what a person does in the app or by a command that does something, not what comes from
others. Where the system does not announce a sleep (Linux with logind does), the folder
is locked when the computer has woken up.`,
		output:   `One line that says how it stands.`,
		json:     `{"locked", "ways": [{"number", "kind", "cost"}], "idle_minutes", "on_sleep"}`,
		examples: []string{"muster lock", "muster lock --idle 15m", "muster lock --idle never --sleep on"},
		see:      []string{"unlock", "passphrase", "start"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		settings, err := lockSettings(idle, sleep)
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			var state api.FolderLock
			if settings != nil {
				state, err = client.SetLock(c.Context(), *settings)
			} else {
				state, err = lockNow(c.Context(), client)
			}
			if err != nil {
				return err
			}
			return a.answer(state, func(w io.Writer) { printLock(w, state) })
		})
	})
	c.Flags().StringVar(&idle, "idle", "", "lock after this `TIME` without use, such as 15m, or never")
	c.Flags().StringVar(&sleep, "sleep", "", "lock when the computer sleeps: `on|off`")
	return c
}

// lockSettings reads the flags, nil if there is none.
func lockSettings(idle, sleep string) (*api.LockSettings, error) {
	if idle == "" && sleep == "" {
		return nil, nil
	}
	settings := new(api.LockSettings)
	if idle != "" {
		minutes := 0
		if idle != "never" {
			span, err := time.ParseDuration(idle)
			if minutes = int(span / time.Minute); err != nil || minutes < 1 || span%time.Minute != 0 {
				return nil, usage("--idle %q is no number of minutes or hours", idle).WithHint("for example 15m, 2h, or never")
			}
		}
		settings.IdleMinutes = &minutes
	}
	switch sleep {
	case "":
	case "on", "off":
		on := sleep == "on"
		settings.OnSleep = &on
	default:
		return nil, usage("--sleep is on or off, not %q", sleep)
	}
	return settings, nil
}

// lockNow returns once the folder is locked.
func lockNow(ctx context.Context, client *apiclient.Client) (api.FolderLock, error) {
	state, err := client.LockNow(ctx)
	if err != nil || len(state.Ways) > 0 || state.New { // it was locked
		return state, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	for {
		client.Close() // of the connections some lead to the program that ends
		asked, stop := context.WithTimeout(ctx, time.Second)
		state, err = client.Lock(asked)
		stop()
		if err == nil && state.Locked {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return state, api.Errorf(api.CodeFailed, "the node does not say that it is locked: %v", err).
				WithHint("see muster status; ending the node's process locks the folder too")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func printLock(w io.Writer, state api.FolderLock) {
	if state.Locked {
		terminal.Println(w, "Muster is locked: nothing is received until it is unlocked.")
		return
	}
	idle := "never"
	if state.IdleMinutes > 0 {
		idle = (time.Duration(state.IdleMinutes) * time.Minute).String()
	}
	sleep := map[bool]string{true: "on", false: "off"}[state.OnSleep]
	terminal.Printf(w, "Muster is unlocked. It locks itself without use after: %s. When the computer sleeps: %s.\n", idle, sleep)
}

func (a *app) newUnlock() *cobra.Command {
	var keyFile string
	var keyring bool
	var fd int
	c := a.command(manual{
		use:   "unlock",
		short: "unlock the folder of the running node",
		about: `Unlocks a folder that was locked, or whose node was started without a way to unlock it. The
passphrase is asked for on the terminal or read from a descriptor. A folder that is
unlocked already is no error. After five wrong passphrases there is a wait before the
next, twice as long each time.`,
		output:   `One line that says how it stands.`,
		json:     `as of muster lock`,
		examples: []string{"muster unlock", "muster unlock --key-file /etc/muster/bot.key", "muster unlock --passphrase-fd 3 3<passphrase.txt"},
		see:      []string{"lock", "passphrase", "start"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			state, err := client.Lock(c.Context())
			if err != nil {
				return err
			}
			if state.Locked {
				key, err := a.key(c.Context(), keyFile, fd, keyring, "Passphrase: ", state.New)
				if err != nil {
					return err
				}
				defer key.Forget()
				if state, err = client.Unlock(c.Context(), key); err != nil {
					return err
				}
			}
			return a.answer(state, func(w io.Writer) { printLock(w, state) })
		})
	})
	c.Flags().StringVar(&keyFile, "key-file", "", "unlock with this `file`")
	c.Flags().BoolVar(&keyring, "keyring", false, "unlock with what lies in the system's keyring")
	c.Flags().IntVar(&fd, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := oneOf(c, "key-file", "keyring", "passphrase-fd"); err != nil {
			return err
		}
		return descriptorGiven(&fd)(c, args)
	}
	return c
}

// costText says what it costs to try a passphrase.
func costText(c *api.Cost) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("argon2id, %d passes, %d MiB, %s", c.Passes, c.MemoryKiB>>10, strconv.Itoa(int(c.Lanes))+" lanes")
}
