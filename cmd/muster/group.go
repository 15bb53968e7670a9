package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// groupArgument says what a group is called on the command line.
const groupArgument = "GROUP   a group's name, name@org where it is in doubt, or a group id"

const groupOutput = "The group as it is now: its name, how one enters, who writes, and who is in it."

const groupJSON = `{"group": {"org", "org_name", "group", "name", "conversation", "admission",
  "writers", "listed", "closed", "standing", "may_write", "invited", "applied",
  "members": [{"member", "name", "moderator"}]}, "already"}`

func (a *app) newGroup() *cobra.Command {
	c := a.command(manual{
		use:   "group COMMAND",
		short: "groups: create, join, leave, invite, moderate",
		about: `A group has its own members and moderators. What you send to a group goes to every device of
every member, once; who comes later reads nothing of before, who leaves nothing of after. To
be in a group with somebody lets them write to you there, and nowhere else. You are in a
group only by an act of your own, or an admin's.`,
		see: []string{"send", "conversation"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("group has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newGroupCreate(), a.newGroupList(), a.newGroupShow(), a.newGroupEdit())
	for _, page := range groupPages {
		c.AddCommand(a.groupCommand(page))
	}
	return c
}

// groupPage is a command that does one thing about a group, and perhaps about members.
type groupPage struct {
	do                 api.GroupDo
	name, short, about string
	members            bool
}

var groupPages = []groupPage{
	{api.GroupInvite, "invite", "ask members into a group", `Asks members into a group: each enters with muster group join, or not. To somebody who has
not let you write it counts as an introduction, and uses your allowance of these.`, true},
	{api.GroupJoin, "join", "enter a group", `Enters an open group, accepts an invitation, or applies to a group whose moderators admit.`, false},
	{api.GroupLeave, "leave", "leave a group", `Leaves a group, declines an invitation, or withdraws an application. The last moderator names
another first, while somebody else is there; when the last member leaves, the group is closed.`, false},
	{api.GroupAdmit, "admit", "admit who has applied", `Makes applicants members of a group. An admin admits anybody.`, true},
	{api.GroupRemove, "remove", "remove members from a group", `Takes members out of a group, takes an invitation back, or declines an application. Their
devices read nothing of what is sent from then on.`, true},
	{api.GroupClose, "close", "close a group for good", `Ends a group. What was written stays with those who have it.`, false},
}

func (a *app) groupCommand(page groupPage) *cobra.Command {
	use, args, names := page.name+" GROUP", []string{groupArgument}, []string{"GROUP"}
	if page.members {
		use, args = use+" MEMBER...", append(args, memberArgument)
	}
	request := api.GroupRequest{Do: page.do}
	check := exactly(names...)
	if page.members {
		check = groupAndMembers
	}
	c := a.command(manual{
		use: use, short: page.short, about: page.about, args: args, output: groupOutput, json: groupJSON,
		examples: []string{"muster group " + page.name + " Crew" + map[bool]string{true: " Bo", false: ""}[page.members]},
		see:      []string{"group list", "group show"},
	}, check, func(c *cobra.Command, args []string) error {
		request.Group, request.Members = args[0], args[1:]
		return a.changeGroup(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	return c
}

func groupAndMembers(_ *cobra.Command, args []string) error {
	if len(args) < 2 {
		return usage("GROUP or MEMBER is missing")
	}
	return nil
}

func (a *app) changeGroup(c *cobra.Command, request api.GroupRequest) error {
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.ChangeGroup(c.Context(), request)
		if err != nil {
			return err
		}
		return a.answer(result, func(w io.Writer) { printGroup(w, result.Group) })
	})
}

func (a *app) newGroupCreate() *cobra.Command {
	request := api.GroupRequest{Do: api.GroupCreate}
	c := a.command(manual{
		use:   "create NAME [MEMBER...]",
		short: "create a group, whose first moderator you are",
		about: `Creates a group and asks members into it. How one enters is fixed for invited, which only its
people and admins see; a group that is open or moderated is listed for everybody.
  invited      who was asked enters
  open         any member enters
  moderated    a member applies, a moderator admits`,
		args:     []string{"NAME    the group's name, by the rule of names", memberArgument},
		output:   groupOutput,
		json:     groupJSON,
		examples: []string{"muster group create Crew Bo Cy", "muster group create News --join open --writers moderators"},
		see:      []string{"group invite", "group join", "send"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("NAME is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request.Name, request.Members = args[0], args[1:]
		return a.changeGroup(c, request)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().StringVar(&request.Admission, "join", "invited", "how one enters: `WAY` is invited, open or moderated")
	c.Flags().StringVar(&request.Writers, "writers", "everybody", "`WHO` writes: everybody or moderators")
	return c
}

func (a *app) newGroupEdit() *cobra.Command {
	request := api.GroupRequest{Do: api.GroupEdit}
	var moderators, others []string
	c := a.command(manual{
		use:      "edit GROUP",
		short:    "rename a group, change who enters, writes and moderates",
		about:    `Changes what is given and leaves the rest.`,
		args:     []string{groupArgument},
		output:   groupOutput,
		json:     groupJSON,
		examples: []string{"muster group edit Crew --name Ropes", "muster group edit Crew --moderator Bo"},
		see:      []string{"group show", "group close"},
	}, exactly("GROUP"), func(c *cobra.Command, args []string) error {
		return a.editGroup(c, args[0], request, moderators, others)
	})
	c.Flags().StringVar(&request.Org, "org", "", orgFlag)
	c.Flags().StringVar(&request.Name, "name", "", "another `NAME`")
	c.Flags().StringVar(&request.Admission, "join", "", "how one enters from now on: `WAY` is open or moderated")
	c.Flags().StringVar(&request.Writers, "writers", "", "`WHO` writes: everybody or moderators")
	c.Flags().StringArrayVar(&moderators, "moderator", nil, "a `MEMBER` who moderates from now on; can be given several times")
	c.Flags().StringArrayVar(&others, "no-moderator", nil, "a `MEMBER` who moderates no more; can be given several times")
	return c
}

// editGroup makes each of the changes that are asked for: new moderators first, so that somebody can then step down.
func (a *app) editGroup(c *cobra.Command, group string, edit api.GroupRequest, moderators, others []string) error {
	var requests []api.GroupRequest
	if len(moderators) > 0 {
		requests = append(requests, api.GroupRequest{Org: edit.Org, Do: api.GroupModerator, Group: group, Members: moderators})
	}
	if edit.Name != "" || edit.Admission != "" || edit.Writers != "" {
		edit.Group = group
		requests = append(requests, edit)
	}
	if len(others) > 0 {
		requests = append(requests, api.GroupRequest{Org: edit.Org, Do: api.GroupNoModerator, Group: group, Members: others})
	}
	if len(requests) == 0 {
		return usage("nothing is to be changed").WithHint("muster group edit --help lists what can be")
	}
	return a.withNode(func(client *apiclient.Client) error {
		var result api.GroupResult
		already := true
		for _, request := range requests {
			if result.Group.Group != "" {
				request.Org, request.Group = result.Group.Org, result.Group.Group // whatever it is called by now
			}
			var err error
			if result, err = client.ChangeGroup(c.Context(), request); err != nil {
				return err
			}
			already = already && result.Already
		}
		result.Already = already
		return a.answer(result, func(w io.Writer) { printGroup(w, result.Group) })
	})
}

func (a *app) newGroupList() *cobra.Command {
	var query api.GroupsQuery
	c := a.command(manual{
		use:   "list",
		short: "list groups",
		about: `Lists the groups that you are in, are invited to, or have applied to.`,
		output: `One line each: name, id, how you stand (moderator, member, invited, applied, none), how many
are in it, how one enters, who writes, organization.`,
		json:     `[{"org", "org_name", "group", "name", "admission", "writers", "standing", "members", ..}]`,
		examples: []string{"muster group list", "muster group list --all"},
		see:      []string{"group show", "group join"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			groups, err := client.Groups(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Group](groups), func(w io.Writer) {
				if len(groups) == 0 {
					a.inform("No groups. --all lists those that you can see; muster group create makes one.")
				}
				a.table(w, "NAME\tGROUP\tSTANDING\tMEMBERS\tENTER\tWRITE\tORG", func(row func(cells ...any)) {
					for _, g := range groups {
						row(g.Name, shortID(g.Group), g.Standing, fmt.Sprint(len(g.Members)), g.Admission,
							g.Writers, g.OrgName+" ("+shortID(g.Org)+")")
					}
				})
				for _, g := range groups {
					if g.Standing == "invited" {
						a.inform("You are invited to %s: muster group join %s enters, muster group leave declines.", g.Name, quote(g.Name, g.Group))
					}
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().BoolVar(&query.All, "all", false, "every group that you can see, closed ones too")
	return c
}

func (a *app) newGroupShow() *cobra.Command {
	var query api.GroupQuery
	c := a.command(manual{
		use:      "show GROUP",
		short:    "show a group and who is in it",
		about:    `Shows a group with its members, and who is invited or has applied.`,
		args:     []string{groupArgument},
		output:   groupOutput,
		json:     "The object under \"group\" of the other commands.",
		examples: []string{"muster group show Crew"},
		see:      []string{"group list"},
	}, exactly("GROUP"), func(c *cobra.Command, args []string) error {
		query.Group = args[0]
		return a.withNode(func(client *apiclient.Client) error {
			g, err := client.ShowGroup(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(g, func(w io.Writer) { printGroup(w, g) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", orgFlag)
	return c
}

// printGroup prints a group and its people.
func printGroup(w io.Writer, g api.Group) {
	closed := ""
	if g.Closed {
		closed = ", closed"
	}
	terminal.Printf(w, "%s (%s) in %s: %s, %s may write%s\n", g.Name, shortID(g.Group), g.OrgName, g.Admission, g.Writers, closed)
	for _, m := range g.Members {
		what := "member"
		if m.Moderator {
			what = "moderator"
		}
		terminal.Printf(w, "  %s  %s\n", person(m.Name, m.Member), what)
	}
	for _, p := range g.Invited {
		terminal.Printf(w, "  %s  invited\n", person(p.Name, p.Member))
	}
	for _, p := range g.Applied {
		terminal.Printf(w, "  %s  applied\n", person(p.Name, p.Member))
	}
}

// printPlace prints where a message was said, if that is no conversation of members, and who came in with it.
func printPlace(w io.Writer, m api.Message, indent string) {
	switch {
	case m.Group != nil:
		terminal.Printf(w, "%sGroup:   %s (%s)\n", indent, m.Group.Name, shortID(m.Group.Group))
	case m.Guest != nil:
		terminal.Printf(w, "%sDesk:    for %s\n", indent, person(m.Guest.Name, m.Guest.Member))
	}
	if m.Archived {
		terminal.Printf(w, "%sNote:    %s\n", indent, archivedBy(m.OrgName))
	}
	for _, p := range m.Added {
		terminal.Printf(w, "%sNew:     %s\n", indent, person(p.Name, p.Member))
	}
}
