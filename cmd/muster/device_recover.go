package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// recovery is what was given to device recover.
type recovery struct {
	org       string
	order     []string
	bar       []string
	cancel    []string
	since     string
	newWords  bool
	lost      bool
	as        string
	fd        int
	wordsFrom bool // --words-fd was given
}

func (a *app) newDeviceRecover() *cobra.Command {
	var r recovery
	c := a.command(manual{
		use:   "recover [CARD]",
		short: "take your account back with the recovery words",
		about: `With a CARD, on a new computer: makes it a device of your account, with nothing but the card
and your 24 recovery words. It is the newest device; --order new-first makes it the most
senior one, and --bar ends the lost ones in the same step. Old messages and all else that was
noted come from your other devices, if you have any; without one they do not come back.

Without, on a device of the account, even one that a thief has barred: uses the words to bar
(--bar, as device bar --recovery), to give a new order of seniority (--order), to cancel
that a barred device removes its data (--cancel-wipe), or to make new words (--new-words):
the new ones are shown once, and the old ones then open nothing in this organization.

With --lost, on a new computer, if the words are lost too: prints a request that an admin who
knows you signs (muster admin readmit NAME REQUEST). Compare the code with them. After
the delay of the policy, in which your account can refuse, this device takes it by itself;
leave its node running. All older devices and words end then.

The words are asked for and not shown, and checked: a mistyped one is named.`,
		args: []string{"CARD   the line muster:card/... that was printed beside the words, or - to read it from stdin"},
		output: `What was done; with --lost the request, its code and new words; with --new-words those. A
person is asked to write words down.`,
		json: `with CARD: {"org", "org_name", "member", "name", "device", "others": [..], "barred": [..],
  "card", "already"}
with --lost: {"org", "device", "request", "code", "card", "recovery_words": [..]}
else: {"org", "order": [..], "cancelled_wipe": [..], "replaced", "card", "recovery_words": [..]}`,
		examples: []string{
			"muster device recover muster:card/... --bar all --since 3d",
			"muster device recover --order h2Kf9sQx,this",
			"muster device recover --new-words",
			"muster device recover --lost muster:card/... --as Bo",
		},
		see: []string{"device bar", "device freeze", "device list", "device card"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%q is one argument too many", args[1])
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		r.wordsFrom = c.Flags().Changed("words-fd")
		card := ""
		if len(args) == 1 {
			var err error
			if card, err = a.firstLine(args[0], "CARD"); err != nil {
				return err
			}
		}
		switch {
		case r.lost && card == "":
			return usage("CARD is missing").WithHint("any member can make one for you: muster device card")
		case r.lost:
			return a.lost(c.Context(), card, r)
		case card != "":
			return a.returnWith(c.Context(), card, r)
		default:
			return a.recover(c.Context(), r)
		}
	})
	flags := c.Flags()
	flags.StringVar(&r.org, "org", "", orgFlag)
	flags.StringSliceVar(&r.order, "order", nil, "`DEVICES`, the most senior first; with a CARD: new-first")
	flags.StringSliceVar(&r.bar, "bar", nil, "`DEVICES` to bar, or all; several with commas between")
	flags.StringVar(&r.since, "since", "", "with --bar: what they did since this `TIME` is void")
	flags.StringSliceVar(&r.cancel, "cancel-wipe", nil, "`DEVICES` that need not remove their data")
	flags.BoolVar(&r.newWords, "new-words", false, "make new recovery words for the organization")
	flags.BoolVar(&r.lost, "lost", false, "the words are lost too: make a request for an admin")
	flags.StringVar(&r.as, "as", "", "with --lost: your `NAME` in the organization")
	wordsFlag(c, &r.fd)
	return c
}

// returnWith makes this computer a device of the account.
func (a *app) returnWith(ctx context.Context, card string, r recovery) error {
	if len(r.cancel) > 0 || r.newWords || r.as != "" {
		return usage("--cancel-wipe, --new-words and --as are not for a CARD").WithHint("come back first, then use them")
	}
	request := api.ReturnRequest{Card: card, Bar: r.bar}
	switch {
	case len(r.order) == 1 && r.order[0] == "new-first":
		request.First = true
	case len(r.order) > 0:
		return usage("with a CARD --order is new-first").WithHint("come back first, then give the order")
	}
	var err error
	if request.Since, err = parseSince(r.since, time.Now()); err != nil {
		return err
	}
	if request.Words, err = a.recoveryWords(ctx, r.fd, r.wordsFrom); err != nil {
		return err
	}
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.Return(ctx, request)
		if err != nil {
			return err
		}
		return a.answer(result, func(w io.Writer) {
			terminal.Printf(w, "organization  %s  %s\nmember        %s  %s\ndevice        %s\n",
				result.Org, result.OrgName, result.Member, result.Name, result.Device)
			for _, d := range result.Barred {
				terminal.Printf(w, "barred        %s\n", d)
			}
			for _, d := range result.Others {
				terminal.Printf(w, "also active   %s\n", d)
			}
			if len(result.Others) == 0 {
				a.inform("Old messages, files, drafts, tags, settings and whom you had verified were on the lost device, and do not come back. " +
					"Your contacts have their copies, and can send you what you wrote to them: muster forward.")
			} else {
				a.inform("What your other devices have comes from them while they and this one are connected: muster device list.")
				a.inform("If a device is not in your hands: muster device bar DEVICE --recovery --since TIME")
			}
		})
	})
}

// recover uses the words on a device of the account.
func (a *app) recover(ctx context.Context, r recovery) error {
	if len(r.order)+len(r.bar)+len(r.cancel) == 0 && !r.newWords {
		return usage("there is nothing to do").
			WithHint("on a new computer give the CARD; here one of --bar, --order, --cancel-wipe and --new-words")
	}
	if r.as != "" {
		return usage("--as is for --lost")
	}
	since, err := parseSince(r.since, time.Now())
	if err != nil {
		return err
	}
	words, err := a.recoveryWords(ctx, r.fd, r.wordsFrom)
	if err != nil {
		return err
	}
	request := api.RecoverRequest{Org: r.org, Words: words, Order: r.order, CancelWipe: r.cancel}
	var fresh []string
	if r.newWords {
		if fresh, err = newWords(); err != nil {
			return err
		}
		request.NewWords = strings.Join(fresh, " ")
	}
	return a.withNode(func(client *apiclient.Client) error {
		if len(r.bar) > 0 {
			bar := api.BarRequest{Org: r.org, Devices: r.bar, Since: since, Words: words}
			if len(r.bar) == 1 && r.bar[0] == "all" {
				bar.Devices = []string{"others"}
			}
			if len(r.order)+len(r.cancel) == 0 && !r.newWords {
				return a.bar(ctx, client, bar)
			}
			if _, err := client.Bar(ctx, bar); err != nil {
				return err
			}
		}
		return a.recoverOn(ctx, client, request, fresh)
	})
}

// recoverOn has the words used. New ones are shown before they count: a program that ends in between leaves nobody with
// words that nobody has seen.
func (a *app) recoverOn(ctx context.Context, client *apiclient.Client, request api.RecoverRequest, fresh []string) error {
	if len(fresh) > 0 && !a.json {
		printWords(a.stdout, "Your new recovery words", fresh)
		if !a.confirm("They are not shown again. Have you written them down? The old ones will open nothing here.") {
			return a.refusedUnlessYes()
		}
	}
	result, err := client.Recover(ctx, request)
	if err != nil {
		if len(fresh) > 0 {
			a.inform("Keep the new words and the old ones until it is known which count: muster device recover says so when it works.")
			if a.json {
				a.inform("The new words: %s", strings.Join(fresh, " "))
			}
		}
		return err
	}
	answer := struct {
		api.RecoverResult
		RecoveryWords api.List[string] `json:"recovery_words"`
	}{result, fresh}
	return a.answer(answer, func(w io.Writer) {
		if len(result.Order) > 0 {
			terminal.Println(w, "The new order of seniority counts.")
		}
		for _, d := range result.CancelledWipe {
			terminal.Printf(w, "%s keeps its data.\n", shortDevice(d))
		}
		if result.Replaced {
			terminal.Println(w, "The new words count for this organization; the old ones open nothing here any more.")
			printCard(w, result.Card)
		}
	})
}

// lost makes the request of somebody who lost everything.
func (a *app) lost(ctx context.Context, card string, r recovery) error {
	if r.as == "" {
		return usage("--as NAME is needed: your name in the organization")
	}
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.Lost(ctx, api.LostRequest{Card: card, As: r.as})
		if err != nil {
			return err
		}
		err = a.answer(result, func(w io.Writer) {
			terminal.Printf(w, "device   %s\nrequest  %s\ncode     %s\n", result.Device, terminal.Line(result.Request), result.Code)
			printWords(w, "Your new recovery words, for when you are back", result.RecoveryWords)
			printCard(w, result.Card)
			a.inform("Give the request to an admin who knows you, and compare the code by voice. Leave this node running.")
		})
		a.untilWritten(result.RecoveryWords)
		return err
	})
}
