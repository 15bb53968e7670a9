package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nkeys"
)

// Cluster is servers in one folder. All methods are for one goroutine.
type Cluster struct {
	dir     string
	program string
	Servers []*Server
}

// Server is one server process.
type Server struct {
	Name    string
	Host    string // address that it listens on
	Port    int    // of clients
	peers   int    // of the other servers
	dir     string
	program string
	behind  []string
	command *exec.Cmd
}

// Options say how the servers are to be.
type Options struct {
	Servers int                  // 1 or 3
	Port    int                  // of the first; the others follow by tens. 0 for any that are free
	Hosts   []string             // an address for each; 127.0.0.1 if empty
	MaxFile string               // of each server on disk, "64GB" if empty
	MaxMem  string               // of each server in memory, "512MB" if empty
	NoSync  bool                 // do not wait for the disk: for measurements alone
	Program string               // nats-server; built from the module if empty
	Behind  func(n int) []string // a command behind which each runs; nil for none
}

// New makes the folder of a cluster, with all keys, or takes the one that is there. No server runs yet.
func New(dir string, opt Options) (*Cluster, error) {
	if opt.Program == "" {
		out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
		if err != nil {
			return nil, fmt.Errorf("building nats-server: %w", err)
		}
		opt.Program = strings.TrimSpace(string(out))
	}
	c := &Cluster{dir: dir, program: opt.Program}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for n := range opt.Servers {
		s := &Server{Name: fmt.Sprintf("server%d", n+1), Host: "127.0.0.1", Port: opt.Port + 10*n, peers: opt.Port + 10*n + 1, program: opt.Program}
		if len(opt.Hosts) > 0 {
			s.Host = opt.Hosts[n]
		}
		if opt.Behind != nil {
			s.behind = opt.Behind(n)
		}
		if opt.Port == 0 {
			ports, err := freePorts(2)
			if err != nil {
				return nil, err
			}
			s.Port, s.peers = ports[0], ports[1]
		}
		s.dir = filepath.Join(dir, s.Name)
		c.Servers = append(c.Servers, s)
	}
	if _, err := os.Stat(c.Credentials()); errors.Is(err, os.ErrNotExist) {
		if err := c.makeKeys(); err != nil {
			return nil, fmt.Errorf("making keys: %w", err)
		}
	}
	public, err := os.ReadFile(filepath.Join(dir, "node.nkey.pub"))
	if err != nil {
		return nil, err
	}
	for _, s := range c.Servers {
		if err := c.configure(s, string(public), opt); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Credentials returns the file to give to a node.
func (c *Cluster) Credentials() string { return filepath.Join(c.dir, "node.toml") }

// URL returns what a node's --queue is to say.
func (c *Cluster) URL() string { return "nats://" + strings.Join(c.Addresses(), ",") }

// Addresses returns host:port of each server.
func (c *Cluster) Addresses() (all []string) {
	for _, s := range c.Servers {
		all = append(all, fmt.Sprintf("%s:%d", s.Host, s.Port))
	}
	return all
}

func (c *Cluster) makeKeys() error {
	ca, err := newAuthority(c.dir)
	if err != nil {
		return err
	}
	for _, s := range c.Servers {
		if err := ca.issue(s.Name, s.Host); err != nil {
			return err
		}
	}
	if err := ca.issue("node", "127.0.0.1"); err != nil {
		return err
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return err
	}
	file := fmt.Sprintf("seed = %q\nca = \"ca.pem\"\ncertificate = \"node.pem\"\nkey = \"node-key.pem\"\n", seed)
	return errors.Join(
		os.WriteFile(filepath.Join(c.dir, "node.nkey.pub"), []byte(public), 0o600),
		os.WriteFile(c.Credentials(), []byte(file), 0o600),
	)
}

// configure writes a server's configuration. docs/cluster.md says why each line is there.
func (c *Cluster) configure(s *Server, public string, opt Options) error {
	or := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	sync := "always"
	if opt.NoSync {
		sync = "2m"
	}
	var b bytes.Buffer
	tls := func(indent string) {
		fmt.Fprintf(&b, "%stls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n", indent,
			filepath.Join(c.dir, s.Name+".pem"), filepath.Join(c.dir, s.Name+"-key.pem"), filepath.Join(c.dir, "ca.pem"))
	}
	fmt.Fprintf(&b, "server_name: %s\nlisten: \"%s:%d\"\nmax_payload: 8MB\nwrite_deadline: \"10s\"\n", s.Name, s.Host, s.Port)
	tls("")
	fmt.Fprintf(&b, "jetstream {\n  store_dir: %q\n  max_file_store: %s\n  max_memory_store: %s\n  sync_interval: %s\n}\n",
		filepath.Join(s.dir, "data"), or(opt.MaxFile, "64GB"), or(opt.MaxMem, "512MB"), sync)
	fmt.Fprintf(&b, "accounts {\n  MUSTER: { jetstream: enabled, users: [ { nkey: %s } ] }\n  SYS: { }\n}\nsystem_account: SYS\n", public)
	if len(c.Servers) > 1 {
		fmt.Fprintf(&b, "cluster {\n  name: muster\n  listen: \"%s:%d\"\n  no_advertise: true\n", s.Host, s.peers)
		tls("  ")
		b.WriteString("  routes: [\n")
		for _, other := range c.Servers {
			fmt.Fprintf(&b, "    \"nats-route://%s:%d\"\n", other.Host, other.peers)
		}
		b.WriteString("  ]\n}\n")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "server.conf"), b.Bytes(), 0o600)
}

// Start starts all servers and waits until each answers.
func (c *Cluster) Start(limit time.Duration) error {
	for _, s := range c.Servers {
		if err := s.Start(); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(limit)
	for _, s := range c.Servers {
		if err := s.await(deadline); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends all servers, at once.
func (c *Cluster) Stop() {
	for _, s := range c.Servers {
		s.Kill()
	}
}

// Dir returns where a server keeps its streams.
func (s *Server) Dir() string { return filepath.Join(s.dir, "data") }

// Log returns what a server wrote.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Start starts the process. It dies with this one.
func (s *Server) Start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	words := slices.Concat(s.behind, []string{s.program, "-c", filepath.Join(s.dir, "server.conf")})
	s.command = exec.Command(words[0], words[1:]...)
	s.command.Stdout, s.command.Stderr = log, log
	s.command.SysProcAttr = attributes()
	if err := s.command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", s.Name, err)
	}
	return nil
}

// Kill ends the process with SIGKILL, also one that was stopped.
func (s *Server) Kill() { s.end(os.Kill) }

// Stop ends the process as an operator does.
func (s *Server) Stop() { s.end(os.Interrupt) }

func (s *Server) end(signal os.Signal) {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Signal(signal)
	_ = s.command.Wait()
	s.command = nil
}

// Signal sends a signal, such as SIGSTOP.
func (s *Server) Signal(signal syscall.Signal) error { return s.command.Process.Signal(signal) }

// ID returns the number of the process.
func (s *Server) ID() int { return s.command.Process.Pid }

// Await waits until the server answers.
func (s *Server) Await(limit time.Duration) error { return s.await(time.Now().Add(limit)) }

func (s *Server) await(deadline time.Time) error {
	address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			buffer := make([]byte, 5)
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			n, _ := conn.Read(buffer)
			conn.Close()
			if string(buffer[:n]) == "INFO " {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer at %s: %s", s.Name, address, s.Log())
		}
		<-time.After(50 * time.Millisecond)
	}
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
