package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// maxIdentity is how much of a file of private keys is read.
const maxIdentity = 64 << 10

func (a *app) newKeys() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "keys [COMMAND]",
		short: "keys to lock messages for: make, show, add, trust, revoke",
		about: `What is locked (muster send --lock-to, --lock-pass) stays locked on the way, in every history,
index and backup, and on the screen, until somebody opens it (muster open). It is locked
for keys. Your own are on each of your devices; your acquaintances, and others to whom you
write, hear of the newest one, signed by your device, and you of theirs.

The first key that you hear of from somebody is taken on trust; compare its words with them.
If it is another one day, nothing is locked for it until you say that you trust it. A key is
verified if its member is (muster verify).

Without a command it lists the keys: yours, those of members, and those that you added.`,
		output: "For each key a line with name, kind and standing, and one with its words.",
		json: `[{"org", "org_name", "name", "member", "kind", "recipient", "fingerprint", "time", "own",
  "current", "revoked", "standing", "next"}]`,
		examples: []string{"muster keys", "muster keys make", "muster keys trust Bo"},
		see:      []string{"send", "open", "verify"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("keys has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.Keys(c.Context(), api.KeysQuery{Org: org})
			if err != nil {
				return err
			}
			return a.answer(api.List[api.LockKey](all), func(w io.Writer) {
				if len(all) == 0 {
					a.inform("No key is known here. Make one: muster keys make")
				}
				for _, k := range all {
					printKey(w, k)
				}
			})
		})
	})
	c.Flags().StringVar(&org, "org", "", "only of this `ORG`, by name or id")
	c.AddCommand(a.newKeysMake(), a.newKeysImport(), a.newKeysShow(), a.newKeysExport(), a.newKeysAdd(),
		a.newKeysStand("trust"), a.newKeysStand("untrust"), a.newKeysRevoke(), a.newKeysAnnounce())
	return c
}

// standings say how a key stands.
var standings = map[api.KeyStanding]string{
	api.KeyFirst: "on trust: compare its words", api.KeyTrusted: "trusted", api.KeyVerified: "verified",
	api.KeyChanged: "CHANGED: compare the new words, then muster keys trust", api.KeyUntrusted: "not trusted",
	api.KeyRevoked: "revoked by its member", api.KeyUnsigned: "told by a device that may not act any more",
}

func printKey(w io.Writer, k api.LockKey) {
	how := standings[k.Standing]
	switch {
	case k.Own && k.Revoked:
		how = "yours, revoked: it still opens"
	case k.Own && k.Current:
		how = "yours, the one that contacts lock for"
	case k.Own:
		how = "yours"
	}
	if k.Member != nil {
		terminal.Printf(w, "%s", person(k.Member.Name, k.Member.Member))
	} else {
		terminal.Printf(w, "%s", k.Name)
	}
	terminal.Printf(w, " in %s  %s  %s\n    %s\n", k.OrgName, k.Kind, how, k.Fingerprint)
	if k.Next != nil {
		terminal.Printf(w, "    now: %s (%s)\n", k.Next.Fingerprint, k.Next.Kind)
	}
}

func (a *app) newKeysShow() *cobra.Command {
	var org string
	var picture bool
	c := a.command(manual{
		use:   "show [NAME] [--qr]",
		short: "show a public key, to be copied",
		about: `Shows a public key as the age tool takes it, and the words to compare it by. Without NAME
it is your own, the one that contacts lock for.`,
		args:     []string{"NAME   a key's name, or a member"},
		output:   "The public key on one line; then its words.",
		json:     `one object of muster keys, with --qr also "qr"`,
		examples: []string{"muster keys show", "muster keys show Bo", "age -r $(muster keys show Bo --json | jq -r .recipient) plan.pdf"},
		see:      []string{"keys add"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("one NAME at most")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.Keys(c.Context(), api.KeysQuery{Org: org})
			if err != nil {
				return err
			}
			k, err := pickKey(all, strings.Join(args, ""))
			if err != nil {
				return err
			}
			code := ""
			if picture {
				if code, err = drawQR(k.Recipient); err != nil {
					return err
				}
			}
			answer := struct {
				api.LockKey
				QR string `json:"qr,omitzero"`
			}{k, code}
			return a.answer(answer, func(w io.Writer) {
				printLink(w, string(terminal.Plain(k.Recipient)), code)
				terminal.Printf(w, "words: %s\n", k.Fingerprint)
			})
		})
	})
	c.Flags().StringVar(&org, "org", "", orgFlag)
	c.Flags().BoolVar(&picture, "qr", false, "also show it as a QR code")
	return c
}

// pickKey returns the one key of a name; of no name the own one.
func pickKey(all []api.LockKey, name string) (found api.LockKey, err error) {
	count := 0
	for _, k := range all {
		if name == "" && k.Current || name != "" && (k.Name == name || k.Member != nil && k.Member.Member == name) {
			found = k
			count++
		}
	}
	switch {
	case count == 1:
		return found, nil
	case count > 1:
		return found, usage("more than one key is meant").WithHint("name the organization with --org")
	case name == "":
		return found, api.Errorf(api.CodeNotFound, "you have no key").WithHint("make one: muster keys make")
	}
	return found, api.Errorf(api.CodeNotFound, "no key %q", name).WithHint("muster keys lists them")
}

func (a *app) newKeysExport() *cobra.Command {
	var request api.ExportKeyRequest
	var into string
	var identity bool
	c := a.command(manual{
		use:   "export NAME --identity --into FILE",
		short: "write the private half of a key of yours into a file",
		about: `Writes a private key of yours into a new file that only you can read (mode 0600), as the age
tool takes it with -i. Whoever has the file opens everything that was or will be locked for
the key. Keep it where you would keep your recovery words, or remove it after use.`,
		args:     []string{"NAME   the name of a key of yours"},
		output:   "The file's path.",
		json:     `{"name", "file"}`,
		examples: []string{"muster keys export key --identity --into ~/key.txt"},
		see:      []string{"keys import"},
	}, exactly("NAME"), func(c *cobra.Command, args []string) error {
		if request.Name = args[0]; !identity || into == "" {
			return usage("a private key leaves only with --identity and --into FILE")
		}
		a.inform("Warning: whoever has this file opens all that is locked for the key %q.", request.Name)
		if err := a.sure("Write it?"); err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.ExportKey(c.Context(), request)
			if err != nil {
				return err
			}
			if err := writeSecret(into, result.Identity); err != nil {
				return err
			}
			answer := struct {
				Name string `json:"name"`
				File string `json:"file"`
			}{result.Name, into}
			return a.answer(answer, func(w io.Writer) { terminal.Println(w, terminal.Line(into)) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().StringVar(&into, "into", "", "the new `FILE`")
	c.Flags().BoolVar(&identity, "identity", false, "yes, the private half")
	return c
}

// writeSecret writes a secret into a new file of the owner's.
func writeSecret(path, secret string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the private key: %w", err)
	}
	if _, err = file.Write([]byte(strings.TrimRight(secret, "\n") + "\n")); err != nil {
		file.Close()
		os.Remove(path)
		return fmt.Errorf("writing the private key: %w", err)
	}
	return file.Close()
}
