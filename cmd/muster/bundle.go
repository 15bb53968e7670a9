package main

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newBundle() *cobra.Command {
	c := a.command(manual{
		use:   "bundle COMMAND",
		short: "carry messages in files, where there is no server: export, import, list",
		about: `A bundle is a file for a stick. It holds what waits for members, sealed for them alone: your
own messages, and what others gave you to carry. Whoever of the organization imports it gets
what is theirs, and carries the rest on. Receipts come back the same way.`,
		examples: []string{"muster bundle export /media/ada/stick", "muster bundle import /media/ada/stick"},
		see:      []string{"send", "read", "status"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("bundle has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newBundleExport(), a.newBundleImport(), a.newBundleList())
	return c
}

func (a *app) newBundleList() *cobra.Command {
	return a.command(manual{
		use:    "list",
		short:  "what this device carries for others, and what of its own waits",
		about:  `What is beyond 256 MiB, 16,384 envelopes or 30 days goes, the largest and oldest first.`,
		output: "A line for each organization, and one for each member that something waits for.",
		json: `[{"org", "org_name", "envelopes", "bytes", "oldest", "receipts", "pending",
  "unsealed", "for": [{"member", "name", "messages", "carried"}]}]`,
		examples: []string{"muster bundle list"},
		see:      []string{"bundle"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.Carrying(c.Context())
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Carrying](all), func(w io.Writer) {
				if len(all) == 0 {
					a.informNone()
				}
				for _, one := range all {
					terminal.Printf(w, "%s: carries %s for others (%s), %s on the way back; %s of your own\n", terminal.Plain(one.OrgName),
						plural(one.Envelopes, "envelope"), terminal.Line(fileSize(one.Bytes)), plural(one.Receipts, "receipt"), plural(one.Pending, "envelope"))
					if one.Unsealed > 0 {
						terminal.Printf(w, "  %d of yours not sealed yet: an export does that, if keys of the receivers are here\n", one.Unsealed)
					}
					for _, member := range one.For {
						terminal.Printf(w, "  for %s: %s of yours, %s of others\n", terminal.Plain(member.Name),
							plural(member.Messages, "message"), plural(member.Carried, "envelope"))
					}
				}
			})
		})
	})
}

// sizeOf reads a size like 700M: a whole number of bytes, or of K, M or G.
func sizeOf(text string) (int64, error) {
	digits, unit := text, int64(1)
	if at := strings.IndexAny(strings.ToUpper(text), "KMG"); at >= 0 && at == len(text)-1 {
		digits, unit = text[:at], map[byte]int64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}[strings.ToUpper(text)[at]]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return 0, usage("%q is no size", text).WithHint("a whole number, like 700M or 4G")
	}
	return n * unit, nil
}
