//go:build unix && !linux

package drive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// tops are folders in which systems mount drives.
var tops = []string{"/Volumes", "/media", "/mnt"}

func watch(ctx context.Context, changed func()) error { return poll(ctx, list, changed) }

// list returns the root, and each folder in one of tops that is on another device than that: so an empty mount point is no
// volume.
func list() ([]Volume, error) {
	root, err := deviceAt("/")
	if err != nil {
		return nil, fmt.Errorf("drive: reading what is mounted: %w", err)
	}
	volumes := []Volume{{Path: "/", ID: root, Name: "/"}}
	for _, top := range tops {
		entries, err := os.ReadDir(top)
		if err != nil {
			continue // there is none here
		}
		for _, entry := range entries {
			path := filepath.Join(top, entry.Name())
			device, err := deviceAt(path)
			if err == nil && entry.IsDir() && device != root {
				volumes = append(volumes, Volume{Path: path, ID: device, Name: entry.Name(), Removable: true})
			}
		}
	}
	return volumes, nil
}
