package localapi

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"muster.example/node/api"
	"muster.example/node/vault"
)

// AddressFile holds, in the node's folder, where the page was served last: a browser keeps what a person allowed a page
// by its whole address, so that one should stay.
const AddressFile = "page.json"

// address is the content of AddressFile.
type address struct {
	Name string `json:"name"` // the first label of the page's host, random: nobody else can know it
	Port string `json:"port"`
}

// readAddress returns the address of the last time, or a new name. A file that is damaged costs no more than that.
func readAddress(dir string) address {
	var a address
	data, err := os.ReadFile(filepath.Join(dir, AddressFile))
	if err != nil || json.Unmarshal(data, &a) != nil || len(a.Name) != len(newName()) || strings.Trim(a.Name, nameLetters) != "" {
		a = address{Name: newName()}
	}
	return a
}

const nameLetters = "abcdefghijklmnopqrstuvwxyz234567"

func newName() string { return "m" + strings.ToLower(rand.Text()) }

func (a address) write(dir string) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return vault.WriteFile(dir, AddressFile, append(data, '\n'))
}

// listenPage listens on loopback at the address that was asked for, or where it was the last time if that is free.
func listenPage(asked string, last address) (*loopback, error) {
	if asked == DefaultWeb && last.Port != "" {
		if l, err := listenLoopback(net.JoinHostPort("127.0.0.1", last.Port)); err == nil {
			return l, nil
		}
	}
	var l *loopback
	var err error
	for range 16 { // a port that is free for one family may be taken for the other
		if l, err = listenLoopback(asked); err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.HasSuffix(asked, ":0") {
			break
		}
	}
	return l, err
}

// loopback is a port on this machine, taken for both families: a browser may look for a name of ours at either, and
// nobody else must answer there.
type loopback struct {
	first, second net.Listener // second is nil where the machine has one family, or an address was asked for that has one
	host          string       // HOST:PORT as it was asked for, with the port that it got
}

// Close implements io.Closer.
func (l *loopback) Close() error {
	if l.second == nil {
		return l.first.Close()
	}
	return errors.Join(l.first.Close(), l.second.Close())
}

// listenLoopback listens on address. Names other than localhost are refused: what they stand for can change.
func listenLoopback(address string) (*loopback, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%q is not HOST:PORT", address).WithHint("for example 127.0.0.1:8080")
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, api.Errorf(api.CodeUsage, "%q is not on loopback", address).
			WithHint("use 127.0.0.1, [::1] or localhost: the API is for programs of this machine only")
	}
	first, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for the local API: %w", err)
	}
	_, port, err := net.SplitHostPort(first.Addr().String())
	if err != nil {
		first.Close()
		return nil, fmt.Errorf("reading the local API's port: %w", err)
	}
	l := &loopback{first: first, host: net.JoinHostPort(host, port)}
	l.second, err = net.Listen("tcp", net.JoinHostPort(otherFamily(first), port))
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		first.Close()
		return nil, fmt.Errorf("listening for the local API on the other loopback address: %w", err)
	}
	if err != nil { // the machine has no such family: nobody else can listen there either
		l.second = nil
	}
	return l, nil
}

// otherFamily returns the loopback address of the family that a listener does not have.
func otherFamily(l net.Listener) string {
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.IP.To4() != nil {
		return "::1"
	}
	return "127.0.0.1"
}
