package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdmin() *cobra.Command {
	c := a.command(manual{
		use:   "admin COMMAND",
		short: "run an organization: members, policy, the roll, the rendezvous node",
		about: `What the admins of an organization do, and what every member may look at. What an admin
decides is an event on the roll, which every device checks for itself: the rendezvous node
can do none of it.

The organization's root words can do the same without any admin: with --root the event is
signed by the root key, which is made from the words and kept nowhere.`,
		see: []string{"invite", "status", "device"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("admin has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newAdminMembers(), a.newAdminRole(), a.newAdminSuspend(), a.newAdminReinstate(), a.newAdminRemove(),
		a.newAdminRename(), a.newAdminBar(), a.newAdminReadmit(), a.newAdminInvitations(), a.newAdminRevoke(), a.newAdminPolicy(),
		a.newAdminApplications(), a.newAdminDismiss(), a.newAdminSkin(), a.newAdminArchive(), a.newAdminSSO(),
		a.newAdminRoll(), a.newAdminRendezvous())
	return c
}

// sure asks a person at a terminal whether to go on; without one nobody is asked, and it goes on.
func (a *app) sure(question string) error {
	if _, person := a.terminal(); person && !a.confirm(question) {
		return api.Errorf(api.CodeFailed, "nothing was done")
	}
	return nil
}

func (a *app) newAdminMembers() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "members",
		short: "list every member with role, standing and devices",
		about: `Lists the members of an organization as the roll has them. Every member may look.`,
		output: `For each member a line with name, id, role and standing, when they joined and by whose
invitation; then a line for each device with its standing.`,
		json: `[{"member", "name", "formerly": [..], "role", "joined", "invited_by": {"member", "name"},
  "suspended", "removed", "frozen_until",
  "devices": [{"device", "standing", "added", "introduced_by", "barred", "barred_by"}],
  "readmissions": [{"id", "device", "by", "due", "rooted"}]}]`,
		examples: []string{"muster admin members", "muster admin members --all --json"},
		see:      []string{"admin role", "admin suspend", "contacts"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			members, err := client.AdminMembers(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.AdminMember](members), func(w io.Writer) {
				for i, m := range members {
					if i > 0 {
						terminal.Println(w)
					}
					printMember(w, m)
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().BoolVar(&query.All, "all", false, "removed members too")
	return c
}

func printMember(w io.Writer, m api.AdminMember) {
	line := person(m.Name, m.Member) + "  " + m.Role
	if m.Suspended {
		line += "  SUSPENDED"
	}
	if m.Removed {
		line += "  REMOVED"
	}
	if !m.FrozenUntil.IsZero() {
		line += "  frozen until " + moment(m.FrozenUntil)
	}
	terminal.Println(w, line)
	joined := "  founded " + moment(m.Joined)
	if m.InvitedBy.Member != "" {
		joined = "  joined " + moment(m.Joined) + ", invited by " + person(m.InvitedBy.Name, m.InvitedBy.Member)
	}
	if len(m.Formerly) > 0 {
		joined += ", formerly " + strings.Join(m.Formerly, ", ")
	}
	terminal.Println(w, joined)
	for _, d := range m.Devices {
		terminal.Printf(w, "  device %s  %s  since %s\n", d.Device, d.Standing, moment(d.Added))
	}
	for _, r := range m.Readmissions {
		terminal.Printf(w, "  re-admission waits until %s, for device %s\n", moment(r.Due), r.Device)
	}
}

func (a *app) newAdminInvitations() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "invitations",
		short: "list invitations",
		about: `Lists the invitations by which somebody may still join, and those of this device that wait
for the rendezvous node or were refused there; with --all every one that there was.`,
		output: "One line each: the end of its key, role, uses, expiry, maker, and whether it is open.",
		json: `[{"key", "role", "name", "uses", "used", "made", "expires", "by": {"member", "name"}, "apply",
  "open", "why", "state"}]`,
		examples: []string{"muster admin invitations", "muster admin invitations --all --json"},
		see:      []string{"invite", "admin revoke"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			all, err := client.AdminInvitations(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.AdminInvitation](all), func(w io.Writer) {
				if len(all) == 0 {
					a.inform("There is none.")
				}
				a.table(w, "KEY\tROLE\tUSED\tUNTIL\tBY\tNAME\tSTANDING", func(row func(cells ...any)) {
					for _, i := range all {
						standing := "open"
						switch {
						case i.State == api.InvitationWaiting:
							standing = "waits for the rendezvous node"
						case i.State == api.InvitationRefused:
							standing = "refused: " + i.Why
						case !i.Open:
							standing = i.Why
						case i.Apply:
							standing = "open, to apply"
						}
						row(shortDevice(i.Key), i.Role, fmt.Sprintf("%d of %d", i.Used, i.Uses), moment(i.Expires),
							person(i.By.Name, i.By.Member), i.Name, standing)
					}
				})
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().BoolVar(&query.All, "all", false, "used up, expired and revoked ones too")
	return c
}

// deciding is a command that puts one decision on the roll.
type deciding struct {
	page manual
	args []string
	// request fills in the request from the arguments.
	request func(r *api.DecideRequest, args []string)
	// question is asked at a terminal; "" for none. It names the arguments.
	question string
	// done says what is so now.
	done func(r api.DecideResult) string
}

// rootHelp explains --root in each page that has it.
const rootHelp = `

With --root it is signed by the organization's root key. The 24 words are asked for without
showing them, or read from a descriptor.`

func (a *app) newDeciding(d deciding) *cobra.Command {
	var request api.DecideRequest
	var root rootFlags
	d.page.about += rootHelp
	if d.page.json == "" {
		d.page.json = `{"org", "org_name", "do", "member": {"member", "name"}, "role", "device", "due", "already"}`
	}
	d.page.output = "One line saying what is so now. What is so already is no error."
	c := a.command(d.page, exactly(d.args...), func(c *cobra.Command, args []string) error {
		d.request(&request, args)
		if request.Request == "-" {
			line, err := a.firstLine("-", "REQUEST")
			if err != nil {
				return err
			}
			request.Request = line
		}
		if d.question != "" {
			if err := a.sure(fmt.Sprintf(d.question, quoted(args)...)); err != nil {
				return err
			}
		}
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.RootWords = words
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Decide(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				already := ""
				if result.Already {
					already = " It was so before."
				}
				terminal.Println(w, d.done(result)+already)
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if it is in doubt")
	root.add(c)
	return c
}

// quoted returns the arguments as one may print them.
func quoted(args []string) (list []any) {
	for _, arg := range args {
		list = append(list, quote(arg, ""))
	}
	return list
}

func about(r api.DecideResult) string {
	return person(r.Member.Name, r.Member.Member) + " in " + r.OrgName
}

func (a *app) newAdminRole() *cobra.Command {
	return a.newDeciding(deciding{
		page: manual{
			use:   "role MEMBER ROLE",
			short: "make a member admin, member or desk",
			about: `Gives a member another role: admin, member or desk. So admins are made and unmade. A
guest stays a guest. The last admin cannot step down; the root words always can act.`,
			args:     []string{memberArgument, "ROLE     admin, member or desk"},
			examples: []string{"muster admin role Bo admin", "muster admin role Bo admin --root"},
			see:      []string{"admin members", "admin policy"},
		},
		args: []string{"MEMBER", "ROLE"},
		request: func(r *api.DecideRequest, args []string) {
			r.Do, r.Member, r.Role = api.DecideRole, args[0], args[1]
		},
		question: "Make %s %s?",
		done:     func(r api.DecideResult) string { return fmt.Sprintf("%s: %s.", about(r), r.Role) },
	})
}

// newSimple makes a command that decides about one member and needs nothing else.
func (a *app) newSimple(do api.Decision, page manual, question, done string) *cobra.Command {
	page.use, page.args = string(do)+" MEMBER", []string{memberArgument}
	return a.newDeciding(deciding{
		page: page, args: []string{"MEMBER"}, question: question,
		request: func(r *api.DecideRequest, args []string) { r.Do, r.Member = do, args[0] },
		done:    func(r api.DecideResult) string { return about(r) + ": " + done },
	})
}

func (a *app) newAdminSuspend() *cobra.Command {
	return a.newSimple(api.DecideSuspend, manual{
		short: "shut a member out until further notice",
		about: `Shuts a member out: nobody sends to them and nothing of theirs is taken, until they are
reinstated. What they have on their devices stays there.`,
		examples: []string{"muster admin suspend Bo"},
		see:      []string{"admin reinstate", "admin remove"},
	}, "Suspend %s?", "suspended.")
}

func (a *app) newAdminReinstate() *cobra.Command {
	return a.newSimple(api.DecideReinstate, manual{
		short:    "end a suspension",
		about:    `Lets a suspended member in again, with the devices that they had.`,
		examples: []string{"muster admin reinstate Bo"},
		see:      []string{"admin suspend"},
	}, "", "a member in good standing.")
}

func (a *app) newAdminRemove() *cobra.Command {
	return a.newSimple(api.DecideRemove, manual{
		short: "end a membership for good",
		about: `Ends a membership for good. The name stays theirs, so that nobody is taken for them; to
come back they join anew under another.`,
		examples: []string{"muster admin remove Bo"},
		see:      []string{"admin suspend"},
	}, "Remove %s for good?", "removed.")
}

func (a *app) newAdminRename() *cobra.Command {
	return a.newDeciding(deciding{
		page: manual{
			use:   "rename MEMBER NAME",
			short: "give a member another name",
			about: `Gives a member a name. Where the policy says that admins approve names, this is how. A
name that looks like another member's is refused; one that was given up lately stays its
former owner's for a while.`,
			args:     []string{memberArgument, "NAME     the new name"},
			examples: []string{`muster admin rename Bo "Bo Larsen"`},
			see:      []string{"name", "admin policy"},
		},
		args: []string{"MEMBER", "NAME"},
		request: func(r *api.DecideRequest, args []string) {
			r.Do, r.Member, r.Name = api.DecideRename, args[0], args[1]
		},
		done: func(r api.DecideResult) string { return fmt.Sprintf("%s: that is the name now.", about(r)) },
	})
}

func (a *app) newAdminBar() *cobra.Command {
	return a.newDeciding(deciding{
		page: manual{
			use:   "bar DEVICE",
			short: "bar one device of a member",
			about: `Bars one device, at once and everywhere. It ends nothing else: what the device did stands,
and devices that it added stay. The member can do more, with muster device bar.`,
			args:     []string{"DEVICE   its id, or the last eight characters of it, as muster admin members shows it"},
			examples: []string{"muster admin bar …xVCFz83m"},
			see:      []string{"admin members", "device"},
		},
		args:     []string{"DEVICE"},
		request:  func(r *api.DecideRequest, args []string) { r.Do, r.Device = api.DecideBar, args[0] },
		question: "Bar device %s?",
		done: func(r api.DecideResult) string {
			return fmt.Sprintf("Device %s of %s: barred.", shortDevice(r.Device), about(r))
		},
	})
}

func (a *app) newAdminRevoke() *cobra.Command {
	return a.newDeciding(deciding{
		page: manual{
			use:      "revoke KEY",
			short:    "take an invitation back",
			about:    `Takes an invitation back: nobody joins by it any more. Who joined stays.`,
			args:     []string{"KEY   the last eight characters of its key, as muster admin invitations shows it, or its link"},
			examples: []string{"muster admin revoke …xVCFz83m"},
			see:      []string{"admin invitations", "invite"},
		},
		args:    []string{"KEY"},
		request: func(r *api.DecideRequest, args []string) { r.Do, r.Key = api.DecideRevoke, args[0] },
		done:    func(api.DecideResult) string { return "The invitation is taken back." },
	})
}

func (a *app) newAdminReadmit() *cobra.Command {
	return a.newDeciding(deciding{
		page: manual{
			use:   "readmit MEMBER REQUEST",
			short: "give a member who lost everything their account again",
			about: `Gives the account of a member who lost all devices and the recovery words to a new
device. Make sure first, face to face or by telephone, that the line is from the member: the
device answers for them from then on. It takes effect after a delay that the policy sets, in
which the account can refuse. Old messages do not come back.

If a thief has devices of the account, suspend the member, bar each device, and use --root:
then those cannot refuse.`,
			args:     []string{memberArgument, "REQUEST  the line muster:again/... from the member's new device, or - for stdin"},
			examples: []string{"muster admin readmit Bo muster:again/...", "muster admin readmit Bo muster:again/... --root"},
			see:      []string{"admin suspend", "admin bar"},
		},
		args: []string{"MEMBER", "REQUEST"},
		request: func(r *api.DecideRequest, args []string) {
			r.Do, r.Member, r.Request = api.DecideReadmit, args[0], args[1]
		},
		question: "Are you sure that this request is from %s? %.0s",
		done: func(r api.DecideResult) string {
			return fmt.Sprintf("%s: re-admitted with device %s, from %s on unless it is refused.", about(r), shortDevice(r.Device), moment(r.Due))
		},
	})
}
