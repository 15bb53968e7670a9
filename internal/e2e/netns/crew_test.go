//go:build netns && linux

package netns

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// crewGroup is the group that all of a crew are in.
const crewGroup = "Crew"

// crew is people of one organization, a host each, of whom each may write to each other one.
type crew struct {
	network
	node   *program.Rendezvous
	people []person
	sent   []letter
}

// letter is a message that one of a crew wrote.
type letter struct {
	id, text string
	from     person
	to       []person
	file     []byte // nil: none
}

// crew founds an organization by its first member, has the others join, and all enter one group. It returns when each knows of all.
func (n network) crew(node *program.Rendezvous, people ...person) *crew {
	t := n.t
	t.Helper()
	c := &crew{network: n, node: node, people: people}
	people[0].found(node, true)
	invitation := people[0].invites(len(people))
	for _, p := range people[1:] {
		if _, err := p.device.Client.Join(t.Context(), api.JoinRequest{Invitation: invitation, As: p.device.Name}); err != nil {
			t.Fatalf("%s joins: %v", p.device.Name, err)
		}
	}
	enter := api.GroupRequest{Do: api.GroupCreate, Name: crewGroup, Admission: "open"}
	for _, p := range people {
		program.Await(t, commandTime, p.device.Name+" is in the group", func() bool {
			_, err := p.device.Client.ChangeGroup(t.Context(), enter)
			return err == nil
		})
		enter = api.GroupRequest{Do: api.GroupJoin, Group: crewGroup}
	}
	for _, p := range people {
		program.Await(t, commandTime, p.device.Name+" knows of all", func() bool {
			group, err := p.device.Client.ShowGroup(t.Context(), api.GroupQuery{Group: crewGroup})
			return err == nil && len(group.Members) == len(people)
		})
	}
	return c
}

// others returns all of a crew but one.
func (c *crew) others(one person) []person {
	return slices.DeleteFunc(slices.Clone(c.people), func(p person) bool { return p.device == one.device })
}

// writes has one write to another, with a file of some bytes if there are to be any.
func (c *crew) writes(from, to person, text string, file int) {
	c.t.Helper()
	c.send(letter{from: from, to: []person{to}, text: text, file: randomBytes(file)}, to.device.Name)
}

// writesAll has one write to the group.
func (c *crew) writesAll(from person, text string, file int) {
	c.t.Helper()
	c.send(letter{from: from, to: c.others(from), text: text, file: randomBytes(file)}, crewGroup)
}

func randomBytes(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return data
}

// send sends a letter and remembers it. That it is not delivered at once is no error.
func (c *crew) send(l letter, to string) {
	c.t.Helper()
	request := api.SendRequest{To: []string{to}, Text: l.text}
	if len(l.file) > 0 {
		upload, err := l.from.device.Client.Upload(c.t.Context(), "chart.bin", bytes.NewReader(l.file))
		if err != nil {
			c.t.Fatal(err)
		}
		request.Attachments = []string{upload.ID}
	}
	sent, err := l.from.device.Client.Send(c.t.Context(), request)
	if err != nil || len(sent.Refused) > 0 {
		c.t.Fatalf("%s writes to %s: %v, refused %v", l.from.device.Name, to, err, sent.Refused)
	}
	l.id = sent.ID
	c.sent = append(c.sent, l)
}

// everybodyWrites has each write to each other one, and to the group.
func (c *crew) everybodyWrites(when string) {
	c.t.Helper()
	for _, from := range c.people {
		for _, to := range c.others(from) {
			c.writes(from, to, fmt.Sprintf("%s, %s to %s", when, from.device.Name, to.device.Name), 0)
		}
		c.writesAll(from, fmt.Sprintf("%s, %s to all", when, from.device.Name), 0)
	}
}

// owed returns what a person must have received, sorted.
func (c *crew) owed(to person) (all []string) {
	for _, l := range c.sent {
		if slices.ContainsFunc(l.to, func(p person) bool { return p.device == to.device }) {
			all = append(all, l.from.device.Name+": "+l.text)
		}
	}
	slices.Sort(all)
	return all
}

// has returns what a person has received, sorted.
func (p person) has() (all []string) {
	for cursor := ""; ; {
		page, err := p.device.Client.Inbox(context.Background(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			return nil
		}
		for _, m := range page.Messages {
			if m.Kind == api.KindMessage {
				all = append(all, m.From+": "+m.Text)
			}
		}
		if cursor = page.Next; cursor == "" {
			slices.Sort(all)
			return all
		}
	}
}

// received reports whether everybody has what is for them, each message once. Otherwise it says what is not so first.
func (c *crew) received() (lack string) {
	for _, p := range c.people {
		has, owed := p.has(), c.owed(p)
		if slices.Equal(has, owed) {
			continue
		}
		lacks := slices.DeleteFunc(slices.Clone(owed), func(text string) bool { return slices.Contains(has, text) })
		return fmt.Sprintf("%s has %d messages of %d: %q, and lacks %q", p.device.Name, len(has), len(owed), has, lacks)
	}
	return ""
}

// complete reports whether everybody has what is for them, and every author all receipts. Otherwise it says what is not so first.
func (c *crew) complete() (lack string) {
	if lack := c.received(); lack != "" {
		return lack
	}
	for _, l := range c.sent {
		m, err := l.from.device.Client.Read(context.Background(), api.ReadRequest{ID: l.id})
		if err != nil {
			return fmt.Sprintf("%s reads %q: %v", l.from.device.Name, l.text, err)
		}
		if len(m.States) != len(l.to) || slices.ContainsFunc(m.States, func(r api.Recipient) bool { return r.State != api.StateDelivered }) {
			return fmt.Sprintf("%q by %s to %d devices: %+v", l.text, l.from.device.Name, len(l.to), m.States)
		}
	}
	return ""
}

// awaitReceived waits until everybody has what is for them, whether or not their receipts arrive.
func (c *crew) awaitReceived(limit time.Duration) {
	c.t.Helper()
	took := c.awaitNothing(limit, c.received)
	c.t.Logf("after %v: %d messages are with everybody they are for", took, len(c.sent))
}

// awaitNothing waits until nothing is lacking, and returns how long that took.
func (c *crew) awaitNothing(limit time.Duration, lacking func() string) time.Duration {
	c.t.Helper()
	var lack string
	began := time.Now()
	for lack = lacking(); lack != "" && time.Since(began) < limit; lack = lacking() {
		<-time.After(200 * time.Millisecond)
	}
	if lack != "" {
		c.t.Fatalf("after %v: %s", limit, lack)
	}
	return time.Since(began).Round(100 * time.Millisecond)
}

// awaitComplete waits until the crew is complete, and then checks the files.
func (c *crew) awaitComplete(limit time.Duration) {
	c.t.Helper()
	took := c.awaitNothing(limit, c.complete)
	c.t.Logf("after %v: %d messages are with everybody they are for, and all receipts with their authors", took, len(c.sent))
	for _, l := range c.sent {
		for _, to := range l.to {
			if len(l.file) > 0 {
				to.hasFile(c.t, l)
			}
		}
	}
}

// hasFile checks that the file of a letter comes whole to one for whom it is.
func (p person) hasFile(t *testing.T, l letter) {
	t.Helper()
	program.Await(t, commandTime, p.device.Name+" has the file of "+l.from.device.Name, func() bool {
		_, file, err := p.device.Client.Attachment(t.Context(), l.id, 0)
		if err != nil {
			return false
		}
		defer file.Close()
		data, err := io.ReadAll(file)
		return err == nil && bytes.Equal(data, l.file)
	})
}

// ways returns by which ways the messages of a crew came to their devices, with how many by each.
func (c *crew) ways() map[string]int {
	c.t.Helper()
	all := make(map[string]int)
	for _, l := range c.sent {
		var m struct {
			States []struct {
				State api.State `json:"state"`
				Via   string    `json:"via"`
			} `json:"states"`
		}
		l.from.types("read", l.id).ends(&m)
		for _, s := range m.States {
			all[s.Via]++
		}
	}
	return all
}

// around returns which devices of other members a person sees around, connected or heard.
func (p person) around() (all []api.Neighbour) {
	p.t.Helper()
	var said []api.Around
	p.types("around").ends(&said)
	for _, org := range said {
		all = append(all, org.Devices...)
	}
	return slices.DeleteFunc(all, func(n api.Neighbour) bool { return n.Own })
}

// reaches reports whether a person sees somebody around whom they reach by this path.
func (p person) reaches(other person, by api.Path) bool {
	p.t.Helper()
	return slices.ContainsFunc(p.around(), func(n api.Neighbour) bool { return n.Name == other.device.Name && n.Path == by })
}

// sees waits until a person sees exactly so many others around.
func (p person) sees(others int) {
	p.t.Helper()
	program.Await(p.t, commandTime, fmt.Sprintf("%s sees %d others around", p.device.Name, others), func() bool { return len(p.around()) == others })
}
