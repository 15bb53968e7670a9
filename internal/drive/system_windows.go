package drive

import (
	"context"
	"fmt"

	"golang.org/x/sys/windows"
)

func watch(ctx context.Context, changed func()) error { return poll(ctx, list, changed) }

func list() ([]Volume, error) {
	letters, err := windows.GetLogicalDrives()
	if err != nil {
		return nil, fmt.Errorf("drive: reading which drive letters there are: %w", err)
	}
	var volumes []Volume
	for i := range 26 {
		if letters&(1<<i) == 0 {
			continue
		}
		root := string(rune('A'+i)) + `:\`
		if v, ok := volumeAt(root); ok {
			volumes = append(volumes, v)
		}
	}
	return volumes, nil
}

// volumeAt reads what is behind a drive letter; a reader without a card in it holds no volume.
func volumeAt(root string) (Volume, bool) {
	path, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return Volume{}, false
	}
	kind := windows.GetDriveType(path)
	if kind == windows.DRIVE_UNKNOWN || kind == windows.DRIVE_NO_ROOT_DIR {
		return Volume{}, false
	}
	var label [windows.MAX_PATH + 1]uint16
	var serial uint32
	if err := windows.GetVolumeInformation(path, &label[0], uint32(len(label)), &serial, nil, nil, nil, 0); err != nil {
		return Volume{}, false
	}
	name := windows.UTF16ToString(label[:])
	if name == "" {
		name = root
	}
	return Volume{Path: root, ID: fmt.Sprintf("%08x", serial), Name: name, Removable: kind == windows.DRIVE_REMOVABLE}, true
}
