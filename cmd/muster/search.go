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

// maxFound is how many messages the command lists: who has not found it by then gives more words.
const maxFound = 1000

func (a *app) newSearch() *cobra.Command {
	var query api.SearchQuery
	c := a.command(manual{
		use:   "search QUERY...",
		short: "look for messages, received and sent",
		about: `Lists the messages that have every word in subject, text, names of files, or in what they
forward: the best first, then the newest; of more than 2000 the newest first. The last word
may be a beginning, case and accents make no difference, and "some words" in quotes stand
together. These narrow it:

  from:NAME   in:GROUP or NAME   subject:WORD   tag:TAG   has:file   is:unread
  before:2026-12-31   after:2026-01-01

Names with spaces stand in quotes: from:"Ada Lovelace". At most 1000 messages are listed.`,
		args:     []string{"QUERY   words and what narrows them; several arguments are one query"},
		output:   "The messages as muster inbox lists them.",
		json:     `the list of muster inbox`,
		examples: []string{"muster search harbour map", `muster search 'from:ada "tide table" has:file after:2026-01'`},
		see:      []string{"inbox", "read"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("QUERY is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		query.Text = strings.Join(args, " ")
		return a.withNode(func(client *apiclient.Client) error {
			found, err := a.wholeSearch(c.Context(), client, query)
			if err != nil {
				return err
			}
			return a.answer(found, func(w io.Writer) {
				if len(found) == 0 {
					a.inform("Nothing was found.")
				}
				for i, m := range found {
					if i > 0 {
						terminal.Println(w)
					}
					printMessage(w, m)
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only in this `ORG`, by name or id")
	return c
}

// wholeSearch walks the pages, and tells if what is found may not be all.
func (a *app) wholeSearch(ctx context.Context, client *apiclient.Client, query api.SearchQuery) (all api.List[api.Message], err error) {
	for {
		page, err := client.Search(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, found := range page.Found {
			all = append(all, found.Message)
		}
		if page.Next == "" || len(all) >= maxFound {
			if page.Indexing > 0 {
				a.inform("%s not indexed yet: this may not be all.", plural(page.Indexing, "message"))
			}
			return all[:min(len(all), maxFound)], nil
		}
		query.Cursor = page.Next
	}
}
