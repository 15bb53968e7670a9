package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newPair() *cobra.Command {
	var at string
	c := a.command(manual{
		use:   "pair CODE|LINK [--at ADDRESS]",
		short: "make this device one of yours, with what another one shows",
		about: `Makes this device one of your account, with the code or link that muster device add shows on a
device that has the account. Both then show two words: compare them, and say yes on the other
device. This one is then in every organization that you are in, with the same name; what was
written before comes to it from your other devices.

A code is enough where both are on the same local network: the other device is found there.
Elsewhere give --at ADDRESS as it shows it, or its link, which is tried on the local network
first and then at the rendezvous node.`,
		args: []string{"CODE   what was read out; in quotes if with spaces", "LINK   muster:pair/..., the QR code; or - to read one of both from stdin"},
		output: `The organizations, and this device there. One that is "waiting" was signed, and is entered
as soon as its rendezvous node answers.`,
		json: `{"org", "member", "device", "recovery_words": [..],
  "orgs": [{"org", "name", "member", "device", "state", "why"}]}
"org", "member" and "device" are those of the first organization. No words are new: those that
you have open the account on this device too.`,
		examples: []string{"muster pair muster:pair/...", "muster pair 01234-apple-river-stone", "muster pair 01234-apple-river-stone --at /ip4/192.0.2.1/tcp/4747/p2p/...", "muster pair - <link.txt"},
		see:      []string{"device add", "device list"},
	}, exactly("CODE or LINK"), func(c *cobra.Command, args []string) error {
		with, err := a.firstLine(args[0], "CODE or LINK")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			if _, err := client.Pair(c.Context(), api.PairRequest{With: with, At: at}); err != nil {
				return err
			}
			defer endPairing(client)
			done, err := a.followPairing(c.Context(), client, func(context.Context, *apiclient.Client, []string) error {
				a.inform("If they are the same, say yes on the other device.")
				return nil
			})
			if err != nil {
				return err
			}
			answer := struct {
				Org           string                  `json:"org"`
				Member        string                  `json:"member"`
				Device        string                  `json:"device"`
				RecoveryWords api.List[string]        `json:"recovery_words"`
				Orgs          api.List[api.PairedOrg] `json:"orgs"`
			}{Orgs: done.Orgs}
			for _, org := range done.Orgs {
				if org.State == "added" {
					answer.Org, answer.Member, answer.Device = org.Org, org.Member, org.Device
					break
				}
			}
			return a.answer(answer, func(w io.Writer) {
				a.printPaired(w, done)
				terminal.Println(w, "Your recovery words and card are good for this device too.")
			})
		})
	})
	c.Flags().StringVar(&at, "at", "", "where the other device's code is good, an `ADDRESS` that it shows")
	return c
}
