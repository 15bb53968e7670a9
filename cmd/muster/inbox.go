package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newInbox() *cobra.Command {
	var query api.InboxQuery
	c := a.command(manual{
		use:   "inbox",
		short: "list what you received",
		about: `Lists every message and introduction that you received, oldest first, read or not, with
its whole text, and imported mail. It marks nothing as read.`,
		output: `For each message a line with * if it is unread, the start of its id, its time, its
author and organization; then subject, text and the names of files, indented.`,
		json: `[{"id", "org", "org_name", "kind", "conversation", "thread", "from", "from_member",
  "to", "subject", "text", "time", "unread", "attachments": [{"name", "size"}],
  "reactions": [{"emoji", "members"}], "mentions", "mentioned", "edited", "deleted", "expires",
  "seen": [{"member", "name", "time"}],
  "forwarded": [{"id", "verified", "from", "subject", "text", "time", ..}], ..}]`,
		examples: []string{"muster inbox", "muster inbox --org Lighthouse --json"},
		see:      []string{"read", "watch"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			messages, err := a.wholeInbox(c.Context(), client, query)
			if err != nil {
				return err
			}
			return a.answer(messages, func(w io.Writer) {
				if len(messages) == 0 {
					a.inform("Nothing was received yet.")
				}
				asking := 0
				for i, m := range messages {
					if i > 0 {
						terminal.Println(w)
					}
					printMessage(w, m)
					if m.Kind == api.KindIntroduction {
						asking++
					}
				}
				if asking > 0 {
					a.inform("\n%s above. muster accept NAME lets its author write to you.", plural(asking, "introduction"))
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().BoolVar(&query.Hidden, "hidden", false, "also what members wrote whom you blocked")
	return c
}

// wholeInbox walks all pages, and tells what a person must know beside them.
func (a *app) wholeInbox(ctx context.Context, client *apiclient.Client, query api.InboxQuery) (api.List[api.Message], error) {
	var all api.List[api.Message]
	for {
		page, err := client.Inbox(ctx, query)
		if err != nil {
			return nil, err
		}
		a.warn(page.Warnings, page.Notices)
		all = append(all, page.Messages...)
		if page.Next == "" {
			return all, nil
		}
		query.Cursor = page.Next
	}
}

// printMessage prints a message for a list.
func printMessage(w io.Writer, m api.Message) {
	voice, mark := voiceOf(m), " "
	if m.Unread {
		mark = "*"
	}
	kind := ""
	if m.Kind != api.KindMessage {
		kind = "  " + string(m.Kind)
	}
	if m.Kind == api.KindInvitation {
		kind = "  invitation to a group"
	}
	if m.Hidden {
		kind += "  HIDDEN: from a member whom you blocked"
	}
	if text := unconfirmedText(m.Unconfirmed); text != "" {
		kind += "  " + text
	}
	author := person(m.From, m.FromMember)
	if m.Imported != nil {
		author = "imported mail"
	}
	terminal.Printf(w, "%s %s  %s  %s  %s (%s)%s\n", mark, m.ID[:min(12, len(m.ID))], moment(m.Time), author, m.OrgName, shortID(m.Org), kind)
	printImportedHead(w, m, "    ")
	printPlace(w, m, "    ")
	if m.Subject != "" {
		terminal.Printf(w, "    Subject: %s\n", voice.line(m.Subject))
	}
	switch {
	case m.Locked != nil && m.Locked.Text:
		terminal.Printf(w, "    %s\n", lockedText(m))
	case m.Text != "":
		terminal.Printf(w, "%s\n", voice.lines(m.Text, "    "))
	}
	for _, file := range m.Attachments {
		locked := ""
		if file.Locked {
			locked = ", locked"
		}
		terminal.Printf(w, "    File: %s (%s%s)\n", voice.line(file.Name), fileSize(file.Size), locked)
	}
	printMarks(w, m, "    ")
}

// printImportedHead prints what an imported mail says of itself, of which nothing is proven.
func printImportedHead(w io.Writer, m api.Message, indent string) {
	if m.Imported == nil {
		return
	}
	terminal.Printf(w, "%sImported mail, not verified: nobody named here is taken for a member\n", indent)
	for _, field := range [][2]string{
		{"From:", m.Imported.From}, {"To:", m.Imported.To}, {"Cc:", m.Imported.Cc}, {"Labels:", m.Imported.Labels},
	} {
		if field[1] != "" {
			terminal.Printf(w, "%s%-8s %s\n", indent, field[0], terminal.Plain(field[1]))
		}
	}
}

// lockedText is what stands for the text of a locked message.
func lockedText(m api.Message) string {
	count := make(map[string]int)
	var order []string
	for _, kind := range m.Locked.Kinds {
		if count[kind]++; count[kind] == 1 {
			order = append(order, kind)
		}
	}
	var words []string
	for _, kind := range order {
		if kind == "passphrase" {
			words = append(words, "a passphrase")
			continue
		}
		words = append(words, plural(count[kind], kind+" key"))
	}
	return "locked (to " + strings.Join(words, ", ") + "): muster open " + m.ID[:min(12, len(m.ID))]
}
