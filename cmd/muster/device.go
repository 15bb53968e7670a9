package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newDevice() *cobra.Command {
	c := a.command(manual{
		use:   "device COMMAND",
		short: "your devices: add, confirm, list, bar, freeze, recover",
		about: `The devices of your account. A device stands above those that it introduced; the recovery
words stand above all. Whoever has a device of yours can do what you can, until a device
above it, or the recovery words, bar it.`,
		see: []string{"status"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("device has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newDeviceList(), a.newDeviceBar(), a.newDeviceFreeze(), a.newDeviceRefuse(), a.newDeviceRecover(),
		a.newDeviceWiper(), a.newDeviceCard(), a.newDeviceAdd(), a.newDeviceConfirm())
	return c
}

const orgFlag = "the `ORG`, by name or id, if you are in several"

func (a *app) newDeviceList() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "list",
		short: "list your devices, and who wants to take your account",
		about: `Lists the devices that your account has or had, in each organization: which one this is, what
introduced it and what stands above it, and whether it may act. Shows too whether the
account is frozen, and re-admissions that wait: if you did not ask for one, refuse it.`,
		output: "A table for each organization; below it what needs your attention.",
		json: `[{"device", "name", "this", "introduced_by", "last_seen", "barred", "org", "standing", "elder",
  "since", "barred_by", "barred_at", "barred_from", "wipe", "history"}]
"history" is {"equal", "calling", "missing", "taken", "given", "pieces", "per_sec", "left"}: how
the records of that device and this one came in step; it is absent if they never met.
"last_seen" is null for a device that this one never heard from. Freezes, re-admissions and
why this device may not act are in muster status --json.`,
		examples: []string{"muster device list", "muster device list --org Lighthouse --json"},
		see:      []string{"device bar", "device refuse", "status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			accounts, err := client.Devices(c.Context(), api.DevicesQuery{Org: org})
			if err != nil {
				return err
			}
			devices := api.List[api.Device]{}
			for _, account := range accounts {
				devices = append(devices, account.Devices...)
			}
			return a.answer(devices, func(w io.Writer) {
				if len(accounts) == 0 {
					a.informNone()
				}
				for i, account := range accounts {
					if i > 0 {
						terminal.Println(w)
					}
					a.printAccount(w, account)
				}
			})
		})
	})
	c.Flags().StringVar(&org, "org", "", "only in this `ORG`, by name or id")
	return c
}

func (a *app) printAccount(w io.Writer, account api.Account) {
	terminal.Printf(w, "%s (%s)  %s\n", account.OrgName, shortID(account.Org), person(account.MemberName, account.Member))
	a.table(w, "DEVICE\tSTANDING\tBELOW\tINTRODUCED BY\tLAST SEEN\t", func(row func(cells ...any)) {
		for _, d := range account.Devices {
			notes := ""
			if d.This {
				notes = "this device"
			}
			if d.BarredBy != "" {
				notes = join(notes, "barred by "+d.BarredBy+" "+moment(d.BarredAt))
			}
			if d.Wipe {
				notes = join(notes, "asked to remove its data")
			}
			if d.History != nil {
				notes = join(notes, inStep(*d.History))
			}
			if text := pathText(d.Path); text != "" {
				notes = join(notes, text)
			}
			row(shortDevice(d.Device), d.Standing, above(d.Elder), introducer(d), seen(d.LastSeen), notes)
		}
	})
	for _, d := range account.Devices {
		if d.Parked != nil {
			terminal.Printf(w, "This device was away %s.\n", parkedText(*d.Parked))
		}
	}
	printExclusion(w, "", account.Excluded)
	printFreeze(w, "", account.FrozenUntil)
	printReadmissions(w, "", account.Readmissions)
}

// inStep says how far the history of another device and this one's are in step.
func inStep(h api.DeviceHistory) string {
	switch {
	case h.Calling && h.Missing > h.Taken:
		text := fmt.Sprintf("history: %d of %d records have come", h.Taken, h.Missing)
		if h.PerSec > 0 {
			text += fmt.Sprintf(", %.0f a second, %s left", h.PerSec, time.Duration(h.Left)*time.Second)
		}
		return text
	case h.Waiting > 0:
		text := fmt.Sprintf("history: %d records that have come are being checked", h.Waiting)
		if h.InPerSec > 0 {
			text += fmt.Sprintf(", %.0f a second, %s left", h.InPerSec, time.Duration(h.InLeft)*time.Second)
		}
		return text
	case !h.Equal.IsZero():
		return "same history " + moment(h.Equal)
	}
	return "history not in step yet"
}

func join(notes, more string) string { return strings.TrimPrefix(notes+", "+more, ", ") }

func above(elder string) string {
	if elder == "" {
		return "the recovery words"
	}
	return shortDevice(elder)
}

func introducer(d api.Device) string {
	switch {
	case d.IntroducedBy != "":
		return shortDevice(d.IntroducedBy)
	default:
		return "-"
	}
}

func seen(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return moment(*at)
}

func printExclusion(w io.Writer, indent string, e *api.Exclusion) {
	if e == nil {
		return
	}
	terminal.Printf(w, "%sTHIS DEVICE MAY NOT ACT: %s", indent, e.Standing)
	if !e.Since.IsZero() {
		terminal.Printf(w, " since %s", moment(e.Since))
	}
	if e.By != "" {
		terminal.Printf(w, ", by %s", e.By)
	}
	if !e.Proved {
		terminal.Printf(w, ", as the rendezvous node says without proof")
	}
	terminal.Println(w)
	if !e.WipeAt.IsZero() {
		terminal.Printf(w, "%sIt removes this organization's data at %s, unless: muster device recover --cancel-wipe this\n", indent, moment(e.WipeAt))
	}
}

func printFreeze(w io.Writer, indent string, until time.Time) {
	if !until.IsZero() {
		terminal.Printf(w, "%sFROZEN until %s: no device is added or barred but by the recovery words or an admin\n", indent, moment(until))
	}
}

func printReadmissions(w io.Writer, indent string, all []api.Waiting) {
	for _, r := range all {
		by := r.ByName
		if by == "" {
			by = "the organization's root key"
		}
		terminal.Printf(w, "%sRE-ADMISSION by %s: device %s gets your account at %s\n", indent, by, shortDevice(r.Device), moment(r.Due))
		terminal.Printf(w, "%s  if you did not ask for it: muster device refuse %s\n", indent, shortID(r.Readmission))
	}
}

func (a *app) newDeviceFreeze() *cobra.Command {
	var request api.FreezeRequest
	var fd int
	c := a.command(manual{
		use:   "freeze [--lift]",
		short: "let no device be added or barred for a while",
		about: `Freezes your account: for as long as the policy says, at most 72 hours, no device is added to
it and none barred, except by the recovery words or an admin. A device may still bar
itself, and one above the freezer may bar that one. It gives you time to reach your
recovery words. It cannot be repeated until the account has been unfrozen as long.

--lift ends a freeze, with the recovery words.`,
		output:   "One line: until when, or that the account is not frozen.",
		json:     `{"org", "frozen", "until"}`,
		examples: []string{"muster device freeze", "muster device freeze --lift"},
		see:      []string{"device bar", "device list"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("words-fd") && !request.Lift {
			return usage("the recovery words are for --lift")
		}
		if request.Lift {
			words, err := a.recoveryWords(c.Context(), fd, c.Flags().Changed("words-fd"))
			if err != nil {
				return err
			}
			request.Words = words
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Freeze(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				if result.Frozen {
					printFreeze(w, "", result.Until)
					return
				}
				terminal.Println(w, "The account is not frozen.")
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().BoolVar(&request.Lift, "lift", false, "end a freeze, with the recovery words")
	wordsFlag(c, &fd)
	return c
}

func (a *app) newDeviceRefuse() *cobra.Command {
	var request api.RefuseRequest
	var fd int
	var recovery bool
	c := a.command(manual{
		use:   "refuse [READMISSION]",
		short: "refuse that an admin gives your account to another device",
		about: `Refuses a re-admission of your account that waits. An admin makes one for a member who lost
everything; it takes effect after the delay of the policy unless the account refuses. Any
device can that you have not barred yourself, even one that an admin has, unless the
organization's root key signed too; and the recovery words always can.`,
		args:     []string{"READMISSION   the start of its id, as device list shows it; not needed if only one waits"},
		output:   "One line: what was refused.",
		json:     `{"org", "readmission"}`,
		examples: []string{"muster device refuse", "muster device refuse --recovery"},
		see:      []string{"device list"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%q is one argument too many", args[1])
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			request.Readmission = args[0]
		}
		if given := c.Flags().Changed("words-fd"); recovery || given {
			words, err := a.recoveryWords(c.Context(), fd, given)
			if err != nil {
				return err
			}
			request.Words = words
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Refuse(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { terminal.Printf(w, "Refused: %s\n", result.Readmission) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().BoolVar(&recovery, "recovery", false, "sign with the recovery words instead of this device")
	wordsFlag(c, &fd)
	return c
}

func (a *app) newDeviceWiper() *cobra.Command {
	var request api.WiperRequest
	c := a.command(manual{
		use:   "wiper [DEVICE|recovery-only|nobody]",
		short: "choose who can have this device remove its data",
		about: `A bar can ask its device to remove the organization's data. This device obeys only a bar by
the recovery words, unless you choose otherwise here: nobody, or also one device that you
name. It waits 24 hours, in which the recovery words can cancel it, and removes only the
data of that organization. Nothing that anybody signs changes this choice.`,
		args:     []string{"DEVICE   the device whose bar it obeys too; with no argument: show the choice"},
		output:   "One line: whose bar it obeys.",
		json:     `{"org", "obey"}`,
		examples: []string{"muster device wiper", "muster device wiper nobody"},
		see:      []string{"device bar", "device recover"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%q is one argument too many", args[1])
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			request.Obey = args[0]
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Wiper(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { terminal.Println(w, result.Obey) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	return c
}

func (a *app) newDeviceCard() *cobra.Command {
	var query api.DevicesQuery
	c := a.command(manual{
		use:   "card",
		short: "print the card to keep beside the recovery words",
		about: `Prints the line that says which organization your recovery words are good for and where it is
reached. It is no secret. Print it again when the organization moves to another
rendezvous node.`,
		output:   "The card, on one line.",
		json:     `{"org", "card"}`,
		examples: []string{"muster device card", "muster device card --org Lighthouse"},
		see:      []string{"device recover"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Card(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { terminal.Println(w, terminal.Line(result.Card)) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", orgFlag)
	return c
}

// printApplications prints the re-admissions that this device waits for, and what it removed.
func printApplications(w io.Writer, status api.StatusResult) {
	for _, a := range status.Applications {
		state := map[string]string{
			"asked":   "no admin has signed it yet: give them the request, and compare the code",
			"waiting": "signed; takes effect at " + moment(a.Due) + " if the account does not refuse",
			"refused": "refused, or taken back",
		}[a.State]
		terminal.Printf(w, "\nRe-admission to %s as %s\n  %s\n  code        %s\n  request     %s\n",
			shortID(a.Org), a.Name, state, a.Code, terminal.Line(a.Request))
	}
	for _, x := range status.Wiped {
		terminal.Printf(w, "\n%s: the data of this organization was removed at %s, as a bar by %s asked\n", shortID(x.Org), moment(x.Time), x.By)
	}
}
