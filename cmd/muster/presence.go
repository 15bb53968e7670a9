package main

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newPresence() *cobra.Command {
	var query api.PresenceQuery
	c := a.command(manual{
		use:   "presence [MEMBER]...",
		short: "see who is there, and say who may see you",
		about: `Shows who of your contacts, or of the members named, is there: online, away, or
offline and when they were last seen, as coarsely as they chose. Whoever does not let you
see them looks offline. "unknown" means that the rendezvous node is not reached now.

Nobody sees you until you say who may: muster presence share.`,
		args:   []string{memberArgument},
		output: "What you show, one line an organization; then one line each: name, member id, state.",
		json: `{"own": [{"org", "org_name", "state", "share", "members", "last_seen", "typing", "allowed"}],
"members": [{"org", "org_name", "member", "name", "state", "last_seen"}]}`,
		examples: []string{"muster presence", "muster presence Bo", "muster presence share contacts --last-seen day", "muster presence set away"},
		see:      []string{"contacts", "watch", "typing"},
	}, anyNumber, func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			query.Members = args
			result, err := client.Presence(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				for _, own := range result.Own {
					printOwnPresence(w, own)
				}
				a.table(w, "NAME\tMEMBER\tSTATE\tLAST SEEN\tORG", func(row func(cells ...any)) {
					for _, p := range result.Members {
						row(p.Name, shortID(p.Member), string(p.State), seenText(p.LastSeen), p.OrgName+" ("+shortID(p.Org)+")")
					}
				})
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	c.AddCommand(a.newPresenceSet(), a.newPresenceShare())
	return c
}

func (a *app) newPresenceSet() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "set online|away|invisible",
		short: "say whether you are there",
		about: `online     you are there for as long as this device is used; away after ten minutes without
away       you are away, on this device, until you say otherwise or the node starts anew
invisible  you look offline to everybody, on all your devices, until you say otherwise`,
		output:   "What you show, one line an organization.",
		json:     `as of muster presence`,
		examples: []string{"muster presence set away", "muster presence set invisible --org Lighthouse"},
		see:      []string{"presence"},
	}, exactly("online|away|invisible"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.SetPresence(c.Context(), api.SetPresenceRequest{Org: org, State: api.PresenceState(args[0])})
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				for _, own := range result.Own {
					printOwnPresence(w, own)
				}
			})
		})
	})
	c.Flags().StringVar(&org, "org", "", "only in this `ORG`, by name or id")
	return c
}

func (a *app) newPresenceShare() *cobra.Command {
	var request api.SharePresenceRequest
	var typing string
	c := a.command(manual{
		use:   "share [nobody|contacts|everybody|MEMBER...]",
		short: "say who may see whether you are there",
		about: `nobody     nobody, as at first
contacts   those whom you let write to you
everybody  every member of the organization
MEMBER...  those named, and nobody else

Guests, and those whom you block, never do. The rendezvous node keeps to it, and has to know it.`,
		args:     []string{memberArgument},
		output:   "What you show.",
		json:     `{"org", "org_name", "state", "share", "members", "last_seen", "typing", "allowed"}`,
		examples: []string{"muster presence share contacts --last-seen hour", "muster presence share Bo Cy", "muster presence share --typing on"},
		see:      []string{"presence"},
	}, anyNumber, func(c *cobra.Command, args []string) error {
		switch typing {
		case "on", "off":
			on := typing == "on"
			request.Typing = &on
		case "":
		default:
			return usage("--typing is on or off")
		}
		if len(args) == 1 && (args[0] == api.ShareNobody || args[0] == api.ShareContacts || args[0] == api.ShareEverybody) {
			request.Share = args[0]
		} else if len(args) > 0 {
			request.Share, request.Members = api.ShareMembers, args
		} else if typing == "" && request.LastSeen == "" {
			return usage("nobody, contacts, everybody or MEMBER is missing")
		}
		return a.withNode(func(client *apiclient.Client) error {
			own, err := client.SharePresence(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(own, func(w io.Writer) { printOwnPresence(w, own) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "in this `ORG`, by name or id")
	c.Flags().StringVar(&request.LastSeen, "last-seen", "", "tell when you were last seen: `none`, day, hour or exact")
	c.Flags().StringVar(&typing, "typing", "", "`on` or off: notices of typing, with those who see you and whom you see")
	return c
}

func (a *app) newTyping() *cobra.Command {
	var request api.TypingRequest
	c := a.command(manual{
		use:   "typing TO...",
		short: "tell members that you are typing to them",
		about: `For programs that show a text field: tells those of TO who are online, if they and you
let each other see that (muster presence share --typing on). Else nothing leaves this device.
Nothing of it is stored. Worth repeating every few seconds.`,
		args:     []string{"TO   " + strings.TrimSpace(strings.TrimPrefix(memberArgument, "MEMBER"))},
		output:   "Nothing.",
		json:     `{"members": [..]}`,
		examples: []string{"muster typing Bo"},
		see:      []string{"presence", "watch"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("TO is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			request.To = args
			result, err := client.Typing(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(io.Writer) {})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for TO in this `ORG`, by name or id")
	return c
}

// anyNumber takes any arguments.
func anyNumber(*cobra.Command, []string) error { return nil }

// printOwnPresence says in a sentence what the own account shows.
func printOwnPresence(w io.Writer, own api.OwnPresence) {
	org := own.OrgName + " (" + shortID(own.Org) + ")"
	if !own.Allowed {
		terminal.Printf(w, "%s: there is no presence here, by the policy or for guests.\n", org)
		return
	}
	with := own.Share
	if with == api.ShareMembers {
		var names []string
		for _, name := range own.Members {
			names = append(names, name)
		}
		with = strings.Join(names, ", ")
	}
	typing := "off"
	if own.Typing {
		typing = "on"
	}
	terminal.Printf(w, "%s: you are %s, seen by %s; last seen: %s, typing: %s.\n", org, own.State, with, own.LastSeen, typing)
}

// printPresence prints an event of presence.
func printPresence(w io.Writer, event api.Event) {
	p := event.Presence
	if p == nil {
		return
	}
	who := person(p.Name, p.Member)
	if event.Kind == api.EventTyping {
		terminal.Printf(w, "* %s is typing\n", who)
		return
	}
	seen := ""
	if !p.LastSeen.IsZero() {
		seen = ", last seen " + seenText(p.LastSeen)
	}
	terminal.Printf(w, "* %s is %s%s\n", who, p.State, seen)
}

// seenText prints a time as finely as it was told: whole days as days.
func seenText(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.UTC().Truncate(24 * time.Hour).Equal(t):
		return t.UTC().Format(time.DateOnly)
	}
	return t.Local().Format("2006-01-02 15:04")
}
