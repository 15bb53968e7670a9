package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
)

// manual is a command's page: what --help prints.
type manual struct {
	use      string   // the command line after its parent's: "send TO... [-]"
	short    string   // one line for lists
	about    string   // what it does, wrapped by hand
	args     []string // "NAME  what it is", one a line
	output   string   // what goes to stdout, for a person
	json     string   // what --json prints
	examples []string
	see      []string // other commands
}

// exits are the exit statuses that all commands share.
var exits = []string{
	fmt.Sprintf("%-4d done", api.ExitDone),
	fmt.Sprintf("%-4d failed", api.ExitFailed),
	fmt.Sprintf("%-4d the command line is wrong", api.ExitUsage),
	fmt.Sprintf("%-4d no node is running for the folder", api.ExitNotRunning),
	fmt.Sprintf("%-4d refused: by membership, policy, or a recipient who has not given leave", api.ExitRefused),
	fmt.Sprintf("%-4d not found: an organization, member, message or file", api.ExitNotFound),
	fmt.Sprintf("%-4d interrupted", api.ExitInterrupted),
}

const rootPage = `muster is a members-only messenger.

  start        run this device's node, in the foreground; service: at each log-in
  web          open the app in a browser; status: whom the node reaches; lock, unlock, passphrase
  org create   found an organization; org list: those you are in
  invite       make an invitation; vouch for who applies by one
  join         join an organization with an invitation or a login

  introduce    make first contact with a member, in 140 characters
  accept       let a member who introduced themselves write to you; decline, block, unblock
  contacts     whom you know; presence, typing: who of them is there; around: whom this device reaches directly
  verify       compare safety numbers with a member
  name         take another name; settings: what you choose for yourself; retention: how long; link: what it costs
  device       your devices: add, list, bar, freeze, recover; pair: on the one to be added

  send         send a message, with files; keys: to lock it for
  inbox        list what you received; watch: as it arrives
  read         show one message, save its files; open: a locked one; search; export, import
  edit, delete, undo, react, forward, report   what to do with a message
  group        create, join, leave groups; conversation: of several members

  admin        run an organization: members, policy, the roll, the rendezvous node
  backup       on drives, by itself; bundle: carry messages in files; check: this device's folder, evidence, a roll; logs, report, uninstall, version

Every command: --help, --json, --dir DIR (or MUSTER_DIR), --yes (or MUSTER_YES=1).
`

// newRoot makes the command tree.
func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "muster",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q", args[0]).WithHint("muster alone lists the commands")
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			_, err := terminal.Println(a.stdout, terminal.Lines(rootPage, ""))
			return err
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "dir", "", "the node's `folder` (default $MUSTER_DIR, or muster in the XDG data directory)")
	flags.BoolVar(&a.json, "json", false, "print JSON, errors too")
	flags.BoolVar(&a.yes, "yes", false, "answer yes to every question (as does MUSTER_YES=1)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return explainFlag(err) })
	root.SetHelpFunc(func(*cobra.Command, []string) { terminal.Println(a.stdout, terminal.Lines(rootPage, "")) })
	root.SetHelpCommand(&cobra.Command{Use: "help", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		command, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return usage("there is no command %q", strings.Join(args, " ")).WithHint("muster alone lists the commands")
		}
		command.InitDefaultHelpFlag()
		return command.Help()
	}})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.newStart(), a.newWeb(), a.newStatus(), a.newOrg(), a.newDevice(), a.newInvite(), a.newJoin(), a.newVouch(), a.newIntroduce(), a.newAccept(),
		a.newContacts(), a.newContact(), a.newSend(), a.newInbox(), a.newRead(), a.newSearch(), a.newWatch(), a.newCheck(), a.newVersion(),
		a.newAdmin(), a.newName(), a.newVerify(), a.newPresence(), a.newAround(), a.newTyping(), a.newBlock(), a.newUnblock(), a.newDecline(),
		a.newEdit(), a.newDelete(), a.newUndo(), a.newReact(), a.newForward(), a.newReport(), a.newSettings(), a.newRetention(), a.newLink(), a.newExport(), a.newImport(), a.newGroup(), a.newConversation(),
		a.newKeys(), a.newOpen(), a.newService(), a.newLogs(), a.newUninstall(), a.newPair(), a.newBackup(), a.newBundle(),
		a.newLock(), a.newUnlock(), a.newPassphrase())
	return root
}

// explainFlag says what is wrong with a flag, without the words of a library.
func explainFlag(err error) error {
	number, ok := errors.AsType[*strconv.NumError](err)
	if !ok {
		return usage("%v", err)
	}
	about := "not a whole number in its bounds"
	if number.Func == "ParseBool" {
		about = "neither true nor false"
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return usage("%s: %s", text, about)
}

// command makes a command of its page. args checks the arguments; do does it.
func (a *app) command(page manual, args cobra.PositionalArgs, do func(c *cobra.Command, args []string) error) *cobra.Command {
	c := &cobra.Command{
		Use:                   page.use,
		Short:                 page.short,
		DisableFlagsInUseLine: true,
		Args:                  args,
		RunE:                  do,
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { page.print(a.stdout, c) })
	return c
}

// print writes the page as a manual has it.
func (m manual) print(w io.Writer, c *cobra.Command) {
	section := func(title string, lines ...string) {
		text := strings.TrimRight(strings.Join(lines, "\n"), "\n")
		if text == "" {
			return
		}
		terminal.Println(w, title)
		for line := range strings.Lines(text + "\n") {
			if line = strings.TrimRight(line, "\n"); line != "" {
				line = "    " + line
			}
			terminal.Println(w, terminal.Line(line))
		}
		terminal.Println(w)
	}
	parent := ""
	if c.HasParent() {
		parent = c.Parent().CommandPath() + " "
	}
	section("NAME", c.CommandPath()+" - "+m.short)
	section("SYNOPSIS", parent+m.use+" [OPTION]...")
	section("DESCRIPTION", m.about)
	section("ARGUMENTS", m.args...)
	section("OPTIONS", strings.TrimRight(dedent(c.LocalNonPersistentFlags().FlagUsages()), "\n"))
	section("OPTIONS OF EVERY COMMAND", dedent(c.InheritedFlags().FlagUsages()))
	if c.HasAvailableSubCommands() {
		var lines []string
		for _, sub := range c.Commands() {
			lines = append(lines, fmt.Sprintf("%-10s %s", sub.Name(), sub.Short))
		}
		section("COMMANDS", lines...)
	}
	section("OUTPUT", m.output)
	section("JSON", m.json)
	section("EXIT STATUS", exits...)
	section("EXAMPLES", m.examples...)
	var see []string
	for _, name := range m.see {
		see = append(see, "muster "+name)
	}
	section("SEE ALSO", strings.Join(see, ", "))
}

// dedent takes away what pflag indents by.
func dedent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimPrefix(line, "  "))
	}
	return b.String()
}
