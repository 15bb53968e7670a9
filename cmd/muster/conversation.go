package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

const talkArgument = "ID      a message of the conversation, or its own id; or the start of either, eight characters"

const talkJSON = `{"org", "conversation", "joined", "already",
  "members": [{"member", "name", "part"}], "sent", "refused", "message"}`

func (a *app) newConversation() *cobra.Command {
	c := a.command(manual{
		use:   "conversation COMMAND",
		short: "conversations of several members: join, leave, add",
		about: `A message to several members begins a conversation in which not everybody need know everybody.
You hear those whom you let write anyway. To hear the others there, answer in it, or join it;
what they sent before then comes as well. That lets them write to you there, and nowhere else.`,
		see: []string{"send", "group"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("conversation has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(
		a.newTalk(api.TalkJoin, manual{
			use: "join ID", short: "let everybody in a conversation write to you there",
			about:    `Tells the rendezvous node and everybody in the conversation that they may write to you there.`,
			examples: []string{"muster conversation join k3x9ab2cd4ef"},
		}),
		a.newTalk(api.TalkLeave, manual{
			use: "leave ID", short: "hear no more of a conversation",
			about:    `Ends that everybody in the conversation may write to you there. They are told.`,
			examples: []string{"muster conversation leave k3x9ab2cd4ef"},
		}),
		a.newTalk(api.TalkAdd, manual{
			use: "add ID MEMBER... -m WHY", short: "go on with one more member",
			about: `Sends a note to all in the conversation and to those added, with whom the thread goes on from
there. They see nothing of before: muster forward shows it to them, if you choose to.`,
			args:     []string{talkArgument, memberArgument},
			examples: []string{`muster conversation add k3x9ab2cd4ef Di -m "Di knows the boat."`},
		}),
	)
	return c
}

func (a *app) newTalk(do api.TalkDo, page manual) *cobra.Command {
	request := api.TalkRequest{Do: do}
	check := exactly("ID")
	if do == api.TalkAdd {
		check = func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("ID or MEMBER is missing")
			}
			return nil
		}
	} else {
		page.args = []string{talkArgument}
	}
	page.output, page.json, page.see = "Who is in the conversation, and whether they take part as far as is known.", talkJSON, []string{"send", "forward"}
	c := a.command(page, check, func(c *cobra.Command, args []string) error {
		request.ID, request.Members = args[0], args[1:]
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.ChangeTalk(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				if result.Message != "" {
					terminal.Println(w, result.Message)
				}
				for _, m := range result.Members {
					terminal.Printf(w, "  %s  %s\n", person(m.Name, m.Member), m.Part)
				}
				for _, r := range result.Refused {
					a.inform("%s is not added: %s", person(r.Name, r.Member), r.Reason)
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	if do == api.TalkAdd {
		c.Flags().StringVarP(&request.Text, "message", "m", "", "the `NOTE` that says why")
	}
	return c
}
