package main

import (
	"github.com/spf13/cobra"

	"muster.example/node/api"
)

// laterFlags are flags that belong to commands of this version and do not work in it yet. They are accepted, so that a
// script gets a clear answer instead of "unknown flag", and shown in no help. The value says whether the flag takes an
// argument.
var laterFlags = map[string]map[string]bool{
	"create": {"here": false},
	"invite": {"nearby": false},
	"join":   {"nearby": false, "sso": true},
	"send":   {"lock-pass": false, "lock-to": true},
}

// acceptLater adds the flags of a command that come in a later version.
func acceptLater(c *cobra.Command) *cobra.Command {
	for name, takesArgument := range laterFlags[c.Name()] {
		if takesArgument {
			c.Flags().String(name, "", "")
		} else {
			c.Flags().Bool(name, false, "")
		}
		c.Flags().Lookup(name).Hidden = true
	}
	return c
}

// refuseLater returns an error if one of them was given.
func refuseLater(c *cobra.Command) error {
	for name := range laterFlags[c.Name()] {
		if flag := c.Flags().Lookup(name); flag != nil && flag.Changed {
			return api.Errorf(api.CodeFailed, "--%s does not work in this version", name).
				WithHint("it comes in a later version")
		}
	}
	return nil
}
