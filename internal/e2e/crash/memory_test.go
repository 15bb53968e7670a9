//go:build crash

package crash

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"muster.example/internal/e2e/program"
)

// inMemory looks for markers in the memory of a process, which is what a dump of it would hold, and returns the names of those found.
func inMemory(t *testing.T, process int, m markers) (found map[string]bool) {
	t.Helper()
	program.Need(t, runtime.GOOS == "linux" && os.Geteuid() == 0, "Linux, and root: the node's memory is kept from others")
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", process))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", process))
	if err != nil {
		t.Fatal(err)
	}
	found = make(map[string]bool)
	looked := int64(0)
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		if !strings.HasPrefix(mode, "rw") || strings.HasSuffix(lines.Text(), "[vvar]") {
			continue // what cannot be written holds nothing of ours; Go reserves much that cannot be read
		}
		looked += lookInto(t, io.NewSectionReader(memory, int64(from), int64(to-from)), m, found)
	}
	if looked < 1<<20 {
		t.Fatalf("%d bytes of memory looked at", looked)
	}
	return found
}

// lookInto reads a part of memory in pieces that overlap.
func lookInto(t *testing.T, part *io.SectionReader, m markers, found map[string]bool) (looked int64) {
	const piece, overlap = 1 << 20, 1 << 7
	forms := m.forms()
	buffer := make([]byte, piece)
	for at := int64(0); at < part.Size(); at += piece - overlap {
		n, err := part.ReadAt(buffer, at)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EFAULT) {
			t.Fatal(err)
		}
		looked += int64(n)
		for name, form := range forms {
			if !found[name] && bytes.Contains(buffer[:n], form) {
				found[name] = true
			}
		}
	}
	return looked
}
