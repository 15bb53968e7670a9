// Package machine tells what the machine gives a program: how much memory.
//
// It must not know what the memory is for.
package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Memory returns how many bytes of memory this program may use: those of the machine, or those of its control group
// (cgroup v2) if they are fewer. An error where the system does not say, as outside Linux.
func Memory() (int64, error) { return memory(os.DirFS("/")) }

func memory(root fs.FS) (int64, error) {
	info, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("machine: reading how much memory there is: %w", err)
	}
	total, err := totalIn(info)
	if err != nil {
		return 0, err
	}
	for group := groupOf(root); ; group = path.Dir(group) {
		text, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max"))
		if err == nil {
			// "max" is no number, and no limit.
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
				total = min(total, limit)
			}
		}
		if group == "." {
			return total, nil
		}
	}
}

// totalIn finds the line "MemTotal: 16384 kB".
func totalIn(info []byte) (int64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			if kib, err := strconv.ParseInt(fields[1], 10, 43); err == nil && kib > 0 {
				return kib << 10, nil
			}
		}
	}
	return 0, errors.New("machine: the system does not say how much memory there is")
}

// groupOf returns the control group that this process is in, below the root of all, "." for that root or none.
func groupOf(root fs.FS) string {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return "."
	}
	for line := range strings.Lines(string(text)) {
		if group, found := strings.CutPrefix(strings.TrimSpace(line), "0::/"); found {
			if group = path.Clean(group); fs.ValidPath(group) {
				return group
			}
		}
	}
	return "."
}
