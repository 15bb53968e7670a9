package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Remove removes a repository from a drive, whosever it is: the lists of snapshots first, then all else. What is no file of a repository
// stays, and with it the folder. It can be ended by ctx and called again. Errors wrap ErrNotFound, the error of ctx, or those of the Folder.
func Remove(ctx context.Context, folder Folder, id ID) error {
	on, err := look(folder, id)
	if err != nil {
		return err
	}
	r := &run{Job: Job{Folder: folder, Repository: id}, shelf: on}
	if err := r.keepOnly(ctx, nil, nil); err != nil {
		return err
	}
	marker := path.Join(id.folder(), markerName)
	if err := folder.Remove(marker); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: removing %s: %w", marker, err)
	}
	found, err := listing(folder, id.folder())
	if err != nil {
		return err
	}
	for _, info := range found {
		if info.Dir && len(info.Name) == 1 {
			_ = folder.Remove(path.Join(id.folder(), info.Name)) // one with something in it stays
		}
	}
	_ = folder.Remove(id.folder())
	return syncFolders(folder, topFolder)
}
