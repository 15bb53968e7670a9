//go:build netns && linux

package netns

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// player is a run of this test binary that plays a part on a host, beside the test. They talk by lines.
type player struct {
	t       *testing.T
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	said    bytes.Buffer // what it said so far on standard output
	errors  bytes.Buffer // and on standard error
}

// playerSays begins each line that is for the test.
const playerSays = "player: "

// plays runs this test on a host as again does, beside the test.
func (n network) plays(host string) *player {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	p := &player{t: n.t, command: n.command(host, self, "-test.run", "^"+n.t.Name()+"$", "-test.v")}
	p.command.Env = append(os.Environ(), onHost+"="+host)
	p.command.Stderr = &p.errors
	if p.in, err = p.command.StdinPipe(); err != nil {
		n.t.Fatal(err)
	}
	out, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		n.t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	n.t.Cleanup(func() { _ = p.in.Close(); _ = p.command.Wait() }) // the test's context has ended it
	return p
}

// tells gives the player a line.
func (p *player) tells(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatalf("telling %v %q: %v", p.command.Args, line, err)
	}
}

// hears waits for the player's next line.
func (p *player) hears() string {
	p.t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		p.said.WriteString(line)
		if said, is := strings.CutPrefix(line, playerSays); is {
			return strings.TrimSpace(said)
		}
		if err != nil {
			p.t.Fatalf("%v: %v\n%s%s", p.command.Args, err, &p.said, &p.errors)
		}
	}
}

// expects waits for the player's next line, which must be this one.
func (p *player) expects(line string) {
	p.t.Helper()
	if said := p.hears(); said != line {
		p.t.Fatalf("%v says %q, not %q", p.command.Args, said, line)
	}
}

// ends tells the player that no more comes, and waits for what it says last.
func (p *player) ends() string {
	p.t.Helper()
	_ = p.in.Close()
	return p.hears()
}

// part is what a player sees: the lines of the test, and a context that ends with them.
type part struct {
	ctx   context.Context
	lines chan string
}

// play begins a part.
func play(t *testing.T) part {
	ctx, cancel := context.WithCancel(t.Context())
	p := part{ctx, make(chan string)}
	go func() {
		defer close(p.lines)
		defer cancel()
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			p.lines <- in.Text()
		}
	}()
	return p
}

// says says a line to the test.
func (part) says(line ...any) { fmt.Println(playerSays + fmt.Sprint(line...)) }

// dial connects from a host, over TCP: a socket stays in the network that it was made in.
func (n network) dial(host, address string) (c net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var space *os.File
		if space, err = os.Open("/run/netns/" + n.prefix + "-" + host); err != nil {
			return
		}
		defer space.Close()
		if err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err == nil {
			c, err = net.Dial("tcp4", address)
		}
	}()
	<-done
	return c, err
}
