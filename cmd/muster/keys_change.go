package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// changeKey has something done with a key, and prints the key.
func (a *app) changeKey(c *cobra.Command, request api.KeyRequest) error {
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.ChangeKey(c.Context(), request)
		if err != nil {
			return err
		}
		return a.answer(result, func(w io.Writer) {
			printKey(w, result.Key)
			if result.Told > 0 {
				a.inform("%s will hear of it.", plural(result.Told, "contact"))
			}
		})
	})
}

const keyAnswer = `{"key": an object of muster keys, "already", "told"}`

func (a *app) newKeysMake() *cobra.Command {
	request := api.KeyRequest{Do: "make"}
	c := a.command(manual{
		use:   "make [--name N]",
		short: "make a key of your own",
		about: `Makes a post-quantum key (ML-KEM-768 with X25519, as age has it). It goes to each of your
devices and into your backups, and nowhere else; your acquaintances hear of its public half,
and lock for it from then on. An earlier key of yours still opens what was locked for it.`,
		output:   "The key, as muster keys lists it.",
		json:     keyAnswer,
		examples: []string{"muster keys make", "muster keys make --name 2027"},
		see:      []string{"keys show", "keys revoke"},
	}, exactly(), func(c *cobra.Command, _ []string) error { return a.changeKey(c, request) })
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().StringVar(&request.Name, "name", "", "what it is called here: `N`")
	return c
}

func (a *app) newKeysImport() *cobra.Command {
	request := api.KeyRequest{Do: "import"}
	c := a.command(manual{
		use:   "import FILE|-",
		short: "take in a private key of yours that you have elsewhere",
		about: `Takes in a private key: a file of age-keygen, or an SSH key (ed25519 or RSA) without a
passphrase. It becomes your newest key, which your acquaintances hear of.`,
		args:     []string{"FILE   the file, or - for stdin"},
		output:   "The key, as muster keys lists it.",
		json:     keyAnswer,
		examples: []string{"muster keys import ~/key.txt", "age-keygen -pq | muster keys import -"},
		see:      []string{"keys export"},
	}, exactly("FILE"), func(c *cobra.Command, args []string) error {
		identity, err := a.identityFrom(args[0])
		if err != nil {
			return err
		}
		request.Identity = identity
		return a.changeKey(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().StringVar(&request.Name, "name", "", "what it is called here: `N`")
	return c
}

// identityFrom reads a file of private keys; - is stdin.
func (a *app) identityFrom(path string) (string, error) {
	source := a.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("reading the private key: %w", err)
		}
		defer file.Close()
		source = file
	}
	text, err := io.ReadAll(io.LimitReader(source, maxIdentity+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the private key: %w", err)
	case len(text) > maxIdentity:
		return "", usage("%s is no file of private keys: it has more than %d bytes", path, maxIdentity)
	case strings.TrimSpace(string(text)) == "":
		return "", usage("%s holds no private key", path)
	}
	return string(text), nil
}

func (a *app) newKeysAdd() *cobra.Command {
	request := api.KeyRequest{Do: "add"}
	c := a.command(manual{
		use:   "add NAME KEY",
		short: "note somebody's public key under a name",
		about: `Notes a public key, to lock for it by its name: somebody's who told it to you by another
way, or who uses age but not muster.`,
		args:     []string{"NAME   what you call it", "KEY    age1..., age1pq1..., or a line ssh-ed25519 ... or ssh-rsa ...; or - for stdin"},
		output:   "The key, as muster keys lists it.",
		json:     keyAnswer,
		examples: []string{"muster keys add 'the safe' age1...", "muster keys add Cy - <id_ed25519.pub"},
		see:      []string{"send", "keys untrust"},
	}, exactly("NAME", "KEY"), func(c *cobra.Command, args []string) error {
		key, err := a.firstLine(args[1], "KEY")
		if err != nil {
			return err
		}
		request.Name, request.Recipient = args[0], key
		return a.changeKey(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	return c
}

// newKeysStand makes trust and untrust.
func (a *app) newKeysStand(do string) *cobra.Command {
	request := api.KeyRequest{Do: do}
	page := manual{
		use:   "trust NAME [--words WORDS]",
		short: "say that a key is the right one",
		about: `Says that the key of a member, or one that you added, is the right one: you have compared its
words with its owner. If a member has another key than before, it accepts the new one.
With --words the key is trusted only if these are its words.`,
		args: []string{"NAME   a member, or the name of a key"}, output: "The key, as muster keys lists it.", json: keyAnswer,
		examples: []string{"muster keys trust Bo", "muster keys trust Bo --words 'obtain virus hazard shine meadow apology'"},
		see:      []string{"keys", "verify"},
	}
	if do == "untrust" {
		page.use, page.short = "untrust NAME", "lock nothing for a key any more"
		page.about = `Locks nothing for the key of a member, or one that you added, until you trust it again.`
		page.examples = []string{"muster keys untrust Bo"}
	}
	c := a.command(page, exactly("NAME"), func(c *cobra.Command, args []string) error {
		request.Name = args[0]
		return a.changeKey(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	if do == "trust" {
		c.Flags().StringVar(&request.Fingerprint, "words", "", "the `WORDS` that its owner reads to you")
	}
	return c
}

func (a *app) newKeysRevoke() *cobra.Command {
	request := api.KeyRequest{Do: "revoke"}
	c := a.command(manual{
		use:   "revoke NAME",
		short: "have nobody lock for a key of yours any more",
		about: `Revokes a key of yours. Your acquaintances hear of it and lock nothing for it any more; it still
opens what was locked for it. If you have another key, they lock for that once they accepted
it. This cannot be taken back.`,
		args:     []string{"NAME   the name of a key of yours"},
		output:   "The key, as muster keys lists it.",
		json:     keyAnswer,
		examples: []string{"muster keys revoke key"},
		see:      []string{"keys make"},
	}, exactly("NAME"), func(c *cobra.Command, args []string) error {
		request.Name = args[0]
		if err := a.sure("Revoke the key for good?"); err != nil {
			return err
		}
		return a.changeKey(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	return c
}

func (a *app) newKeysAnnounce() *cobra.Command {
	request := api.KeyRequest{Do: "announce"}
	c := a.command(manual{
		use:   "announce",
		short: "tell your acquaintances of your key once more",
		about: `Tells your acquaintances once more which key to lock for. It is needed only for those who had a
version of muster that did not know keys when you made yours.`,
		output:   "The key, as muster keys lists it.",
		json:     keyAnswer,
		examples: []string{"muster keys announce"},
		see:      []string{"keys make"},
	}, exactly(), func(c *cobra.Command, _ []string) error { return a.changeKey(c, request) })
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	return c
}
