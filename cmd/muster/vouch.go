package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// applicantArgument explains APPLICANT in every page that has it.
const applicantArgument = "APPLICANT  the name that they apply with, or at least eight characters of the id"

const vouchJSON = `{"org", "org_name", "applicant": {"id", "name", "text", "vouchers": [..], ..}, "admitted",
  "member": {"member", "name"}, "already"}`

// newVouch is the command of every member.
func (a *app) newVouch() *cobra.Command {
	return a.newVouching(manual{
		use:   "vouch APPLICANT",
		short: "speak for somebody who applies to join",
		about: `Says on the roll, for all members to see, that you vouch for somebody who applies. They
are in when as many members have vouched as the policy says, or an admin has. Vouch only
for whom you know: what they wrote about themselves is verified by nobody.`,
	})
}

func (a *app) newApprove() *cobra.Command {
	return a.newVouching(manual{
		use:   "approve APPLICANT",
		short: "admit somebody who applies to join",
		about: `Admits somebody who applies, by an event on the roll that holds what they signed. The
name is the one that they chose; look at it as others will.`,
	})
}

func (a *app) newVouching(page manual) *cobra.Command {
	var request api.VouchRequest
	var root rootFlags
	word, _, _ := strings.Cut(page.use, " ")
	command := "vouch"
	if word == "approve" {
		command = "admin applications approve"
	}
	page.about += rootHelp
	page.args = []string{applicantArgument}
	page.output = "One line saying what is so now. To vouch twice is no error."
	page.json = vouchJSON
	page.examples = []string{"muster " + command + " Zoe", "muster " + command + " kcswlwuo"}
	page.see = []string{"admin applications", "invite", "join"}
	c := a.command(page, exactly("APPLICANT"), func(c *cobra.Command, args []string) error {
		request.Applicant = args[0]
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.RootWords = words
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Vouch(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { printVouch(w, result) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	root.add(c)
	return c
}

func printVouch(w io.Writer, result api.VouchResult) {
	already := ""
	if result.Already {
		already = " It was so before."
	}
	if result.Admitted {
		terminal.Printf(w, "%s is in %s now.%s\n", person(result.Member.Name, result.Member.Member), result.OrgName, already)
		return
	}
	terminal.Printf(w, "%s: %d of %d vouches.%s\n", quote(result.Applicant.Name, ""), len(result.Applicant.Vouchers), result.Applicant.Needed, already)
}

// newAdminApplications lists who applies, for admins and for members who may vouch.
func (a *app) newAdminApplications() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "applications [approve|decline APPLICANT]",
		short: "list who applies to join, admit or decline them",
		about: `Lists who applies to join by an invitation that lets people apply. Admins see them, and
every member does if the policy lets members' vouches admit. Names are checked against the
roll; what people write about themselves is verified by nobody.`,
		output: `For each application a line with name, id, role and invitation, one with what they wrote,
and one with who has vouched.`,
		json: `[{"id", "name", "text", "device", "role", "invitation", "invited_by": {"member", "name"},
  "since", "vouchers": [{"member", "name"}], "needed", "why"}]`,
		examples: []string{"muster admin applications", "muster admin applications approve Zoe"},
		see:      []string{"vouch", "invite", "admin policy"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.Applications(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Applicant](all), func(w io.Writer) {
				if len(all) == 0 {
					a.inform("Nobody applies.")
				}
				for i, applicant := range all {
					if i > 0 {
						terminal.Println(w)
					}
					printApplicant(w, applicant)
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.AddCommand(a.newApprove(), a.newDeclineApplicant())
	return c
}

func printApplicant(w io.Writer, applicant api.Applicant) {
	terminal.Printf(w, "%s (%s)  %s, by invitation %s of %s  since %s\n", quote(applicant.Name, ""), shortID(applicant.ID), applicant.Role,
		shortDevice(applicant.Invitation), person(applicant.InvitedBy.Name, applicant.InvitedBy.Member), moment(applicant.Since))
	terminal.Printf(w, "  writes: %s\n", applicant.Text)
	var vouchers []string
	for _, voucher := range applicant.Vouchers {
		vouchers = append(vouchers, person(voucher.Name, voucher.Member))
	}
	switch {
	case len(vouchers) > 0:
		terminal.Printf(w, "  %d of %d vouches: %s\n", len(vouchers), applicant.Needed, strings.Join(vouchers, ", "))
	case applicant.Needed > 0:
		terminal.Printf(w, "  0 of %d vouches\n", applicant.Needed)
	}
	if applicant.Why != "" {
		terminal.Printf(w, "  cannot be admitted: %s\n", applicant.Why)
	}
}

func (a *app) newDeclineApplicant() *cobra.Command {
	var request api.VouchRequest
	c := a.command(manual{
		use:   "decline APPLICANT",
		short: "decline an application",
		about: `Ends an application at the rendezvous node. The applicant is told that it was declined, and
not by whom.`,
		args:     []string{applicantArgument},
		output:   "One line saying what is so now.",
		json:     vouchJSON,
		examples: []string{"muster admin applications decline Zoe"},
		see:      []string{"admin applications", "admin revoke"},
	}, exactly("APPLICANT"), func(c *cobra.Command, args []string) error {
		request.Applicant = args[0]
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.DeclineApplicant(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { terminal.Printf(w, "%s: declined.\n", quote(result.Applicant.Name, "")) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	return c
}
