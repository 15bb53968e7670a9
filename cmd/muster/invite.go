package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newInvite() *cobra.Command {
	var request api.InviteRequest
	var expires string
	var picture, nearby bool
	c := a.command(manual{
		use:   "invite",
		short: "make an invitation",
		about: `Makes an invitation to an organization. Whoever holds the link can join with it, so
hand it over as you would a key. It ends when it is used up or has expired. The
organization's policy says who may invite; only an admin can invite an admin. With --name,
by an admin, whoever joins must take that name: so names are given where the policy asks it.

While no rendezvous node can be reached the invitation is made all the same: it is "waiting"
until this device has put it on the roll, and whoever joins by it waits until then.

With --nearby it shows a code to be read out, and waits up to ten minutes for the other: who
enters it on the same Wi-Fi or cable gets the invitation, with no server. Ctrl-C ends it.

With --open it is a link to be published, such as that of a desk for the public: as many may
use it as come, for a year, and they join as guests unless --role says otherwise. With
--apply nobody joins by it at once: people say who they are, and an admin or as many members
as the policy says vouch for them. Both together are a published way to apply.`,
		output: "The link, on one line of its own; with --qr the same as a QR code after it.",
		json: `{"invitation", "expires", "uses", "org", "org_name", "role", "name", "apply",
  "state"}, with --qr also "qr"
with --nearby, first line: {"code", "expires"}, last line:
{"state", "kind", "host", "tries", "org", "org_name", "role", "invitation", "unheard"}`,
		examples: []string{
			"muster invite",
			"muster invite --uses 20 --expires 2d --qr",
			"muster invite --org Lighthouse --role admin",
			`muster invite --name "Bo Larsen"`,
			"muster invite --nearby",
			"muster invite --open",
			"muster invite --open --apply",
		},
		see: []string{"join", "vouch", "admin invitations"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		life, err := parseLife(expires)
		if err != nil {
			return err
		}
		if request.ExpiresIn = int64(life / time.Second); request.Uses == 0 {
			return usage("--uses 0: an invitation is used at least once")
		}
		if given := c.Flags().Changed; request.Open { // what is not said is the node's to choose
			if !given("expires") {
				request.ExpiresIn = 0
			}
			if !given("uses") {
				request.Uses = 0
			}
			if !given("role") {
				request.Role = ""
			}
		}
		if nearby {
			if request.Open || request.Uses != 1 {
				return usage("--nearby gives an invitation to one person")
			}
			return a.withNode(func(client *apiclient.Client) error { return a.inviteNearby(c.Context(), client, request, picture) })
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Invite(c.Context(), request)
			if err != nil {
				return err
			}
			code := ""
			if picture {
				if code, err = drawQR(result.Invitation); err != nil {
					return err
				}
			}
			answer := struct {
				api.InviteResult
				QR string `json:"qr,omitzero"`
			}{result, code}
			return a.answer(answer, func(w io.Writer) {
				kind := "Invitation"
				if result.Apply {
					kind = "Invitation to apply"
				}
				a.inform("%s to %s (%s) as %s, %s, until %s.", kind, result.OrgName, shortID(result.Org),
					result.Role, plural(int(result.Uses), "use"), moment(result.Expires))
				printLink(w, result.Invitation, code)
				if result.State == api.InvitationWaiting {
					a.inform("WAITING: the rendezvous node cannot be reached now. Nobody can join by this before this device has reached it;" +
						" who joins meanwhile waits as well. muster admin invitations shows when it is active.")
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&request.Role, "role", "member", "the `ROLE` of who joins: admin, member, desk or guest")
	c.Flags().Uint64Var(&request.Uses, "uses", 1, "how many can join with it")
	c.Flags().StringVar(&expires, "expires", "7d", "how long it lasts, a `DURATION`: 30m, 12h, 7d, 2w")
	c.Flags().StringVar(&request.Name, "name", "", "the `NAME` that whoever joins must take")
	c.Flags().BoolVar(&request.Open, "open", false, "a link to be published, for guests or members, many uses and a year")
	c.Flags().BoolVar(&request.Apply, "apply", false, "let people apply: they join when others vouch for them")
	c.Flags().BoolVar(&picture, "qr", false, "also show it as a QR code")
	c.Flags().BoolVar(&nearby, "nearby", false, "show a code for somebody on the same local network, and wait for them")
	return c
}

// parseLife reads a duration; beside Go's units, d stands for days and w for weeks: "1w2d", "36h".
func parseLife(text string) (time.Duration, error) {
	wrong := usage("%q is not a duration above zero", text).WithHint("for example 30m, 12h, 7d or 2w")
	rest, total := text, time.Duration(0)
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || time.Duration(n) > 100*365*24*time.Hour/unit.length {
			return 0, wrong
		}
		total, rest = total+time.Duration(n)*unit.length, after
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 {
			return 0, wrong
		}
		total += more
	}
	if total < time.Second {
		return 0, wrong
	}
	return total, nil
}

// drawQR draws text as a QR code of half blocks, dark on light whatever the terminal's colors: light is drawn, with a
// margin of two, as scanners need it.
func drawQR(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("drawing the QR code: %w", err)
	}
	const margin = 2
	light := func(x, y int) bool { return !code.Black(x, y) } // outside the code all is light
	var b strings.Builder
	for y := -margin; y < code.Size+margin; y += 2 {
		for x := -margin; x < code.Size+margin; x++ {
			upper, lower := light(x, y), light(x, y+1) && y+1 < code.Size+margin
			b.WriteRune([]rune(" ▄▀█")[2*bit(upper)+bit(lower)])
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// printLink prints a line to be copied, and its code below it if there is one.
func printLink(w io.Writer, link, code string) {
	terminal.Println(w, terminal.Line(link))
	if code != "" {
		terminal.Println(w, terminal.Lines(code, ""))
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
