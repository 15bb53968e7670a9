package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newVerify() *cobra.Command {
	var org, payload string
	var confirm, picture bool
	c := a.command(manual{
		use:   "verify MEMBER",
		short: "compare safety numbers with a member",
		about: `Shows the safety number of you and a member. Both of you see the same sixty digits,
unless somebody stands between you: compare them face to face or by telephone, or let one
device read the line that the other shows. Then mark the member as verified with --confirm.

The number changes when an account comes into other hands than its devices': when the
recovery words are used to add a device or are replaced, and by a re-admission. Then the mark
falls, and you are told.`,
		args: []string{memberArgument},
		output: `The number in twelve groups of five digits, the line muster:verify/... for the other's
device, and whether the member is verified.`,
		json: `{"org", "org_name", "member": {"member", "name"}, "number", "payload", "verified", "since",
  "warning", "already"}, with --qr also "qr"`,
		examples: []string{
			"muster verify Bo", "muster verify Bo --qr", "muster verify Bo --confirm",
			"muster verify Bo --confirm --payload muster:verify/...",
		},
		see: []string{"contacts", "introduce"},
	}, exactly("MEMBER"), func(c *cobra.Command, args []string) error {
		if payload != "" && !confirm {
			return usage("--payload goes with --confirm")
		}
		line := ""
		if payload != "" {
			var err error
			if line, err = a.firstLine(payload, "--payload"); err != nil {
				return err
			}
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Verification(c.Context(), api.VerifyQuery{Org: org, Member: args[0]})
			if err == nil && confirm {
				if line == "" && !result.Verified {
					printNumber(a.stderr, result)
					if err := a.sure("Does the other see the same number?"); err != nil {
						return err
					}
				}
				result, err = client.Verify(c.Context(), api.VerifyRequest{Org: org, Member: args[0], Payload: line})
			}
			if err != nil {
				return err
			}
			code := ""
			if picture {
				if code, err = drawQR(result.Payload); err != nil {
					return err
				}
			}
			answer := struct {
				api.VerifyResult
				QR string `json:"qr,omitzero"`
			}{result, code}
			return a.answer(answer, func(w io.Writer) { printVerification(w, result, code, confirm) })
		})
	})
	c.Flags().StringVar(&org, "org", "", "look for MEMBER in this `ORG`, by name or id")
	c.Flags().BoolVar(&confirm, "confirm", false, "mark the member as verified: you have compared the numbers")
	c.Flags().StringVar(&payload, "payload", "", "with --confirm: the `LINE` of the other's device, or - for stdin")
	c.Flags().BoolVar(&picture, "qr", false, "also show the line as a QR code")
	return c
}

func printVerification(w io.Writer, result api.VerifyResult, code string, confirmed bool) {
	if !confirmed {
		printNumber(w, result)
		printLink(w, result.Payload, code)
	}
	who := person(result.Member.Name, result.Member.Member)
	switch {
	case result.Verified:
		terminal.Printf(w, "%s: verified since %s.\n", who, moment(result.Since))
	case result.Warning != "":
		terminal.Printf(w, "WARNING: %s\n", result.Warning)
	default:
		terminal.Printf(w, "%s: not verified.\n", who)
	}
}

// printNumber prints the number in three lines of four groups.
func printNumber(w io.Writer, result api.VerifyResult) {
	terminal.Printf(w, "You and %s in %s:\n", person(result.Member.Name, result.Member.Member), result.OrgName)
	groups := strings.Fields(result.Number)
	for len(groups) > 0 {
		n := min(4, len(groups))
		terminal.Printf(w, "    %s\n", strings.Join(groups[:n], " "))
		groups = groups[n:]
	}
}

// warn tells a person whose verification fell, and what is new, on stderr.
func (a *app) warn(warnings []string, notices []api.Notice) {
	for _, warning := range warnings {
		a.inform("WARNING: %s. Compare numbers again: muster verify", warning)
	}
	for _, notice := range notices {
		a.inform("NOTE: %s", notice.Text)
	}
}
