package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// pace holds writing to a rate.
type pace struct {
	rate    int64 // bytes a second; 0 for as fast as it goes
	began   time.Time
	written int64
}

// wait waits until n bytes more may have been written, or the context ends.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began = time.Now()
	}
	p.written += int64(n)
	due := time.Duration(float64(p.written) / float64(p.rate) * float64(time.Second))
	timer := time.NewTimer(due - time.Since(p.began))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeFile writes a new file, has it durable, and reads it back. What is there under the name already is written anew, unless it
// is just that. A file that could not be written whole is removed. [BAK-9]
func writeFile(ctx context.Context, folder Folder, name string, data []byte, p *pace) error {
	file, err := folder.Create(name)
	if errors.Is(err, fs.ErrExist) {
		if readBack(folder, name, data) == nil {
			return nil
		}
		if err := folder.Remove(name); err != nil {
			return fmt.Errorf("backup: removing what is left of %s: %w", name, err)
		}
		file, err = folder.Create(name)
	}
	if err != nil {
		return fmt.Errorf("backup: making %s: %w", name, err)
	}
	err = writeAll(ctx, file, data, p)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = folder.Remove(name) // it may not work either: the next run removes what no list names
		return fmt.Errorf("backup: writing %s: %w", name, err)
	}
	if err := readBack(folder, name, data); err != nil {
		_ = folder.Remove(name)
		return err
	}
	return nil
}

func writeAll(ctx context.Context, file File, data []byte, p *pace) error {
	for offset := 0; offset < len(data); {
		n := min(writeStep, len(data)-offset)
		if err := p.wait(ctx, n); err != nil {
			return err
		}
		if _, err := file.WriteAt(data[offset:offset+n], int64(offset)); err != nil {
			return err
		}
		offset += n
	}
	return nil
}

// readBack reads a file from the drive and compares it.
func readBack(folder Folder, name string, data []byte) error {
	got, err := readFile(folder, name, int64(len(data)))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%w: %s", ErrReadBack, name)
	}
	return nil
}

// makeFolders makes the folder of a name and those above it, and makes them durable.
func makeFolders(folder Folder, dir string) error {
	if dir == "." {
		return nil
	}
	if err := makeFolders(folder, path.Dir(dir)); err != nil {
		return err
	}
	if err := folder.MakeDir(dir); err != nil {
		return fmt.Errorf("backup: making the folder %s: %w", dir, err)
	}
	return nil
}
