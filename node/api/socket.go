package api

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Where the socket lies. [API-1]
const (
	// SocketName is the socket's name in the node's folder.
	SocketName = "muster.sock"
	// SocketPointer is the name of a file in the node's folder that holds the socket's path and a newline, when the
	// folder's own path is too long for a socket. There is never both.
	SocketPointer = "muster.sock.path"
	// MaxSocketPath is the longest path of a socket in bytes. Linux allows 107, others less.
	MaxSocketPath = 100
)

// FindSocket returns the path of the socket of the node that serves dir, whether or not it is listening now. It
// returns an Error of CodeNotRunning if no node has been started there.
func FindSocket(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the folder %s: %w", dir, err)
	}
	if path := filepath.Join(absolute, SocketName); len(path) <= MaxSocketPath {
		return path, nil
	}
	text, err := os.ReadFile(filepath.Join(absolute, SocketPointer))
	if errors.Is(err, fs.ErrNotExist) {
		return "", NotRunning(dir)
	}
	if err != nil {
		return "", fmt.Errorf("finding the node's socket: %w", err)
	}
	path, ended := strings.CutSuffix(string(text), "\n")
	if !ended || !filepath.IsAbs(path) || len(path) > MaxSocketPath {
		return "", fmt.Errorf("%s does not name a socket", filepath.Join(absolute, SocketPointer))
	}
	return path, nil
}

// NotRunning returns the error for a folder that no node serves.
func NotRunning(dir string) *Error {
	return Errorf(CodeNotRunning, "no node is running for %s", dir).
		WithHint("start it in another terminal: muster start --dir %s", dir)
}
