//go:build netns && linux

package netns

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// person is somebody at a terminal of a host, where a device of theirs runs.
type person struct {
	network
	host   string
	device *program.Device
}

func (n network) person(host, name string) person { return person{n, host, n.device(host, name)} }

// commandTime is how long a command may take, with another person's part in it.
const commandTime = 90 * time.Second

// typed is a command line that a person has typed.
type typed struct {
	t       *testing.T
	command *exec.Cmd
	out     *bufio.Reader
	said    bytes.Buffer // on stderr
}

// types starts a command of muster, which has no terminal: what is asked is answered by --yes alone.
func (p person) types(args ...string) *typed {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), commandTime)
	p.t.Cleanup(cancel)
	words := slices.Concat(p.on(p.host), []string{program.Path("muster")}, args, []string{"--dir", p.device.Dir, "--json"})
	c := &typed{t: p.t, command: exec.CommandContext(ctx, words[0], words[1:]...)}
	c.command.Stderr = &c.said
	out, err := c.command.StdoutPipe()
	if err == nil {
		err = c.command.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	return c
}

// prints waits for the next line of a command that goes on, which must be JSON of value's type.
func (c *typed) prints(value any) {
	c.t.Helper()
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, value)
	}
	if err != nil {
		_ = c.command.Wait()
		c.t.Fatalf("%v printed %q, and then %v\n%s", c.command.Args, line, err, &c.said)
	}
}

// exits waits until a command ends, and returns what it printed.
func (c *typed) exits(status int) string {
	c.t.Helper()
	out, _ := io.ReadAll(c.out)
	_ = c.command.Wait() // the status says it
	if got := c.command.ProcessState.ExitCode(); got != status {
		c.t.Fatalf("%v ends with status %d, not %d\n%s%s", c.command.Args, got, status, out, &c.said)
	}
	return string(out)
}

// ends waits until a command ends with status 0 and JSON of value's type on its last line.
func (c *typed) ends(value any) {
	c.t.Helper()
	out := strings.TrimSpace(c.exits(api.ExitDone))
	if err := json.Unmarshal([]byte(out[strings.LastIndexByte(out, '\n')+1:]), value); err != nil {
		c.t.Fatalf("%v printed %s: %v", c.command.Args, out, err)
	}
}

// found makes an organization, in which everybody may write to everybody if free.
func (p person) found(node *program.Rendezvous, free bool) {
	p.t.Helper()
	p.types("org", "create", "Harbour", "--claim", node.Claim, "--as", p.device.Name).exits(api.ExitDone)
	if free {
		p.types("admin", "policy", "set", "contact.member.member=free", "contact.admin.member=free", "contact.member.admin=free").exits(api.ExitDone)
	}
}

// hears waits until a text of somebody is in the inbox.
func (p person) hears(from, text string) {
	p.t.Helper()
	program.Await(p.t, commandTime, p.device.Name+" has the message of "+from, func() bool {
		var inbox []api.Message
		p.types("inbox").ends(&inbox)
		return slices.ContainsFunc(inbox, func(m api.Message) bool { return m.From == from && m.Text == text })
	})
}

// writeToEachOther has two members send and get a message each.
func writeToEachOther(one, other person) {
	one.t.Helper()
	one.types("send", other.device.Name, "-m", "from the quay").exits(api.ExitDone)
	other.types("send", one.device.Name, "-m", "from the boat").exits(api.ExitDone)
	other.hears(one.device.Name, "from the quay")
	one.hears(other.device.Name, "from the boat")
}

// plug puts a host's cable in, or pulls it.
func (n network) plug(host, state string) {
	n.t.Helper()
	n.do(host, "ip", "link", "set", "eth0", state)
}

// With the rendezvous node away one gives the other an invitation by a code; both are members, and write to each other, once it is back.
func TestInvitedFaceToFace(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := lan(t, 3)
	node := n.rendezvous("1", lanAddress(1))
	ada, bo := n.person("2", "Ada"), n.person("3", "Bo")
	ada.found(node, true)
	n.plug("1", "down")

	invites := ada.types("invite", "--nearby")
	var made api.MeetingCode
	invites.prints(&made)
	bo.types("join", "--nearby", "--code", wrong(made.Code), "--as", "Bo", "--yes").exits(api.ExitRefused)
	var joined api.JoinResult
	bo.types("join", "--nearby", "--code", made.Code, "--as", "Bo", "--yes").ends(&joined)
	if joined.State != api.JoinWaiting || len(joined.RecoveryWords) != 24 {
		t.Errorf("joining came to %q, with %d words", joined.State, len(joined.RecoveryWords))
	}
	var given api.Meeting
	invites.ends(&given)
	if given.State != api.MeetingDone || given.Invitation != api.InvitationWaiting || given.Unheard || given.Tries != 2 {
		t.Errorf("the invitation is told of as %+v", given)
	}
	var status api.StatusResult
	if bo.types("status").ends(&status); len(status.Orgs) != 0 || len(status.Joining) != 1 {
		t.Errorf("who waits has %d organizations, and %d that wait", len(status.Orgs), len(status.Joining))
	}
	bo.types("join", "--nearby", "--code", made.Code, "--as", "Bo", "--yes").exits(api.ExitNotFound) // it is used up

	n.plug("1", "up")
	program.Await(t, commandTime, "Bo is a member", func() bool {
		var status api.StatusResult
		bo.types("status").ends(&status)
		return len(status.Orgs) == 1 && status.Orgs[0].MemberName == "Bo" && len(status.Joining) == 0
	})
	writeToEachOther(ada, bo)
}

// wrong returns another code with the same number.
func wrong(code string) string {
	number, words, _ := strings.Cut(code, "-")
	first, rest, _ := strings.Cut(words, "-")
	if first == "zoo" {
		return number + "-able-" + rest
	}
	return number + "-zoo-" + rest
}

// With the rendezvous node away two members exchange cards: each has the other verified at once, and may write.
func TestCardsFaceToFace(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := lan(t, 3)
	node := n.rendezvous("1", lanAddress(1))
	ada, bo := n.person("2", "Ada"), n.person("3", "Bo")
	ada.found(node, false)
	var invited api.InviteResult
	ada.types("invite").ends(&invited)
	bo.types("join", invited.Invitation, "--as", "Bo").exits(api.ExitDone)
	program.Await(t, commandTime, "Ada knows Bo", func() bool {
		var all []api.Contact
		ada.types("contacts", "--all").ends(&all)
		return len(all) > 0
	})
	ada.types("send", "Bo", "-m", "too early").exits(api.ExitRefused)
	n.plug("1", "down")

	shows := ada.types("contact", "card", "--nearby", "--yes")
	var made api.MeetingCode
	shows.prints(&made)
	enters := bo.types("contact", "card", "--nearby", made.Code, "--yes")
	for _, c := range []struct {
		command *typed
		other   string
	}{{shows, "Bo"}, {enters, "Ada"}} {
		var said api.Meeting
		c.command.ends(&said)
		if said.State != api.MeetingDone || said.Unheard || said.Who.Name != c.other || said.Contact == nil ||
			!said.Contact.Verified || said.Contact.State != api.ContactAcquainted {
			t.Errorf("of %s it is told: %+v, %+v", c.other, said, said.Contact)
		}
	}
	for _, p := range []person{ada, bo} {
		var known []api.Contact
		if p.types("contacts").ends(&known); len(known) != 1 || !known[0].Verified || known[0].State != api.ContactAcquainted {
			t.Errorf("%s has these contacts: %+v", p.device.Name, known)
		}
	}
	n.plug("1", "up")
	writeToEachOther(ada, bo)
}
