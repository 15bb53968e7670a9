//go:build crash

package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/rendezvous/archive/reader"
)

// cli runs one of the programs and returns what it answers.
func cli(t *testing.T, name string, arguments ...string) []byte {
	t.Helper()
	var out, said bytes.Buffer
	command := exec.Command(program.Path(name), arguments...)
	command.Env = append(os.Environ(), "MUSTER_YES=1")
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(arguments, " "), err, said.String(), out.String())
	}
	return out.Bytes()
}

func (p *person) cli(arguments ...string) []byte {
	p.t.Helper()
	return cli(p.t, "muster", append(arguments, "--dir", p.Dir)...)
}

// decode reads an answer in JSON.
func decode[T any](t *testing.T, data []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return value
}

// join makes somebody a member of the founder's organization.
func (p *person) join(by *person) {
	p.t.Helper()
	invitation := decode[struct{ Invitation string }](p.t, by.cli("invite", "--json")).Invitation
	p.cli("join", invitation, "--as", p.Name, "--json")
}

// The service is killed again and again while Ben, who is archived, writes and is written to. Every such message is in the
// archive, opens with the offline key, and is what its receiver opened; what others write to each other is not there. [ARC-48] [ARC-51] [ARC-60]
func TestCrashArchiveOfTheRealPrograms(t *testing.T) {
	node := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	ann, ben, cid := startPerson(t, "Ann"), startPerson(t, "Ben"), startPerson(t, "Cid")
	org := decode[struct{ Org string }](t, ann.cli("org", "create", "Acme", "--claim", node.Claim, "--as", "Ann", "--json")).Org
	for _, p := range []*person{ben, cid} {
		p.join(ann)
		ann.cli("introduce", p.Name, "Hello "+p.Name)
		program.Await(t, program.StartTime, "the introduction comes", func() bool {
			return bytes.Contains(p.cli("contacts", "--json"), []byte("Ann"))
		})
		p.cli("accept", "Ann")
	}

	offline, service, store := t.TempDir(), filepath.Join(t.TempDir(), "service"), filepath.Join(t.TempDir(), "store")
	key, heads := filepath.Join(offline, "archive.key"), filepath.Join(offline, "heads")
	public := strings.TrimSpace(string(cli(t, "muster-rendezvous", "archive", "keygen", "--out", key)))
	identity := strings.TrimSpace(string(cli(t, "muster-rendezvous", "archive", "identity", "--dir", service)))
	ann.cli("admin", "archive", "set", "--service", identity, "--key", public)
	ann.cli("admin", "archive", "designate", "Ben")
	status := decode[struct {
		Node      string
		Addresses []string
	}](t, cli(t, "muster-rendezvous", "status", "--dir", node.Dir, "--json"))
	archive := program.New(t, "archive", program.Path("muster-rendezvous"), "archive", "run", "--dir", service, "--org", org, "--key", public,
		"--node", status.Addresses[0]+"/p2p/"+status.Node, "--store", store, "--heads", heads, "--batch-age", "100ms")

	const rounds = 8
	wanted := make(map[string]bool)
	file := filepath.Join(t.TempDir(), "report.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte("all of it "), 40_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		archive.Start()
		for _, line := range []struct {
			from *person
			to   string
		}{{ann, "Ben"}, {ben, "Ann"}} {
			text := fmt.Sprintf("from %s, round %d", line.from.Name, round)
			wanted[text] = true
			line.from.cli("send", line.to, "-m", text)
		}
		ann.cli("send", "Cid", "-m", "for Cid alone")
		if round == rounds-1 {
			wanted["with a file"] = true
			ben.cli("send", "Ann", "-m", "with a file", "-a", file)
			break // it is not killed any more
		}
		archive.End(syscall.SIGKILL)
	}
	program.Await(t, 2*time.Minute, "the archive has everything", func() bool {
		answer := decode[struct {
			Health struct {
				Connected bool
				Waiting   int64
			}
		}](t, ann.cli("admin", "archive", "show", "--json"))
		texts := make(map[string]bool)
		for _, e := range archived(t, store, key) {
			texts[e.Text] = true
		}
		for text := range wanted {
			if !texts[text] {
				return false
			}
		}
		return answer.Health.Connected && answer.Health.Waiting == 0
	})
	archive.End(syscall.SIGTERM)

	roll := filepath.Join(offline, "roll")
	ann.cli("admin", "roll", "--export", roll)
	cli(t, "muster-rendezvous", "archive", "verify", "--store", store, "--heads", heads, "--service", identity)
	cli(t, "muster-rendezvous", "archive", "read", "verify", "--store", store, "--heads", heads, "--key", key, "--roll", roll)
	seen := make(map[string]int)
	for _, e := range archived(t, store, key, "--roll", roll) {
		if e.From.Name != "Ann" && e.From.Name != "Ben" {
			t.Errorf("from %q", e.From.Name)
		}
		if e.Kind == reader.KindMessage {
			seen[e.Text]++
		}
	}
	if seen["for Cid alone"] > 0 {
		t.Error("what is for others is in the archive")
	}
	for text := range wanted {
		if seen[text] == 0 {
			t.Errorf("%q is not in the archive", text)
		}
	}
	folder := filepath.Join(t.TempDir(), "case")
	cli(t, "muster-rendezvous", "archive", "read", "export", folder, "--store", store, "--key", key, "--roll", roll)
	if files, err := filepath.Glob(filepath.Join(folder, "files", "*report.bin")); err != nil || len(files) == 0 {
		t.Errorf("the file was not exported: %v", err)
	}
	for _, dir := range []string{service, store} { // what a thief of both has
		if out, err := exec.Command("grep", "-rlaE", "round 0|with a file|all of it|AGE-SECRET", dir).Output(); err == nil {
			t.Errorf("plaintext in %s", out)
		}
	}
}

// archived returns what is in a store.
func archived(t *testing.T, store, key string, more ...string) (all []reader.Entry) {
	t.Helper()
	out := cli(t, "muster-rendezvous", append([]string{"archive", "read", "list", "--json", "--store", store, "--key", key}, more...)...)
	for line := range bytes.Lines(out) {
		all = append(all, decode[reader.Entry](t, line))
	}
	return all
}
