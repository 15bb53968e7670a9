package drive

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// mount is a line of /proc/self/mountinfo, as proc_pid_mountinfo(5) has it.
type mount struct {
	id     string // of the mount
	device string // major:minor
	path   string
	kind   string // of file system
	source string
}

// maxMounts is how many lines are read at most: the kernel's own limit in a namespace is 100,000.
const maxMounts = 100_000

// parseMounts reads mountinfo. A line of another form is an error: what it hides could be the drive.
func parseMounts(text string) ([]mount, error) {
	var mounts []mount
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			continue
		}
		m, ok := parseMount(line)
		if !ok || len(mounts) == maxMounts {
			return nil, fmt.Errorf("drive: the list of mounts has a line of another form, or too many")
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

func parseMount(line string) (mount, bool) {
	front, back, ok := strings.Cut(line, " - ")
	first, last := strings.Split(front, " "), strings.SplitN(back, " ", 3)
	if !ok || len(first) < 6 || len(last) < 2 {
		return mount{}, false
	}
	path, pathOK := unescape(first[4])
	source, sourceOK := unescape(last[1])
	m := mount{id: first[0], device: first[2], path: path, kind: last[0], source: source}
	return m, pathOK && sourceOK && filepath.IsAbs(path)
}

// unescape undoes the kernel's \040 for a space, and the like.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 3 {
			return "", false
		}
		code, err := strconv.ParseUint(after[:3], 8, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(code))
		text = after[3:]
	}
}

// pseudo are file systems in which the kernel shows itself, or that hold nothing of a person.
var pseudo = map[string]bool{
	"autofs": true, "binfmt_misc": true, "bpf": true, "cgroup": true, "cgroup2": true, "configfs": true, "debugfs": true,
	"devpts": true, "devtmpfs": true, "efivarfs": true, "fusectl": true, "hugetlbfs": true, "mqueue": true, "nsfs": true,
	"proc": true, "pstore": true, "ramfs": true, "rpc_pipefs": true, "securityfs": true, "squashfs": true, "sysfs": true,
	"tracefs": true,
}

// distant are file systems behind a network. What is looked for is not looked for there: whoever asks one whose server does not
// answer waits for ever. Somebody who names a folder there is obeyed.
var distant = map[string]bool{
	"9p": true, "afs": true, "ceph": true, "cifs": true, "fuse.sshfs": true, "nfs": true, "nfs4": true, "smb3": true,
}

// volumesOf returns the volumes among mounts. Of several mounts at one path the last counts: it hides the others. removable
// says whether the block device major:minor can be taken out.
func volumesOf(mounts []mount, removable func(device string) bool) []Volume {
	last := make(map[string]int)
	for i, m := range mounts {
		last[m.path] = i
	}
	var volumes []Volume
	for i, m := range mounts {
		if last[m.path] != i || pseudo[m.kind] || distant[m.kind] {
			continue
		}
		volumes = append(volumes, Volume{
			Path: m.path, ID: m.id + " " + m.device, Name: filepath.Base(m.path), Removable: removable(m.device), Memory: m.kind == "tmpfs",
		})
	}
	return volumes
}
