package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// messageArgument says what a message is called on the command line.
const messageArgument = "ID   a message's id, or the start of one, at least eight characters"

func (a *app) newEdit() *cobra.Command {
	var request api.EditRequest
	var subject string
	var mentions []string
	c := a.command(manual{
		use:   "edit ID [-m TEXT | -] [-s SUBJECT]",
		short: "give your message another text",
		about: `Gives a message that you wrote another text, on every device that has it. The policy says for
how long (muster admin policy, edit-time). Everybody sees that it was edited, and muster
read shows the texts that it had before.`,
		args:     []string{messageArgument, "-    as the last argument: read the text from stdin"},
		output:   "The message as it is now.",
		json:     "the object of muster read",
		examples: []string{`muster edit k3x9ab2cd4ef -m "The key is in the shed."`},
		see:      []string{"delete", "read", "send"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "-" {
			return usage("ID is missing, or there is more than it and -")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request.ID, request.Mentions = args[0], mentions
		given := c.Flags().Changed("message")
		switch {
		case len(args) == 2 && given:
			return usage("the text is given twice: with -m and with -")
		case len(args) == 2:
			text, err := io.ReadAll(io.LimitReader(a.stdin, maxText+1))
			if err != nil {
				return fmt.Errorf("reading the text from stdin: %w", err)
			}
			request.Text = string(text)
		case !given:
			return usage("there is no new text").WithHint("give -m TEXT, or - to read it from stdin")
		}
		if len(request.Text) > maxText || !utf8.ValidString(request.Text) {
			return usage("the text is no UTF-8, or longer than a message holds (%d bytes)", maxText)
		}
		if c.Flags().Changed("subject") {
			request.Subject = &subject
		}
		return a.withNode(func(client *apiclient.Client) error {
			m, err := client.Edit(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(m, func(w io.Writer) { printMessage(w, m) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().StringVarP(&request.Text, "message", "m", "", "the new `TEXT`")
	c.Flags().StringVarP(&subject, "subject", "s", "", "the new `SUBJECT`; without, it stays")
	c.Flags().StringArrayVar(&mentions, "mention", nil, "a `MEMBER` whom the new text mentions; can be given several times")
	return c
}

func (a *app) newDelete() *cobra.Command {
	var request api.DeleteRequest
	c := a.command(manual{
		use:   "delete ID...",
		short: "take your messages back, for everybody",
		about: `Takes back messages that you wrote: every device that has one erases its text, subject and
files, and so does this one. What is not delivered yet is not sent any more. The policy says
for how long (muster admin policy, delete-time). Who read it before may have kept a copy.`,
		args:     []string{messageArgument},
		output:   "A line for each message.",
		json:     "a list of the objects of muster read",
		examples: []string{"muster delete k3x9ab2cd4ef"},
		see:      []string{"edit", "undo", "read", "send"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("ID is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request.IDs = args
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.Delete(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Message](all), func(w io.Writer) {
				for _, m := range all {
					terminal.Printf(w, "%s is deleted\n", shortMessage(m.ID))
				}
			})
		})
	})
	c.Flags().IntVar(&request.Undo, "undo", 0, "let it wait for `SECONDS`, at most 60: muster undo takes it back")
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	return c
}

func (a *app) newReact() *cobra.Command {
	var request api.ReactRequest
	c := a.command(manual{
		use:   "react ID EMOJI",
		short: "set a sign beside a message",
		about: `Sets an emoji, or a few characters, beside a message for all who have it. Each member may set
several; the same one again changes nothing. --off takes it off.`,
		args:     []string{messageArgument, "EMOJI   1 to 32 bytes of text"},
		output:   "The message as it is now.",
		json:     "the object of muster read",
		examples: []string{"muster react k3x9ab2cd4ef 👍", "muster react k3x9ab2cd4ef 👍 --off"},
		see:      []string{"read", "inbox"},
	}, exactly("ID", "EMOJI"), func(c *cobra.Command, args []string) error {
		request.ID, request.Emoji = args[0], args[1]
		return a.withNode(func(client *apiclient.Client) error {
			m, err := client.React(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(m, func(w io.Writer) { printMessage(w, m) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().BoolVar(&request.Off, "off", false, "take it off")
	return c
}

func (a *app) newForward() *cobra.Command {
	var request api.SendRequest
	var ids, files []string
	c := a.command(manual{
		use:   "forward ID... --to TO [-m TEXT]",
		short: "show messages to others, as their authors signed them",
		about: `Sends a message that shows other messages, or with --thread whole threads. Each goes with its
author's own signature, so that receivers see who wrote it and need not take your word. They
see its recipients and its edits too, and the names of its files, not the files. Messages
that expire cannot be forwarded.`,
		args:   []string{messageArgument},
		output: "As muster send.",
		json:   "as muster send",
		examples: []string{
			`muster forward k3x9ab2cd4ef --to Cy -m "What do you think?"`, "muster forward k3x9ab2cd4ef --thread --to Cy --to Di",
		},
		see: []string{"read", "report", "send"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("ID is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if len(ids) == 0 {
			return usage("TO is missing").WithHint("give --to MEMBER")
		}
		request.To, request.Forward = ids, args
		return a.withNode(func(client *apiclient.Client) error { return a.send(c.Context(), client, request, files) })
	})
	flags := c.Flags()
	flags.StringVar(&request.Org, "org", "", "look for TO in this `ORG`, by name or id")
	flags.StringArrayVar(&ids, "to", nil, "a `MEMBER` or group to show it to; can be given several times")
	flags.BoolVar(&request.ForwardThreads, "thread", false, "the whole thread of each message")
	flags.StringVarP(&request.Subject, "subject", "s", "", "the `SUBJECT`, of one line")
	flags.StringVarP(&request.Text, "message", "m", "", "the `TEXT` to go with it")
	flags.StringArrayVarP(&files, "attach", "a", nil, "a `FILE` to send with it; can be given several times")
	return c
}

func (a *app) newReport() *cobra.Command {
	var request api.ReportRequest
	var out string
	c := a.command(manual{
		use:   "report [ID... [-m WHY]]",
		short: "show messages to moderators or admins; alone: make a file for who helps you",
		about: `Shows messages that you received to the moderators of their group; if they are of no group, or
with --admins, to the admins. Only the messages that you name are shown. Each goes with its
author's own signature: nobody can report what was not written. Their authors are not told.

Without ID it sends nothing: it writes a file for whoever helps you with the program, and says
before what is in it: version and system, the state of the node in numbers, its settings, the
end of the log, and the sizes of the files in the folder. No message, name, address, word or
key is in it, and of an id the beginning. Look at it before you give it away: it is a zip of
texts.`,
		args: []string{messageArgument},
		output: `As muster send: who gets the report, and how far it is. Without ID: the path of the file,
after what is in it (on stderr).`,
		json: `as muster send; without ID {"file", "contents": [{"name", "about"}]}`,
		examples: []string{
			`muster report k3x9ab2cd4ef -m "He asks everybody for money."`, "muster report k3x9ab2cd4ef q8z1mm0pw2rt --admins",
			"muster report", "muster report --out help.zip",
		},
		see: []string{"block", "forward", "read", "logs", "check"},
	}, func(c *cobra.Command, args []string) error {
		for _, name := range []string{"message", "org", "admins"} {
			if len(args) == 0 && c.Flags().Changed(name) {
				return usage("ID is missing").WithHint("--%s is for a report of messages", name)
			}
		}
		if len(args) > 0 && c.Flags().Changed("out") {
			return usage("--out is for a diagnosis, and ID for a report of messages")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return a.diagnose(c.Context(), out)
		}
		request.IDs = args
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Report(c.Context(), request)
			if err != nil {
				return err
			}
			err = a.answer(result, func(w io.Writer) {
				terminal.Println(w, result.ID)
				printStates(w, result.Recipients)
			})
			if err == nil && allRefused(result) {
				return api.Errorf(api.CodeRefused, "the report was refused").WithHint("muster admin policy says how many introductions and reports a day are allowed")
			}
			return err
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().StringVarP(&request.Text, "message", "m", "", "`WHY`: at most 140 characters")
	c.Flags().BoolVar(&request.Admins, "admins", false, "to the admins, though the messages are of a group")
	c.Flags().StringVar(&out, "out", "", "write the diagnosis to this `file` (default muster-report-DATE.zip here)")
	return c
}

func (a *app) newSettings() *cobra.Command {
	var query api.SettingsQuery
	c := a.command(manual{
		use:   "settings [NAME VALUE]",
		short: "what you choose for yourself",
		about: `Lists your settings in each organization, or chooses a value: in all organizations, or with
--org in one.`,
		args:     []string{"NAME    of a setting, as the list has it", "VALUE   its value"},
		output:   "For each setting its name, value and what it is for; * marks what you chose.",
		json:     `[{"org", "org_name", "name", "value", "default", "about"}]`,
		examples: []string{"muster settings", "muster settings receipts on", "muster settings expires 7d --org Lighthouse"},
		see:      []string{"send", "read"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) != 0 && len(args) != 2 {
			return usage("give no arguments, or NAME and VALUE")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) (err error) {
			var all []api.Setting
			if len(args) == 0 {
				all, err = client.Settings(c.Context(), query)
			} else {
				all, err = client.SetSetting(c.Context(), api.SettingRequest{Org: query.Org, Name: args[0], Value: args[1]})
			}
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Setting](all), func(w io.Writer) { printSettings(w, all) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only in this `ORG`, by name or id")
	return c
}

func printSettings(w io.Writer, all []api.Setting) {
	org := ""
	for _, s := range all {
		if s.Org != org {
			org = s.Org
			terminal.Printf(w, "%s (%s)\n", s.OrgName, shortID(s.Org))
		}
		mark := "*"
		if s.Default {
			mark = " "
		}
		terminal.Printf(w, "%s %-14s %-10s %s\n", mark, s.Name, s.Value, s.About)
	}
}

func shortMessage(id string) string { return id[:min(12, len(id))] }

// printMarks prints what is to be said of a message beside its text: each line begins with indent.
func printMarks(w io.Writer, m api.Message, indent string) {
	if m.Deleted {
		terminal.Printf(w, "%sIts author took this message back.\n", indent)
	}
	if m.Auto {
		terminal.Printf(w, "%sAn automatic answer\n", indent)
	}
	if !m.Edited.IsZero() {
		terminal.Printf(w, "%sEdited %s\n", indent, moment(m.Edited))
	}
	if !m.Expires.IsZero() {
		terminal.Printf(w, "%sExpires %s\n", indent, moment(m.Expires))
	}
	if m.Mentioned {
		terminal.Printf(w, "%sMentions you\n", indent)
	}
	for _, r := range m.Reactions {
		terminal.Printf(w, "%s%s  %s\n", indent, r.Emoji, people(r.Members))
	}
	printForwarded(w, m.Forwarded, voiceOf(m), indent)
}

func people(all []api.Person) string {
	var names []string
	for _, p := range all {
		names = append(names, person(p.Name, p.Member))
	}
	return strings.Join(names, ", ")
}

// printForwarded prints what a message shows of others, so that none of it looks like the message's own.
func printForwarded(w io.Writer, all []api.Forwarded, voice voice, indent string) {
	for _, f := range all {
		author := "an unknown device " + shortDevice(f.FromDevice) + " (not verified)"
		if f.Verified {
			author = person(f.From, f.FromMember)
		}
		if f.Barred {
			author += " (by a device that is barred now: whoever has it may have written this)"
		}
		if f.Hidden {
			author += "  HIDDEN: a member whom you blocked"
		}
		terminal.Printf(w, "%s| Forwarded: %s  %s  %s\n", indent, shortMessage(f.ID), moment(f.Time), author)
		inner := indent + "| "
		if f.Subject != "" {
			terminal.Printf(w, "%sSubject: %s\n", inner, voice.line(f.Subject))
		}
		switch {
		case f.Locked:
			terminal.Printf(w, "%s  locked\n", inner)
		case f.Text != "":
			terminal.Printf(w, "%s\n", voice.lines(f.Text, inner+"  "))
		}
		if !f.Edited.IsZero() {
			terminal.Printf(w, "%sEdited %s\n", inner, moment(f.Edited))
		}
		for _, file := range f.Attachments {
			terminal.Printf(w, "%sFile: %s (%s), not here\n", inner, voice.line(file.Name), fileSize(file.Size))
		}
		printForwarded(w, f.Forwarded, voice, inner)
	}
}

// printProgress prints how far a message came with each member.
func printProgress(w io.Writer, all []api.Progress) {
	for _, p := range all {
		note := ""
		if p.Returned > 0 && p.Delivered > 0 {
			note = fmt.Sprintf(", given up for %s: another has it", plural(p.Returned, "device"))
		}
		terminal.Printf(w, "  %s: delivered to %d of %s%s\n", person(p.Name, p.Member), p.Delivered, plural(p.Devices, "device"), note)
	}
}
