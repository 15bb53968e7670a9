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
the local network, or across networks; and those heard on the local network that it can call
when there is something for them. None of that needs a rendezvous node, once it stands.
Below that: whose envelopes this device carries, and which devices were handed yours.

--call tries now to reach the devices of a member directly. Across networks that needs the
rendezvous node, leave to write to each other, and a policy that lets it (admin policy direct).`,
		output: "A line each: name, member id, device, how it is reached, since when; then what waits and is carried.",
		json: `[{"org", "org_name", "connected", "devices": [{"member", "name", "device",
  "device_name", "own", "path", "since", "present", "carrying"}], "waiting",
  "carried_for_others": {"count", "bytes", "oldest",
  "from": [{"member", "name", "count", "bytes", "oldest"}]},
  "carriers": [{"member", "name", "device", "count"}]}]
with --call: {"org", "org_name", "member", "name", "devices"}`,
		examples: []string{"muster around", "muster around --call Bo"},
		see:      []string{"status", "bundle", "presence"},
	}, cobra.NoArgs, func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			if request.Member != "" {
				return a.callAround(c, client, request)
			}
			all, err := client.Around(c.Context(), api.AroundQuery{Org: request.Org})
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Around](all), func(w io.Writer) { a.printAround(w, all) })
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
		terminal.Printf(w, "calling %s of %s: `muster around` shows who is reached\n", plural(len(called.Devices), "device"), person(called.Name, called.Member))
	})
}

func (a *app) printAround(w io.Writer, all []api.Around) {
	a.table(w, "NAME\tMEMBER\tDEVICE\tREACHED\tSINCE\tORG", func(row func(cells ...any)) {
		for _, o := range all {
			for _, d := range o.Devices {
				since := ""
				if !d.Since.IsZero() {
					since = moment(d.Since)
				}
				name := d.Name
				if d.Own {
					name += " (you)"
				}
				row(name, shortID(d.Member), shortDevice(d.Device), reachText(d.Path), since, o.OrgName+" ("+shortID(o.Org)+")")
			}
		}
	})
	for _, o := range all {
		state := "not connected"
		if o.Connected {
			state = "connected"
		}
		terminal.Printf(w, "%s: rendezvous node %s; waiting here %s; carried for others %s (%s)\n", terminal.Plain(o.OrgName), terminal.Plain(state),
			plural(o.Waiting, "message"), plural(o.Carried.Count, "envelope"), terminal.Line(fileSize(o.Carried.Bytes)))
		for _, of := range o.Carried.From {
			terminal.Printf(w, "  carried for %s: %s (%s), since %s\n", person(of.Name, of.Member), plural(of.Count, "envelope"), terminal.Line(fileSize(of.Bytes)), moment(of.Oldest))
		}
		for _, by := range o.Carriers {
			terminal.Printf(w, "  handed to %s, device %s: %s of yours\n", person(by.Name, by.Member), terminal.Line(shortDevice(by.Device)), plural(by.Count, "envelope"))
		}
	}
}

// reachText says how a device around is reached.
func reachText(path api.Path) string {
	if path == "" {
		return "heard on the local network"
	}
	return pathText(path)
}
