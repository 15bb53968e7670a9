package machine

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheLeast(t *testing.T) {
	const info = "MemFree:  1 kB\nMemTotal:       16384 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control group":      {map[string]string{}, 16 << 20},
		"no limit":              {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 16 << 20},
		"the group's":           {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1048576\n"}, 1 << 20},
		"that of the one above": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4194304\n", "sys/fs/cgroup/a/memory.max": "2097152\n"}, 2 << 20},
		"a container's":         {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "3145728\n"}, 3 << 20},
		"more than there is":    {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n"}, 16 << 20},
		"a path that leads out": {map[string]string{"proc/self/cgroup": "0::/../x\n"}, 16 << 20},
		"another version":       {map[string]string{"proc/self/cgroup": "4:memory:/a\n"}, 16 << 20},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte(info)}}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, err := memory(root); got != c.want || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, got, err, c.want)
		}
	}
}

func TestMemoryThatIsNotTold(t *testing.T) {
	for _, info := range []string{"", "MemTotal: many kB\n", "MemTotal: 99999999999999999999 kB\n", "MemTotal: 0 kB\n"} {
		if got, err := memory(fstest.MapFS{"proc/meminfo": {Data: []byte(info)}}); err == nil {
			t.Errorf("%q: %d", info, got)
		}
	}
	if got, err := memory(fstest.MapFS{}); err == nil {
		t.Errorf("no file: %d", got)
	}
}
