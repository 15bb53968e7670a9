package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newUndo() *cobra.Command {
	var request api.UndoRequest
	c := a.command(manual{
		use:   "undo ID",
		short: "take back a message or a deletion that waits",
		about: `Takes back a message that was sent with --undo, or a deletion with --undo, while it waits.
Nobody has heard of it. What the message said is saved as a draft.`,
		args:     []string{messageArgument},
		output:   "What was taken back.",
		json:     `{"draft", "message"}`,
		examples: []string{"muster send Bo -m 'At noon.' --undo 30", "muster undo k3x9ab2cd4ef"},
		see:      []string{"send", "delete"},
	}, exactly("ID"), func(c *cobra.Command, args []string) error {
		request.ID = args[0]
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Undo(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				if result.Draft != nil {
					terminal.Printf(w, "not sent; it is draft %s\n", result.Draft.ID)
				} else if result.Message != nil {
					printMessage(w, *result.Message)
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	return c
}
