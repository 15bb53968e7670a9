package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/p2p"
	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// hereFlags say that the rendezvous node is part of this program, and where it is.
type hereFlags struct {
	here             bool
	listen, announce []string
}

const hereHelp = `

It listens on every address of the computer, TCP and QUIC on port 4747 or, if a program has
that, on another; with --listen on exactly the addresses given. The choice is kept, since
invitations name it. Members on the same network find it wherever it is; for others the
computer needs a public address, or a router that forwards the port: --announce tells them
that address.`

// add adds the flags to a command; --here itself only where there is something to choose.
func (f *hereFlags) add(c *cobra.Command, choice bool) {
	if choice {
		c.Flags().BoolVar(&f.here, "here", false, "no server: run the rendezvous node as part of muster start")
	}
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "with --here: listen on this `MULTIADDR` and the others given")
	c.Flags().StringArrayVar(&f.announce, "announce", nil, "with --here: tell members this `MULTIADDR` besides")
}

// check refuses what does not go together. other says whether the thing that --here stands instead of was given.
func (f *hereFlags) check(other bool, name string) error {
	switch {
	case f.here && other:
		return usage("--here and %s exclude each other", name)
	case !f.here && !other:
		return usage("%s or --here is needed", name).WithHint("a rendezvous node prints its claim link when it starts; --here needs none")
	case !f.here && len(f.listen)+len(f.announce) > 0:
		return usage("--listen and --announce are for --here")
	}
	return f.checkAddresses()
}

func (f *hereFlags) checkAddresses() error {
	for flag, all := range map[string][]string{"--listen": f.listen, "--announce": f.announce} {
		for _, address := range all {
			if p2p.CheckAddress(address) != nil {
				return usage("%s %q is not /ip4|ip6/ADDRESS/tcp/PORT or /ip4|ip6/ADDRESS/udp/PORT/quic-v1", flag, address)
			}
		}
	}
	return nil
}

func (a *app) newAdminRendezvousHere() *cobra.Command {
	var f hereFlags
	c := a.command(manual{
		use:   "here",
		short: "the rendezvous node on this computer",
		about: `Shows the rendezvous node that is part of muster start, if there is one, and changes where
it listens or what is announced of it; what is not given stays. Members learn of it from the
roll, and on the same network by themselves.`,
		output: "How it runs, since when, and its addresses.",
		json: `{"running", "why", "since", "addresses": [..], "listen": [..], "announce": [..], "members",
  "devices_online", "entries", "bodies", "bytes", "moved", "untold"}`,
		examples: []string{
			"muster admin rendezvous here",
			"muster admin rendezvous here --announce /ip4/192.0.2.7/tcp/4747",
		},
		see: []string{"org create", "admin rendezvous move", "status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if err := f.checkAddresses(); err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			here, err := client.MoveHere(c.Context(), api.HereRequest{Listen: f.listen, Announce: f.announce})
			if err != nil {
				return err
			}
			return a.answer(here, func(w io.Writer) {
				terminal.Printf(w, "%s\n", hereState(here))
				for _, address := range here.Addresses {
					terminal.Printf(w, "  %s\n", terminal.Address(address))
				}
			})
		})
	})
	f.add(c, false)
	return c
}

// hereState says how the rendezvous node in this program is.
func hereState(here api.Here) terminal.Text {
	switch {
	case !here.Running && here.Why != "":
		return terminal.Diagnosis("does not run: " + strings.TrimPrefix(here.Why, "rendezvous: "))
	case !here.Running:
		return terminal.Diagnosis("is starting")
	}
	return terminal.Diagnosis("runs since " + moment(here.Since))
}

// printHere prints what status says of it.
func printHere(w io.Writer, here *api.Here) {
	if here == nil {
		return
	}
	terminal.Printf(w, "              the meeting point of this organization is this computer; it %s\n", hereState(*here))
	if here.Running {
		terminal.Printf(w, "              %s online; %s for devices that are away\n",
			plural(here.DevicesOnline, "device"), plural(int(here.Entries), "message"))
	}
	switch {
	case here.Moved && here.Untold > 0:
		terminal.Printf(w, "              it has moved away; it stays until %s more know, and nothing waits here\n", plural(here.Untold, "device"))
	case here.Moved:
		terminal.Printf(w, "              it has moved away, and ends once nothing waits here\n")
	default:
		terminal.Printf(w, "              while it is off, what members send waits on their own devices\n")
	}
}
