package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newDeviceBar() *cobra.Command {
	var request api.BarRequest
	var after uint64
	var since string
	var recovery bool
	var fd int
	c := a.command(manual{
		use:   "bar DEVICE...",
		short: "end devices of yours, and what they did since they were stolen",
		about: `Bars devices of your account, for good: this one, one below it, or, with --recovery, any. It
takes effect as soon as the rendezvous node has it, and the other members' devices obey
it even before. All bars of one command are signed at once, the most senior first.

What a barred device did from a position of the roll on is void: devices that it added are
barred along with it, and its bars, unused invitations and decisions count no more. State
when it was last in good hands with --since or --after; without, it is from now on, and
all that it did before stands. --keep names devices that it added since and that are
good. A device that bars itself voids nothing.

It shows what ends and what returns, and asks.`,
		args: []string{`DEVICE   its id, the end of one, "this", or "others" for all but this`},
		output: `What ends along with it, what returns and what becomes void, before the question; then one
line that it is done.`,
		json: `{"org", "barred": [..], "after", "simple", "this", "along": [..], "returned": [..],
  "voided": [..], "done"}`,
		examples: []string{
			"muster device bar h2Kf9sQx --since 2d",
			"muster device bar others --recovery",
			"muster device bar this --yes",
		},
		see: []string{"device list", "device freeze", "device recover", "device wiper"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("DEVICE is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request.Devices = args
		if c.Flags().Changed("after") {
			request.After = &after
		}
		var err error
		if request.Since, err = parseSince(since, time.Now()); err != nil {
			return err
		}
		if given := c.Flags().Changed("words-fd"); recovery || given {
			if request.Words, err = a.recoveryWords(c.Context(), fd, given); err != nil {
				return err
			}
		}
		return a.withNode(func(client *apiclient.Client) error { return a.bar(c.Context(), client, request) })
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().Uint64Var(&after, "after", 0, "what they did at this `POSITION` of the roll and later is void")
	c.Flags().StringVar(&since, "since", "", "the same as a `TIME`: 2026-05-01T12:00:00Z, or how long ago: 36h, 2d")
	c.Flags().StringArrayVar((*[]string)(&request.Keep), "keep", nil, "a `DEVICE` that they added since and that stays")
	c.Flags().BoolVar(&request.Wipe, "wipe", false, "ask them to remove the organization's data (see device wiper)")
	c.Flags().BoolVar(&recovery, "recovery", false, "sign with the recovery words, which are asked for")
	wordsFlag(c, &fd)
	return c
}

// bar shows what bars would do, asks, and has them signed.
func (a *app) bar(ctx context.Context, client *apiclient.Client, request api.BarRequest) error {
	preview := request
	preview.Preview = true
	plan, err := client.Bar(ctx, preview)
	if err != nil {
		return err
	}
	if len(plan.Barred) > 0 {
		a.informBar(plan, request)
		if !a.confirm("Bar now?") {
			return a.refusedUnlessYes()
		}
		if plan, err = client.Bar(ctx, request); err != nil {
			return err
		}
	}
	return a.answer(plan, func(w io.Writer) {
		if len(plan.Barred) == 0 {
			terminal.Println(w, "Barred so already: nothing was changed.")
			return
		}
		terminal.Printf(w, "Barred: %s.\n", plural(len(plan.Barred)+len(plan.Along), "device"))
	})
}

// informBar says on stderr what bars would do.
func (a *app) informBar(plan api.BarResult, request api.BarRequest) {
	list := func(title string, devices []string) {
		for _, d := range devices {
			a.inform("  %-22s %s", title, shortDevice(d))
		}
	}
	a.inform("This would bar, for good:")
	list("", plan.Barred)
	list("along with it", plan.Along)
	list("comes back", plan.Returned)
	switch {
	case plan.Simple:
		a.inform("  What it did stands.")
	case request.After == nil && request.Since.IsZero():
		a.inform("  Counted from now (position %d): all that they did before stands. If they were not in good hands, use --since.", plan.After)
	default:
		a.inform("  What they did from position %d of the roll on is void.", plan.After)
	}
	for _, line := range plan.Voided {
		a.inform("  %-22s %s", "becomes void", line)
	}
	if plan.This {
		a.inform("THIS DEVICE is among them: it can do nothing here afterwards. Only the recovery words, or an admin, bring you back.")
	}
}

// parseSince reads a moment, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	ago, err := parseLife(text)
	if err != nil {
		return time.Time{}, usage("%q is neither a time nor how long ago", text).WithHint("for example 2026-05-01T12:00:00Z, 36h or 2d")
	}
	return now.Add(-ago), nil
}
