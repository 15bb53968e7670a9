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

const archiveJSON = `{"org", "org_name", "named", "service", "key", "label", "mode", "bytes", "age", "since",
 "accounts": [{"member", "name", "since"}], "own"`

func (a *app) newAdminArchive() *cobra.Command {
	c := a.command(manual{
		use:   "archive COMMAND",
		short: "name a write-only archive, and whose messages go there",
		about: `What archived accounts send and are sent is sealed to the archive's key too, and kept by its
service, which cannot read it. Everybody who writes to such an account sees that it is archived.`,
		output: "The help of the commands.",
		json:   "as of each command",
		examples: []string{
			"muster admin archive show", "muster admin archive set --service KEY --key age1pq1…", "muster admin archive designate Bo",
		},
		see: []string{"admin archive show", "admin archive set", "admin archive designate"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("admin archive has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newAdminArchiveShow(), a.newAdminArchiveSet(), a.newAdminArchiveAccounts(true), a.newAdminArchiveAccounts(false))
	return c
}

func (a *app) newAdminArchiveShow() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "show",
		short: "show the archive, and whose messages go there",
		about: `Shows the organization's archive as the roll names it. Every member may look; an admin also
sees how far it is behind, if the rendezvous node can be asked.`,
		output: "The archive's keys, mode and bounds, a line for each archived account, and how far it is behind.",
		json: archiveJSON + `,
 "health": {"connected", "behind", "waiting", "bytes", "since", "missed"}}`,
		examples: []string{"muster admin archive show", "muster admin archive show --json"},
		see:      []string{"admin archive set", "admin archive designate", "admin rendezvous status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			archive, err := client.Archive(c.Context(), query)
			if err != nil {
				return err
			}
			answer := struct {
				api.Archive
				Health *api.ArchiveHealth `json:"health,omitempty"`
			}{Archive: archive}
			if archive.Named {
				if health, err := client.RendezvousHealth(c.Context(), query); err == nil { // who is no admin is not told
					answer.Health = health.Archive
				}
			}
			return a.answer(answer, func(w io.Writer) { printArchive(w, archive, answer.Health) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	return c
}

func printArchive(w io.Writer, archive api.Archive, health *api.ArchiveHealth) {
	if !archive.Named {
		terminal.Printf(w, "%s has no archive.\n", archive.OrgName)
		return
	}
	if archive.Label != "" {
		terminal.Printf(w, "Label:    %s\n", terminal.Plain(archive.Label))
	}
	terminal.Printf(w, "Service:  %s\nKey:      %s\n", terminal.Plain(archive.Service), terminal.Plain(archive.Key))
	mode := "open: messages go on when it is behind, without a copy if need be"
	if archive.Mode == api.ArchiveClosed {
		mode = "closed: messages wait when it is behind"
	}
	terminal.Printf(w, "Mode:     %s\nBehind:   beyond %s, or after taking nothing for %v\n", mode, fileSize(archive.Bytes), time.Duration(archive.Age)*time.Second)
	if len(archive.Accounts) == 0 {
		terminal.Printf(w, "Nobody's messages go there.\n")
	}
	for _, account := range archive.Accounts {
		terminal.Printf(w, "  %s, since %s\n", person(account.Name, account.Member), moment(account.Since))
	}
	if health == nil {
		return
	}
	state := "its service is connected"
	if !health.Connected {
		state = "its service is not connected"
	}
	terminal.Printf(w, "Now:      %s; %d envelopes wait (%s); %d went on without a copy\n", state, health.Waiting, fileSize(health.Bytes), health.Missed)
	if health.Behind {
		terminal.Printf(w, "          it is behind\n")
	}
}

func (a *app) newAdminArchiveSet() *cobra.Command {
	request := api.ArchiveRequest{Set: &api.ArchiveSetting{}}
	var open, closed bool
	var age string
	var root rootFlags
	c := a.command(manual{
		use:   "set",
		short: "name the archive, or change how it is",
		about: `Names the archive: the key of its service, which muster-rendezvous archive identity prints, and
the public key that messages are sealed to, which muster-rendezvous archive keygen makes, or
age-keygen -pq. Its private half belongs on no machine in use: who has it reads all that was ever
archived. What is not given stays; a new archive is open.

When more waits for the archive than may, --open lets messages go on, without a copy if need
be, and counts them; --closed keeps them with their senders. Another key takes another service.` + rootHelp,
		output:   "The archive as it is now.",
		json:     archiveJSON + `, "already"}`,
		examples: []string{"muster admin archive set --service 12D3Koo… --key age1pq1… --closed", "muster admin archive set --key - --service 12D3Koo… <archive.pub"},
		see:      []string{"admin archive show", "admin archive designate"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if open && closed {
			return usage("an archive is open or closed, not both")
		}
		if open {
			request.Set.Mode = api.ArchiveOpen
		} else if closed {
			request.Set.Mode = api.ArchiveClosed
		}
		if age != "" {
			life, err := parseLife(age)
			if err != nil {
				return err
			}
			request.Set.Age = int64(life / time.Second)
		}
		if strings.HasPrefix(strings.ToUpper(request.Set.Key), "AGE-SECRET-KEY-") {
			return usage("that is a private key, which nobody else may see, and it stands in this command's arguments").
				WithHint("make another pair, and give the public one")
		}
		if request.Set.Key == "-" {
			line, err := a.firstLine("-", "KEY")
			if err != nil {
				return err
			}
			request.Set.Key = line
		}
		return a.setArchive(c.Context(), request, root, "Name this archive? What archived accounts write from now on can be read by who has its private key.")
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&request.Set.Service, "service", "", "the `KEY` of the archive's service")
	c.Flags().StringVar(&request.Set.Key, "key", "", "the public `KEY` to seal to, age1pq1…; -: read it from stdin")
	c.Flags().StringVar(&request.Set.Label, "label", "", "what people call the archive: a `NAME`")
	c.Flags().BoolVar(&open, "open", false, "messages go on when it is behind")
	c.Flags().BoolVar(&closed, "closed", false, "messages wait when it is behind")
	c.Flags().Int64Var(&request.Set.Bytes, "bytes", 0, "how many `BYTES` may wait for it")
	c.Flags().StringVar(&age, "age", "", "for how `LONG` it may take nothing: 12h, 2d")
	root.add(c)
	return c
}

func (a *app) newAdminArchiveAccounts(designate bool) *cobra.Command {
	var request api.ArchiveRequest
	var root rootFlags
	page := manual{
		use:   "designate MEMBER...",
		short: "have accounts archived",
		about: `From now on what the members send and are sent goes to the archive too. They, and all who write to
them, see that. What was sent before does not go there.` + rootHelp,
		examples: []string{"muster admin archive designate Bo Cy"},
		see:      []string{"admin archive show", "admin archive release"},
	}
	question := "Have the messages of these accounts archived? They and all who write to them see it."
	if !designate {
		page.use, page.short = "release MEMBER...", "have accounts archived no more"
		page.about = `From now on nothing that the members send and are sent goes to the archive, unless another archived
account takes part. What it has stays there.` + rootHelp
		page.examples = []string{"muster admin archive release Bo"}
		page.see = []string{"admin archive show", "admin archive designate"}
		question = "Archive the messages of these accounts no more?"
	}
	page.args = []string{"MEMBER   a name, or a member id"}
	page.output, page.json = "The archive as it is now. What is so already is no error.", archiveJSON+`, "already"}`
	c := a.command(page, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("MEMBER is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if request.Designate = args; !designate {
			request.Designate, request.Release = nil, args
		}
		return a.setArchive(c.Context(), request, root, question)
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	root.add(c)
	return c
}

// setArchive asks, and changes the archive.
func (a *app) setArchive(ctx context.Context, request api.ArchiveRequest, root rootFlags, question string) error {
	if err := a.sure(question); err != nil {
		return err
	}
	var err error
	if request.RootWords, err = a.rootWords(ctx, root); err != nil {
		return err
	}
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.SetArchive(ctx, request)
		if err != nil {
			return err
		}
		return a.answer(result, func(w io.Writer) { printArchive(w, result.Archive, nil) })
	})
}

// heedArchive tells a person that what is to be sent goes to an archive, and asks before the first time in a conversation.
func (a *app) heedArchive(ctx context.Context, client *apiclient.Client, request api.SendRequest) error {
	notice, err := client.ArchiveNotice(ctx, api.SendRequest{Org: request.Org, To: request.To, Reply: request.Reply})
	if err != nil || !notice.Archived { // what is wrong with the recipients, sending says
		return nil
	}
	a.inform("What you write here is %s.", archivedBy(notice.By))
	if !notice.First {
		return nil
	}
	return a.sure("It is kept by the organization, and can be read by who has the archive's key. Send it?")
}

func archivedBy(org string) terminal.Text { return terminal.Plain("archived by " + org) }
