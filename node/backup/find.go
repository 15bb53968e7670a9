package backup

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// Found is a repository on a drive.
type Found struct {
	ID ID
	// Own says that its marker was written with the keys: by some device of the same recovery words, so who writes keeps the ID to know
	// its own. It is false for keys that cannot tell; Open tells then.
	Own bool
	// Err says what is wrong with the marker: it wraps ErrDamaged or ErrNewer. What is in the repository may be intact all the same.
	Err error
}

// Find lists the repositories on a drive, in the order of their names: those of all persons and devices. Keys may be Keys{}. There may
// be none. [BAK-1]
func Find(folder Folder, k Keys) ([]Found, error) {
	names, err := listing(folder, topFolder)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, info := range names {
		id, err := ParseID(info.Name)
		if err != nil || !info.Dir || len(found) == maxFound {
			continue
		}
		mark, err := readMarker(folder, id)
		found = append(found, Found{ID: id, Own: err == nil && k.own(id, mark), Err: err})
	}
	slices.SortFunc(found, func(a, b Found) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return found, nil
}

// Create makes an empty repository on a drive: one for each device and person. What else is on the drive stays. [BAK-1]
func Create(ctx context.Context, folder Folder, writer keys.BackupWriter, random io.Reader) (ID, error) {
	id, err := NewID(random)
	if err != nil {
		return id, err
	}
	if err := makeFolders(folder, id.folder()); err != nil {
		return id, err
	}
	return id, writeMarker(ctx, folder, id, WriterKeys(writer))
}

// writeMarker writes the marker of a repository, or mends it.
func writeMarker(ctx context.Context, folder Folder, id ID, k Keys) error {
	text := markerText(id, markOf(k.mark, markMarker, id[:]))
	if err := writeFile(ctx, folder, path.Join(id.folder(), markerName), text, new(pace)); err != nil {
		return err
	}
	return syncFolders(folder, id.folder(), topFolder, ".")
}

func syncFolders(folder Folder, dirs ...string) error {
	for _, dir := range dirs {
		if err := folder.Sync(dir); err != nil {
			return fmt.Errorf("backup: syncing the folder %s: %w", dir, err)
		}
	}
	return nil
}
