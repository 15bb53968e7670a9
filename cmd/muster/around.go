package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAround() *cobra.Command {
	var request api.AroundCall
	c := a.command(manual{
		use:   "around [--call MEMBER]",
		short: "who is around: devices in direct reach, and what waits here",
		about: `Shows the devices of members, and your own, that this one has a direct connection with: on
the local network, or across networks; and those that were heard on the local network within
3 hours, which it calls when there is something for them. None of that needs a rendezvous node,
once it stands.
Below that: whose envelopes this device carries, and which devices were handed yours.

--call tries now to reach the devices of a member directly. Across networks that needs the
rendezvous node, leave to write to each other, and a policy that lets it (admin policy direct).`,
		output: `A line each: name, member id, device, how it is reached, since when, or when it was last heard,
and how many envelopes of yours it carries; then what waits here, and what is carried for others.`,
		json: `[{"org", "org_name", "connected", "devices": [{"member", "name", "device",
  "device_name", "own", "path", "since", "heard", "present", "carrying"}], "waiting",
  "carried_for_others": {"count", "bytes", "oldest",
  "from": [{"member", "name", "count", "bytes", "oldest"}]},
  "carriers": [{"member", "name", "device", "count"}]}]
with --call: {"org", "org_name", "member", "name", "devices", "connected"}; "devices" are
being called`,
		examples: []string{"muster around", "muster around --call Bo"},
		see:      []string{"status", "bundle", "presence"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			if request.Member != "" {
				return a.callAround(c, client, request)
			}
			all, err := client.Around(c.Context(), api.AroundQuery{Org: request.Org})
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Around](all), func(w io.Writer) {
				if len(all) == 0 {
					a.informNone()
				}
				a.printAround(w, all)
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().StringVar(&request.Member, "call", "", "try now to reach the devices of this `MEMBER`")
	return c
}

func (a *app) callAround(c *cobra.Command, client *apiclient.Client, request api.AroundCall) error {
	called, err := client.CallAround(c.Context(), request)
	if err != nil {
		return err
	}
	return a.answer(called, func(w io.Writer) {
		who := person(called.Name, called.Member)
		if len(called.Connected) > 0 {
			terminal.Printf(w, "%s of %s: connected directly already\n", plural(len(called.Connected), "device"), who)
		}
		if len(called.Devices) > 0 {
			terminal.Printf(w, "%s of %s: being called; `muster around` shows whether it is reached\n", plural(len(called.Devices), "device"), who)
		}
	})
}

func (a *app) printAround(w io.Writer, all []api.Around) {
	a.table(w, "NAME\tMEMBER\tDEVICE\tREACHED\tSINCE\tCARRIES\tORG", func(row func(cells ...any)) {
		for _, o := range all {
			for _, d := range o.Devices {
				since := d.Since
				if since.IsZero() {
					since = d.Heard
				}
				name := d.Name
				if d.Own {
					name += " (you)"
				}
				row(name, shortID(d.Member), shortDevice(d.Device), reachText(d.Path), moment(since), carryingText(d.Carrying), o.OrgName+" ("+shortID(o.Org)+")")
			}
		}
	})
	for _, o := range all {
		state, near, verb := "not connected", "", "wait"
		if o.Connected {
			state = "connected"
		}
		if len(o.Devices) == 0 {
			near = "nobody is around; "
		}
		if o.Waiting == 1 {
			verb = "waits"
		}
		terminal.Printf(w, "%s (%s): %srendezvous node %s; %s of yours %s here; %s carried for others (%s)\n", o.OrgName, shortID(o.Org), near, state,
			plural(o.Waiting, "message"), verb, plural(o.Carried.Count, "envelope"), fileSize(o.Carried.Bytes))
		for _, of := range o.Carried.From {
			terminal.Printf(w, "  carried for %s: %s (%s), since %s\n", person(of.Name, of.Member), plural(of.Count, "envelope"), terminal.Line(fileSize(of.Bytes)), moment(of.Oldest))
		}
		for _, by := range o.Carriers {
			terminal.Printf(w, "  handed to %s, device %s: %s of yours\n", person(by.Name, by.Member), terminal.Line(shortDevice(by.Device)), plural(by.Count, "envelope"))
		}
	}
}

// carryingText says how many of the own envelopes a device carries.
func carryingText(count int) string {
	if count == 0 {
		return "-"
	}
	return plural(count, "envelope")
}

// reachText says how a device around is reached.
func reachText(path api.Path) string {
	if path == "" {
		return "heard on the local network"
	}
	return pathText(path)
}
