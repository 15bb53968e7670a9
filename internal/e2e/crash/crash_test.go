//go:build crash

package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// marker is in every subject, text, file name and file: it must never be readable on a disk.
const marker = "Xylophon7Quittung"

// TestCrashWhileMessagesFlow has three people write to one another, offline and back in any order, while the rendezvous
// node and they themselves are killed with SIGKILL at random moments. In the end each message is in each history exactly
// once, the queue is empty, and no folder holds a word of it in plain.
func TestCrashWhileMessagesFlow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	node := program.StartRendezvous(t, nil, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t)))
	people := []*person{startPerson(t, "alice"), startPerson(t, "bob"), startPerson(t, "carol")}
	acquaintAll(t, node.Claim, people)

	want := make(map[*person][]string)
	kills := 0
	deadline := time.Now().Add(flowTime(t))
	for round := 0; time.Now().Before(deadline); round++ {
		if from := people[random.IntN(3)]; from.Running() {
			to := slices.DeleteFunc(slices.Clone(people), func(p *person) bool { return p == from })
			if random.IntN(2) == 0 {
				to = to[random.IntN(2):][:1]
			}
			text := fmt.Sprintf("%s from %s, number %d", marker, from.Name, round)
			if from.send(text, random.IntN(8) == 0, to) {
				for _, p := range to {
					want[p] = append(want[p], text)
				}
			}
		}
		switch p := people[random.IntN(3)]; {
		case random.IntN(12) == 0:
			node.End(syscall.SIGKILL)
			kills++
			pause(random, time.Second)
			node.Start()
		case !p.Running():
			p.Start()
		case random.IntN(8) == 0:
			p.End(syscall.SIGKILL)
			kills++
		}
		pause(random, 60*time.Millisecond)
	}
	for _, p := range people {
		if !p.Running() {
			p.Start()
		}
	}
	for _, p := range people {
		slices.Sort(want[p])
		program.Await(t, 4*time.Minute, p.Name+" has every message", func() bool { return len(p.inbox()) >= len(want[p]) })
	}
	program.Await(t, 4*time.Minute, "every outbox is empty", func() bool { return outboxes(t, people) == 0 })
	program.Await(t, time.Minute, "the queue is empty", func() bool { return queued(t, node) == 0 })
	total := 0
	for _, p := range people {
		if diff := cmp.Diff(want[p], p.inbox()); diff != "" {
			t.Errorf("%s's history (-want +got):\n%s", p.Name, diff)
		}
		total += len(want[p])
	}
	t.Logf("%d messages came, each exactly once, through %d kills", total, kills)
	if total == 0 || kills == 0 {
		t.Error("nothing was tried")
	}
	for _, dir := range []string{node.Dir, people[0].Dir, people[1].Dir, people[2].Dir} {
		findPlaintext(t, dir)
	}
}

// acquaintAll founds an organization of all and makes everybody everybody's contact.
func acquaintAll(t *testing.T, claim string, people []*person) {
	t.Helper()
	ctx := t.Context()
	founder := people[0]
	created, err := founder.Client.CreateOrg(ctx, api.CreateOrgRequest{Claim: claim, Name: "Harbour", As: founder.Name})
	if err != nil {
		t.Fatal(err)
	}
	founder.id = created.Member
	for _, p := range people[1:] {
		invited, err := founder.Client.Invite(ctx, api.InviteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		joined, err := p.Client.Join(ctx, api.JoinRequest{Invitation: invited.Invitation, As: p.Name})
		if err != nil {
			t.Fatal(err)
		}
		p.id = joined.Member
	}
	for i, p := range people {
		for _, other := range people[i+1:] {
			acquaint(t, p, other)
		}
	}
}

func acquaint(t *testing.T, p, other *person) {
	t.Helper()
	ctx := t.Context()
	program.Await(t, 2*time.Minute, p.Name+" sees "+other.Name, func() bool { return p.contact(other) != "" })
	if _, err := p.Client.Introduce(ctx, api.IntroduceRequest{Member: other.id, Text: "it is me"}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, 2*time.Minute, other.Name+" hears from "+p.Name, func() bool { return other.contact(p) == api.ContactAsks })
	if _, err := other.Client.Accept(ctx, api.AcceptRequest{Member: p.id}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, 2*time.Minute, p.Name+" is accepted", func() bool { return p.contact(other) == api.ContactAcquainted })
}

func (p *person) contact(other *person) api.ContactState {
	contacts, err := p.Client.Contacts(context.Background(), api.ContactsQuery{All: true})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range contacts {
		if c.Member == other.id {
			return c.State
		}
	}
	return ""
}

// send sends a message, now and then with a file, and reports whether the node said that it has it.
func (p *person) send(text string, withFile bool, to []*person) bool {
	request := api.SendRequest{Subject: marker, Text: text}
	for _, other := range to {
		request.To = append(request.To, other.id)
	}
	if withFile {
		file := bytes.Repeat([]byte(marker+" "), 16<<10)
		upload, err := p.Client.Upload(p.t.Context(), marker+".txt", bytes.NewReader(file))
		if err != nil {
			p.t.Fatalf("%s uploads: %v", p.Name, err)
		}
		request.Attachments = []string{upload.ID}
	}
	_, err := p.Client.Send(p.t.Context(), request)
	if err != nil {
		p.t.Fatalf("%s sends: %v", p.Name, err)
	}
	return true
}

// inbox returns the texts of the messages received, sorted; nothing while the node does not answer.
func (p *person) inbox() []string {
	var texts []string
	for cursor := ""; ; {
		page, err := p.Client.Inbox(context.Background(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			p.t.Fatal(err)
		}
		for _, m := range page.Messages {
			if m.Kind == api.KindMessage {
				texts = append(texts, m.Text)
			}
		}
		if cursor = page.Next; cursor == "" {
			slices.Sort(texts)
			return texts
		}
	}
}

func outboxes(t *testing.T, people []*person) int {
	waiting := 0
	for _, p := range people {
		status, err := p.Client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waiting += status.Orgs[0].Outbox
	}
	return waiting
}

// queued asks the rendezvous node how many (envelope, device) pairs wait; -1 if it does not answer yet.
func queued(t *testing.T, node *program.Rendezvous) int {
	out, err := exec.Command(program.Path("muster-rendezvous"), "status", "--json", "--dir", node.Dir).Output()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended && exit.ExitCode() == api.ExitNotRunning {
		return -1
	}
	if err != nil {
		t.Fatalf("muster-rendezvous status: %v", err)
	}
	var status struct {
		Orgs []struct{ Entries int }
	}
	if err := json.Unmarshal(out, &status); err != nil || len(status.Orgs) != 1 {
		t.Fatalf("muster-rendezvous status: %v in %s", err, out)
	}
	return status.Orgs[0].Entries
}

// findPlaintext fails the test if any file below dir, or its name, holds the marker.
func findPlaintext(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if bytes.Contains([]byte(path), []byte(marker)) {
			t.Errorf("%s has the marker in its name", path)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(marker)) {
			t.Errorf("%s holds the marker", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("looking through %s: %d files, %v", dir, files, err)
	}
}

// flowTime is how long messages flow.
func flowTime(t *testing.T) time.Duration {
	text := os.Getenv("MUSTER_CRASH_SECONDS")
	if text == "" {
		return 30 * time.Second
	}
	seconds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MUSTER_CRASH_SECONDS: %v", err)
	}
	return time.Duration(seconds) * time.Second
}

// pause lets up to limit pass.
func pause(random *rand.Rand, limit time.Duration) {
	<-time.After(time.Duration(random.Int64N(int64(limit))))
}

// freePort returns a port that nothing listens on.
func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
