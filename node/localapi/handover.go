package localapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// Left is what a server leaves to the one in whose program its own goes on, when that is locked: its listeners, so that nobody else
// can answer in between, and the hashes of its sessions, by which browsers see the page that asks for the passphrase. Its files are
// open in both programs. [API-90]
type Left struct {
	Socket   *os.File // nil: it is listened on anew, as the others
	First    *os.File // of loopback
	Second   *os.File // of loopback's other family; nil also where the machine has none
	Sessions *os.File // a pipe that ends
}

// HandOver returns what this server leaves. It is called before Run's context ends; then the socket stays in the folder.
// errors.ErrUnsupported where listeners cannot be handed over.
func (s *Server) HandOver() (_ *Left, err error) {
	left := new(Left)
	defer func() {
		if err != nil {
			left.Close()
		}
	}()
	if left.Sessions, err = pipeOf(s.sessions.marshal()); err != nil {
		return nil, fmt.Errorf("leaving the sessions: %w", err)
	}
	if left.First, err = fileOf(s.web.first); err != nil {
		return nil, err
	}
	if s.web.second != nil {
		if left.Second, err = fileOf(s.web.second); err != nil {
			return nil, err
		}
	}
	if left.Socket, err = fileOf(s.socket.Listener); err != nil {
		return nil, err
	}
	s.socket.left = true
	if unix, ok := s.socket.Listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	return left, nil
}

// fileOf returns another descriptor of a listener.
func fileOf(listener net.Listener) (*os.File, error) {
	l, ok := listener.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	file, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("leaving a listener: %w", err)
	}
	return file, nil
}

// pipeOf returns the end of a pipe that yields data, which is no more than a pipe holds.
func pipeOf(data []byte) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = write.Write(data)
	if err = errors.Join(err, write.Close()); err != nil {
		read.Close()
		return nil, err
	}
	return read, nil
}

// Close closes what was not taken over.
func (l *Left) Close() {
	for _, file := range []*os.File{l.Socket, l.First, l.Second, l.Sessions} {
		if file != nil {
			file.Close()
		}
	}
}

// hashes returns those of the sessions that were left, none of no sessions: who is not let in has to sign in.
func (l *Left) hashes() []byte {
	if l == nil || l.Sessions == nil {
		return nil
	}
	defer l.Sessions.Close()
	data, err := io.ReadAll(io.LimitReader(l.Sessions, maxSessions*32))
	if err != nil {
		return nil
	}
	return data
}

// page takes over loopback as it was left, or listens.
func (l *Left) page(asked string, last address) (*loopback, error) {
	if l == nil || l.First == nil {
		return listenPage(asked, last)
	}
	first, err := takeListener(l.First)
	if err != nil {
		return nil, err
	}
	web := &loopback{first: first, host: first.Addr().String()}
	if host, _, err := net.SplitHostPort(asked); err == nil {
		if _, port, err := net.SplitHostPort(web.host); err == nil {
			web.host = net.JoinHostPort(host, port)
		}
	}
	if l.Second != nil {
		if web.second, err = takeListener(l.Second); err != nil {
			first.Close()
			return nil, err
		}
	}
	return web, nil
}

// socket takes over the socket as it was left: it removes it when it closes.
func (l *Left) socket(path string) (net.Listener, error) {
	listener, err := takeListener(l.Socket)
	if err != nil {
		return nil, err
	}
	unix, ok := listener.(*net.UnixListener)
	if !ok || unix.Addr().String() != path {
		listener.Close()
		return nil, fmt.Errorf("taking over the socket: what was left is not %s", path)
	}
	unix.SetUnlinkOnClose(true)
	return unix, nil
}

func takeListener(file *os.File) (net.Listener, error) {
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("taking over a listener: %w", err)
	}
	return listener, nil
}
