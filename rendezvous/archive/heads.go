package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/segment"
)

// heads is the file outside of the store that says how far it goes, a head a line. [ARC-44]
type heads struct {
	path    string
	written time.Time
	last    uint64 // number of the last one
}

// MaxHeads is the size of a file of heads that is read, in bytes.
const MaxHeads = 64 << 20

const headsTail = 64 << 10 // what is read to find the last line

// add writes a head, unless one was written less than a pause ago.
func (h *heads) add(head segment.SignedHead, now time.Time, pause time.Duration) error {
	if h.path == "" || head.Number == h.last || now.Sub(h.written) < pause && now.After(h.written) {
		return nil
	}
	file, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = file.WriteString("\n" + head.Text() + "\n") // the line before may have been cut off
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("adding to the file of heads: %w", err)
	}
	h.written, h.last = now, head.Number
	return nil
}

// furthest returns the last head of a service that the end of the file has; false if there is none.
func (h *heads) furthest(org keys.OrgID, service keys.PublicKey) (segment.SignedHead, bool, error) {
	if h.path == "" {
		return segment.SignedHead{}, false, nil
	}
	file, err := os.Open(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return segment.SignedHead{}, false, nil
	}
	if err != nil {
		return segment.SignedHead{}, false, fmt.Errorf("reading the file of heads: %w", err)
	}
	defer file.Close()
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, err = file.Seek(max(0, size-headsTail), io.SeekStart)
		if err != nil {
			return segment.SignedHead{}, false, fmt.Errorf("reading the file of heads: %w", err)
		}
	}
	tail, err := io.ReadAll(io.LimitReader(file, headsTail))
	if err != nil {
		return segment.SignedHead{}, false, fmt.Errorf("reading the file of heads: %w", err)
	}
	var best segment.SignedHead
	for line := range bytes.Lines(tail) {
		head, err := segment.ParseHead(strings.TrimSpace(string(line)))
		if err == nil && head.Org == org && head.Service == service && head.Number > best.Number {
			best = head
		}
	}
	return best, best.Number > 0, nil
}

// ReadHeads reads a file of heads: one a line, empty lines and lines that begin with # between them. unreadable are the numbers
// of other lines: a line that was being written when the machine stopped is one.
func ReadHeads(r io.Reader) (all []segment.SignedHead, unreadable []int, err error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxHeads+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading heads: %w", err)
	}
	if len(data) > MaxHeads {
		return nil, nil, fmt.Errorf("more than %d bytes of heads: the last lines are enough", MaxHeads)
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if head, err := segment.ParseHead(text); err != nil {
			unreadable = append(unreadable, number)
		} else {
			all = append(all, head)
		}
	}
	return all, unreadable, nil
}
