package main

import (
	"errors"
	"io"

	"muster.example/internal/terminal"
	"muster.example/membership"
	"muster.example/node"
	"muster.example/node/api"
)

// checkRoll folds an exported roll.
func (a *app) checkRoll(path string) error {
	result, err := node.CheckRoll(path)
	switch {
	case errors.Is(err, membership.ErrRollFile):
		return usage("%v", err).WithHint("name a file that muster admin roll --export wrote")
	case err != nil && result.Org == "":
		return usage("%v", err)
	case err != nil:
		return api.Errorf(api.CodeFailed, "the roll does not hold: %v", err).WithHint("it was changed, or its rendezvous node broke the rules")
	}
	return a.answer(result, func(w io.Writer) {
		terminal.Printf(w, "The roll holds: every entry was allowed, and the checkpoint covers all of them.\n")
		terminal.Printf(w, "  organization  %s (%s)\n", result.OrgName, result.Org)
		terminal.Printf(w, "  entries       %d", result.Entries)
		if result.Hidden > 0 {
			terminal.Printf(w, ", %d of them for others", result.Hidden)
		}
		terminal.Printf(w, "\n  members       %d\n  checkpoint    %s, signed by node %s in term %d\n",
			result.Members, moment(result.Checkpoint), result.Node, result.Term)
	})
}
