package drive

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someMounts = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 8:17 / /media/ada/MY\040STICK rw,nosuid shared:7 - vfat /dev/sdb1 rw
41 27 8:33 / /mnt rw - ext4 /dev/sdc1 rw
42 41 8:49 / /mnt rw - ext4 /dev/sdd1 rw
43 27 0:50 / /srv/office rw - nfs4 office:/ rw
44 27 0:51 / /tmp rw master:2 propagate_from:2 - tmpfs tmpfs
`

func TestMountsBecomeVolumes(t *testing.T) {
	mounts, err := parseMounts(someMounts)
	if err != nil {
		t.Fatal(err)
	}
	got := volumesOf(mounts, func(device string) bool { return device == "8:17" })
	want := []Volume{
		{Path: "/", ID: "27 254:0", Name: "/"},
		{Path: "/media/ada/MY STICK", ID: "40 8:17", Name: "MY STICK", Removable: true},
		{Path: "/mnt", ID: "42 8:49", Name: "mnt"}, // the later one hides the other
		{Path: "/tmp", ID: "44 0:51", Name: "tmp", Memory: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMountsOfAnotherFormAreRefused(t *testing.T) {
	for name, line := range map[string]string{
		"no separator": "22 27 0:21 / /proc rw,relatime proc proc rw", "too short": "22 27 / /proc - proc proc rw",
		"no source": "22 27 0:21 / /proc rw - proc", "a bad escape": `22 27 0:21 / /a\9 rw - ext4 /dev/sda rw`,
		"an escape cut off": `22 27 0:21 / /a\04 rw - ext4 /dev/sda rw`, "no byte": `22 27 0:21 / /a\777 rw - ext4 /dev/sda rw`,
		"relative": "22 27 0:21 / mnt rw - ext4 /dev/sda rw",
	} {
		if mounts, err := parseMounts(someMounts + line + "\n"); err == nil {
			t.Errorf("%s: read as %v", name, mounts[len(mounts)-1])
		}
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(someMounts)
	f.Add(`22 27 0:21 / /a\134\011b rw - ext4 /dev/sda rw`)
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := parseMounts(text)
		if err != nil {
			return
		}
		for _, v := range volumesOf(mounts, func(string) bool { return false }) {
			if v.Path == "" || v.Path[0] != '/' {
				t.Errorf("%q has a volume at %q", text, v.Path)
			}
		}
	})
}
