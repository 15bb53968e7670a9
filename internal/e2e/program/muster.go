package program

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"muster.example/node/apiclient"
)

// What the programs say when they have started.
var (
	ClaimLink = regexp.MustCompile(`muster:claim/[A-Za-z0-9_-]+`)
	LoginLink = regexp.MustCompile(`http://[^ ]+/login/[A-Z0-9]+`)
)

// Rendezvous is a rendezvous node.
type Rendezvous struct {
	*Process
	Dir   string
	Claim string // link of its first start
}

// StartRendezvous starts a rendezvous node that listens at addresses, behind a command, which may be nothing.
func StartRendezvous(t *testing.T, behind []string, listen ...string) *Rendezvous {
	t.Helper()
	var flags []string
	for _, address := range listen {
		flags = append(flags, "--listen", address)
	}
	return RunRendezvous(t, behind, flags...)
}

// RunRendezvous starts a rendezvous node behind a command, which may be nothing, with flags.
func RunRendezvous(t *testing.T, behind []string, flags ...string) *Rendezvous {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rendezvous")
	command := slices.Concat(behind, []string{Path("muster-rendezvous"), "run", "--dir", dir}, flags)
	r := &Rendezvous{Dir: dir, Process: New(t, "rendezvous", command...)}
	r.Start()
	r.Claim = r.Says(ClaimLink)
	return r
}

// Device is a device node that keeps its folder and its key in files of the test.
type Device struct {
	*Process
	Dir    string
	Key    string            // file that unlocks Dir
	Login  string            // link of the last start
	Client *apiclient.Client // works whenever the device runs, also from outside its network namespace
}

// StartDevice starts a device node behind a command, which may be nothing, with further flags.
func StartDevice(t *testing.T, name string, behind []string, flags ...string) *Device {
	t.Helper()
	dir, key := filepath.Join(t.TempDir(), "node"), filepath.Join(t.TempDir(), "key")
	command := slices.Concat(behind, []string{Path("muster"), "start", "--dir", dir, "--key-file", key}, flags)
	d := &Device{Dir: dir, Key: key, Process: New(t, name, command...)}
	d.Start()
	return d
}

// Start starts the device and waits until it answers.
func (d *Device) Start() {
	d.t.Helper()
	d.Process.Start()
	d.Login = d.Says(LoginLink)
	if d.Client == nil {
		client, err := apiclient.New(d.Dir)
		if err != nil {
			d.t.Fatalf("reaching the node of %s: %v", d.Name, err)
		}
		d.Client = client
		d.t.Cleanup(client.Close)
	}
	Await(d.t, StartTime, d.Name+" answers", func() bool {
		_, err := d.Client.Status(context.Background())
		return err == nil
	})
}
