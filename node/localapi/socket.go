package localapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/adrg/xdg"

	"muster.example/node/api"
	"muster.example/node/vault"
)

// socket is the listener on the unix socket; it takes the socket and the pointer to it away when it closes.
type socket struct {
	net.Listener
	path    string
	pointer string // path of the pointer file; empty if there is none
	left    bool   // it was handed over: what is in the folder stays
}

// listenSocket listens in dir or, where the path is too long for a socket, in the runtime folder, to which a file in
// dir points. The folder that holds the socket is the owner's alone before the socket exists in it. [API-1]
//
// The socket that another server left is taken over as it is.
func listenSocket(dir string, left *Left) (*socket, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of the socket: %w", err)
	}
	s := &socket{path: filepath.Join(dir, api.SocketName)}
	if len(s.path) > api.MaxSocketPath {
		if s.path, err = runtimeSocket(dir); err != nil {
			return nil, err
		}
		s.pointer = filepath.Join(dir, api.SocketPointer)
	}
	if left != nil && left.Socket != nil {
		if s.Listener, err = left.socket(s.path); err != nil {
			return nil, err
		}
		return s, nil
	}
	if err := removeStale(s.path); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", s.path)
	if err != nil {
		return nil, fmt.Errorf("listening on the socket: %w", err)
	}
	s.Listener = listener
	if err := os.Chmod(s.path, 0o600); err != nil {
		s.Close()
		return nil, fmt.Errorf("closing the socket to others: %w", err)
	}
	if s.pointer != "" {
		if err := vault.WriteFile(dir, api.SocketPointer, []byte(s.path+"\n")); err != nil {
			s.Close()
			return nil, fmt.Errorf("pointing to the socket: %w", err)
		}
	}
	return s, nil
}

// Close implements net.Listener.
func (s *socket) Close() error {
	if s.pointer != "" && !s.left {
		os.Remove(s.pointer)
	}
	return s.Listener.Close() // removes the socket, unless it was left
}

// runtimeSocket returns a short path for the socket of dir, in a private folder that exists when it returns.
func runtimeSocket(dir string) (string, error) {
	sum := sha256.Sum256([]byte(dir))
	name := hex.EncodeToString(sum[:8]) + ".sock"
	candidates := []string{filepath.Join(os.TempDir(), "muster-"+strconv.Itoa(os.Getuid()))}
	if info, err := os.Stat(xdg.RuntimeDir); err == nil && info.IsDir() {
		candidates = append([]string{filepath.Join(xdg.RuntimeDir, "muster")}, candidates...)
	}
	var reasons []error
	for _, folder := range candidates {
		path := filepath.Join(folder, name)
		if len(path) > api.MaxSocketPath {
			reasons = append(reasons, fmt.Errorf("%s is longer than %d bytes", path, api.MaxSocketPath))
			continue
		}
		if err := vault.PrivateFolder(folder); err != nil {
			reasons = append(reasons, err)
			continue
		}
		return path, nil
	}
	return "", api.Errorf(api.CodeFailed, "no place for the socket: %v", errors.Join(reasons...)).
		WithHint("use a folder with a shorter path, or set XDG_RUNTIME_DIR")
}

// removeStale removes the socket of a node that was killed. The caller's lock on the folder says that none is alive.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for an old socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket && info.Mode().Type() != fs.ModeIrregular { // irregular: Windows
		return fmt.Errorf("%s is in the way: it is not a socket", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing an old socket: %w", err)
	}
	return nil
}
