package hosted

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/durable"
	"muster.example/internal/p2p"
	"muster.example/rendezvous"
	"muster.example/rendezvous/rvproto"
)

// Places is where a node listens, and by which further addresses it is reached.
type Places struct {
	Listen   []string // multiaddrs; the port 0 stands for one that is free
	Announce []string // such as those of a router that forwards
}

const (
	placesFile  = "places"
	maxPlaces   = 8 << 10 // bytes of the file
	maxListen   = rvproto.MaxAddresses
	maxAnnounce = 4
	defaultPort = 4747
	portTries   = 20
)

// ErrPlaces means that a node cannot be where it is told to.
var ErrPlaces = errors.New("hosted: not a place to listen or to announce")

// check refuses what no node can have.
func (p Places) check() error {
	if len(p.Listen) > maxListen || len(p.Announce) > maxAnnounce {
		return fmt.Errorf("%w: more than %d addresses to listen on, or %d to announce", ErrPlaces, maxListen, maxAnnounce)
	}
	for _, address := range slices.Concat(p.Listen, p.Announce) {
		if p2p.CheckAddress(address) != nil {
			return fmt.Errorf("%w: %q is not /ip4|ip6/ADDRESS/tcp/PORT or /ip4|ip6/ADDRESS/udp/PORT/quic-v1", ErrPlaces, address)
		}
	}
	return nil
}

func (p Places) empty() bool { return len(p.Listen)+len(p.Announce) == 0 }

// addresses returns where a node that listens is reached: what is announced of it, and what it sees of itself.
func (p Places) addresses(node *rendezvous.Node) []string {
	all := slices.Clone(p.Announce)
	for _, address := range node.Addresses() {
		if !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all[:min(len(all), rvproto.MaxAddresses)]
}

// everywhere is all addresses of the machine on one port, TCP and QUIC.
func everywhere(port int, withIPv6 bool) (all []string) {
	number := strconv.Itoa(port)
	all = append(all, "/ip4/0.0.0.0/tcp/"+number, "/ip4/0.0.0.0/udp/"+number+"/quic-v1")
	if withIPv6 {
		all = append(all, "/ip6/::/tcp/"+number, "/ip6/::/udp/"+number+"/quic-v1")
	}
	return all
}

// hasIPv6 reports whether this machine can listen on IPv6 at all.
func hasIPv6() bool {
	return isFree("/ip6/::/tcp/0")
}

// settle returns places with ports that are free now. Without any it is every address on the default port, or on another
// if a program has that.
func (p Places) settle() (Places, error) {
	if len(p.Listen) == 0 {
		withIPv6 := hasIPv6()
		if p.Listen = everywhere(defaultPort, withIPv6); allFree(p.Listen) {
			return p, nil
		}
		p.Listen = everywhere(0, withIPv6)
	}
	if !slices.ContainsFunc(p.Listen, hasNoPort) {
		return p, nil
	}
	for range portTries {
		port, err := freePort()
		if err != nil {
			return p, err
		}
		chosen := slices.Clone(p.Listen)
		for i, address := range chosen {
			if hasNoPort(address) {
				chosen[i] = withPort(address, port)
			}
		}
		if allFree(chosen) {
			p.Listen = chosen
			return p, nil
		}
	}
	return p, fmt.Errorf("%w: no port is free for all of %s", ErrPlaces, strings.Join(p.Listen, " "))
}

func hasNoPort(address string) bool {
	return strings.HasSuffix(address, "/tcp/0") || strings.HasSuffix(address, "/udp/0/quic-v1")
}

func withPort(address string, port int) string {
	number := strconv.Itoa(port)
	if at, tcp := strings.CutSuffix(address, "/tcp/0"); tcp {
		return at + "/tcp/" + number
	}
	return strings.TrimSuffix(address, "/udp/0/quic-v1") + "/udp/" + number + "/quic-v1"
}

// freePort asks the system for a port.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return 0, fmt.Errorf("asking for a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

func allFree(addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(address string) bool { return !isFree(address) })
}

// isFree reports whether nobody listens at an address, and this machine can.
func isFree(address string) bool {
	parsed, err := ma.NewMultiaddr(strings.TrimSuffix(address, "/quic-v1"))
	if err != nil {
		return false
	}
	network, where, err := manet.DialArgs(parsed)
	if err != nil {
		return false
	}
	if strings.HasPrefix(network, "udp") {
		socket, err := net.ListenPacket(network, where)
		if err != nil {
			return false
		}
		return socket.Close() == nil
	}
	listener, err := net.Listen(network, where)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// marshal is what the file holds: a line for each address.
func (p Places) marshal() []byte {
	var b bytes.Buffer
	for _, address := range p.Listen {
		fmt.Fprintln(&b, "listen", address)
	}
	for _, address := range p.Announce {
		fmt.Fprintln(&b, "announce", address)
	}
	return b.Bytes()
}

// parsePlaces reads what marshal wrote, and nothing else.
func parsePlaces(data []byte) (p Places, err error) {
	for line := range strings.Lines(string(data)) {
		what, address, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch what {
		case "listen":
			p.Listen = append(p.Listen, address)
		case "announce":
			p.Announce = append(p.Announce, address)
		default:
			return p, fmt.Errorf("%w: %q", ErrPlaces, line)
		}
	}
	if err := p.check(); err != nil {
		return p, err
	}
	if len(p.Listen) == 0 || !bytes.Equal(p.marshal(), data) {
		return p, fmt.Errorf("%w: the file is not whole", ErrPlaces)
	}
	return p, nil
}

// readPlaces returns where the node of a folder listens; fs.ErrNotExist if there is none.
func readPlaces(dir string) (Places, error) {
	path := filepath.Join(dir, placesFile)
	info, err := os.Lstat(path)
	if err != nil {
		return Places{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPlaces {
		return Places{}, fmt.Errorf("%w: %s", ErrPlaces, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Places{}, err
	}
	p, err := parsePlaces(data)
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// write keeps places in the folder, which is made if missing: there is a node once it returns.
func (p Places) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, placesFile)
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(p.marshal())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return errors.Join(durable.Folder(dir), durable.Folder(filepath.Dir(dir)))
}

// goneSuffix ends the name of a folder that is being removed.
const goneSuffix = "-gone"

// remove takes a folder away: it is nobody's at once, whatever happens then.
func remove(dir string) error {
	if err := os.Rename(dir, dir+goneSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(durable.Folder(filepath.Dir(dir)), os.RemoveAll(dir+goneSuffix))
}
