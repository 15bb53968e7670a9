package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// endMeeting ends what is still under way, when the command that began it ends.
func endMeeting(client *apiclient.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client.AnswerMeeting(ctx, api.AnswerRequest{No: true}) //nolint:errcheck // the node ends it by itself in ten minutes
}

// showMeetingCode prints the code that is to be read out, or scanned.
func (a *app) showMeetingCode(made api.MeetingCode, enter string, picture bool) error {
	drawn := ""
	if picture {
		var err error
		if drawn, err = drawQR(made.Code); err != nil {
			return err
		}
	}
	answer := struct {
		api.MeetingCode
		QR string `json:"qr,omitzero"`
	}{made, drawn}
	err := a.answer(answer, func(w io.Writer) {
		terminal.Printf(w, "code  %s\n", made.Code)
		if drawn != "" {
			terminal.Println(w, terminal.Lines(drawn, ""))
		}
	})
	a.inform("On the other device, on the same Wi-Fi or cable, until %s:  %s", moment(made.Expires), enter)
	return err
}

// followMeeting waits until the meeting asks this person something, or is over.
func (a *app) followMeeting(ctx context.Context, client *apiclient.Client, from api.Meeting) (api.Meeting, error) {
	said, tries := from, from.Tries
	for first := true; ; first = false {
		if !first || !said.Over() || said.State == "" {
			next, err := client.Meeting(ctx, api.MeetingQuery{After: said.Version})
			if err != nil {
				return said, err
			}
			said = next
		}
		if tries > said.Tries {
			a.inform("Somebody tried a wrong code; tries left: %d", said.Tries)
		}
		tries = said.Tries
		switch {
		case said.State == api.MeetingFailed && said.Error != nil:
			return said, said.Error
		case said.Over(), said.State == api.MeetingAsked:
			return said, nil
		case said.State == api.MeetingWaiting, said.State == api.MeetingTalking:
		default:
			return said, api.Errorf(api.CodeFailed, "the node's answer is not understood: a meeting of state %q", said.State)
		}
	}
}

// agreeTo asks the person on a terminal. With none, only --yes says yes.
func (a *app) agreeTo(ctx context.Context, client *apiclient.Client, question string) error {
	yes, err := a.confirmUnlessEnded(ctx, question, func() { endMeeting(client) })
	if err == nil && !yes {
		err = a.refusedUnlessYes()
	}
	return err
}

// inviteNearby gives an invitation to who enters a code.
func (a *app) inviteNearby(ctx context.Context, client *apiclient.Client, request api.InviteRequest, picture bool) error {
	made, err := client.MeetToInvite(ctx, request)
	if err != nil {
		return err
	}
	defer endMeeting(client)
	if err := a.showMeetingCode(made, "muster join --nearby --as NAME", picture); err != nil {
		return err
	}
	said, err := a.followMeeting(ctx, client, api.Meeting{})
	if err != nil {
		return err
	}
	return a.answer(said, func(w io.Writer) {
		terminal.Printf(w, "The other has an invitation to %s.\n", said.OrgName)
		if said.Invitation == api.InvitationWaiting {
			terminal.Println(w, "It waits for the rendezvous node: they are in once both devices have reached it.")
		}
		if said.Unheard {
			terminal.Println(w, "Their device did not say that it has it: muster admin invitations shows it, muster admin revoke takes it back.")
		}
	})
}

// joinNearby joins by the code that somebody nearby shows.
func (a *app) joinNearby(ctx context.Context, code, as, text string) error {
	code, err := a.meetingCode(ctx, code)
	if err != nil {
		return err
	}
	return a.withNode(func(client *apiclient.Client) error {
		first, err := client.VisitMeeting(ctx, api.VisitRequest{Code: code, Kind: api.MeetInvitation})
		if err != nil {
			return err
		}
		defer endMeeting(client)
		said, err := a.followMeeting(ctx, client, first)
		if err != nil {
			return err
		}
		a.inform("%s invites you to %s (%s) as %s.", said.Who.Name, said.OrgName, shortID(said.Org), said.Role)
		if err := a.agreeTo(ctx, client, "Join?"); err != nil {
			return err
		}
		answer, err := client.AnswerMeeting(ctx, api.AnswerRequest{As: as, Text: text})
		if err != nil {
			return err
		}
		if answer.Joined == nil {
			return api.Errorf(api.CodeFailed, "the node's answer is not understood: nothing was joined")
		}
		return a.printJoined(*answer.Joined, as)
	})
}

// meetingCode returns the code that was given, read from stdin for "-", or asked for on a terminal.
func (a *app) meetingCode(ctx context.Context, code string) (string, error) {
	if code != "" {
		return a.firstLine(code, "--code")
	}
	if _, person := a.terminal(); !person {
		return "", usage("no code is given").WithHint("--code CODE, or --code - to read it from stdin")
	}
	terminal.Printf(a.stderr, "Code: ")
	line, err := bufio.NewReader(io.LimitReader(a.stdin, 256)).ReadString('\n')
	if err != nil || ctx.Err() != nil {
		return "", usage("no code is given")
	}
	return strings.TrimSpace(line), nil
}

func (a *app) newContact() *cobra.Command {
	c := a.command(manual{
		use:   "contact COMMAND",
		short: "contact cards, face to face",
		about: `Contact cards, which two members who are at one place exchange.`,
		see:   []string{"contacts"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("contact has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newContactCard())
	return c
}

func (a *app) newContactCard() *cobra.Command {
	var org string
	var nearby, picture bool
	c := a.command(manual{
		use:   "card --nearby [CODE]",
		short: "exchange contact cards with somebody nearby",
		about: `Two members of an organization who are at one place exchange cards, with no server: one gets
a code shown and reads it out, the other enters it. Each is asked whether the other is whom
they mean. Then both may write to each other, and each has the other verified, for the
devices proved to each other that they are who the roll says. A code is good for ten minutes;
three wrong tries make it void.`,
		args:   []string{"CODE   what the other reads out, in quotes if with spaces; or - to read it from stdin"},
		output: "The code, if there is none to enter; then whom you know now.",
		json: `first line, if no CODE is given: {"code", "expires"}, with --qr also "qr"
last line: {"state", "kind", "host", "org", "org_name", "who": {"member", "name"},
  "contact", "unheard"}`,
		examples: []string{"muster contact card --nearby", "muster contact card --nearby 01234-apple-river-stone"},
		see:      []string{"contacts", "verify", "introduce"},
	}, upTo("CODE"), func(c *cobra.Command, args []string) error {
		if !nearby {
			return usage("cards are exchanged with --nearby").WithHint("muster contact card --nearby, and on the other device the same with the code")
		}
		return a.exchangeCards(c.Context(), org, args, picture)
	})
	c.Flags().StringVar(&org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().BoolVar(&nearby, "nearby", false, "exchange cards with somebody on the same local network")
	c.Flags().BoolVar(&picture, "qr", false, "also show the code as a QR code")
	return c
}

// exchangeCards shows a code or enters one, and says what came of it.
func (a *app) exchangeCards(ctx context.Context, org string, args []string, picture bool) error {
	code := ""
	if len(args) > 0 {
		var err error
		if code, err = a.firstLine(args[0], "CODE"); err != nil {
			return err
		}
	}
	return a.withNode(func(client *apiclient.Client) error {
		first, err := a.beginExchange(ctx, client, org, code, picture)
		if err != nil {
			return err
		}
		defer endMeeting(client)
		said, err := a.followMeeting(ctx, client, first)
		if err != nil {
			return err
		}
		who := person(said.Who.Name, said.Who.Member)
		if err := a.agreeTo(ctx, client, who+" in "+said.OrgName+" is there. Is it whom you mean, and may they write to you?"); err != nil {
			return err
		}
		answer, err := client.AnswerMeeting(ctx, api.AnswerRequest{})
		if err != nil {
			return err
		}
		if said, err = a.followMeeting(ctx, client, answer.Meeting); err != nil {
			return err
		}
		return a.answer(said, func(w io.Writer) {
			state := "verified"
			if said.Contact != nil {
				state += ", " + string(said.Contact.State)
			}
			terminal.Printf(w, "%s in %s: %s\n", who, said.OrgName, state)
			if said.Unheard {
				terminal.Println(w, "The other device broke off at the end: the rest follows when both are online.")
			}
		})
	})
}

func (a *app) beginExchange(ctx context.Context, client *apiclient.Client, org, code string, picture bool) (api.Meeting, error) {
	if code != "" {
		return client.VisitMeeting(ctx, api.VisitRequest{Code: code, Kind: api.MeetCard})
	}
	made, err := client.MeetToExchange(ctx, api.CardRequest{Org: org})
	if err == nil {
		err = a.showMeetingCode(made, "muster contact card --nearby CODE", picture)
	}
	return api.Meeting{}, err
}
