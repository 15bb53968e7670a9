package rendezvous

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
)

// A backup of a node is its identity and everything in its store, in the clear: whoever writes it to a disk seals it first. What
// waits in the queue is not in it: each sender keeps a message until its receipt, and offers it again. [STO-60]

// backupLine begins a backup. A newer program raises the number.
const backupLine = "muster rendezvous backup 1\n"

// The types of its frames, the first byte of each.
const (
	backupSeed  = 1 // seed of the node's key: the first
	backupEntry = 2 // a key, behind its length in two bytes, and its value
	backupEnd   = 3 // how many entries there were, in eight bytes, and SHA-256 of all bytes before this frame: the last
)

const (
	maxBackupFrame = 3 + kv.MaxKey + kv.MaxValue
	backupBuffer   = 64 << 10
	restoreBatch   = 256 << 10 // bytes of entries that one transaction restores, or one entry
)

// Errors of backups.
var (
	ErrBackup   = errors.New("rendezvous: not a whole backup")
	ErrNotEmpty = errors.New("rendezvous: the folder is not empty")
)

// backupWriter writes a backup and sums it up.
type backupWriter struct {
	w     io.Writer
	sum   hash.Hash
	count uint64
	frame []byte
}

func newBackupWriter(w io.Writer, seed [keys.SeedSize]byte) (*backupWriter, error) {
	b := &backupWriter{w: w, sum: sha256.New()}
	if err := b.write([]byte(backupLine)); err != nil {
		return nil, err
	}
	return b, b.put(append([]byte{backupSeed}, seed[:]...))
}

func (b *backupWriter) write(data []byte) error {
	b.sum.Write(data)
	_, err := b.w.Write(data)
	return err
}

func (b *backupWriter) put(payload []byte) error {
	b.frame = wire.AppendFrame(b.frame[:0], payload)
	return b.write(b.frame)
}

func (b *backupWriter) entry(key, value []byte) error {
	payload := make([]byte, 0, 3+len(key)+len(value))
	payload = binary.BigEndian.AppendUint16(append(payload, backupEntry), uint16(len(key)))
	b.count++
	return b.put(append(append(payload, key...), value...))
}

func (b *backupWriter) end() error {
	payload := binary.BigEndian.AppendUint64([]byte{backupEnd}, b.count)
	return b.put(b.sum.Sum(payload))
}

// writeBackup writes the backup of a store as it is at one moment. Its keys come in ascending order.
func writeBackup(ctx context.Context, w io.Writer, store *kv.Store, key keys.PrivateKey) error {
	b, err := newBackupWriter(w, key.Seed())
	if err != nil {
		return err
	}
	err = store.View(func(tx *kv.Tx) error {
		return tx.Range(nil, nil, false, func(key, value []byte) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			return true, b.entry(key, value)
		})
	})
	if err != nil {
		return err
	}
	return b.end()
}

// readBackup reads a backup to its end. take gets each entry; it may not keep key and value. Only when readBackup returns nil
// was the backup whole: until then nothing that was taken counts. Errors: ErrBackup, and those of r, begin and take. [STO-61]
func readBackup(r io.Reader, begin func(seed [keys.SeedSize]byte) error, take func(key, value []byte) error) error {
	line := make([]byte, len(backupLine))
	if _, err := io.ReadFull(r, line); err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	if string(line) != backupLine {
		if bytes.HasPrefix(line, []byte(backupLine[:len(backupLine)-2])) {
			return fmt.Errorf("%w: a newer version made it, of form %q", ErrBackup, bytes.TrimSpace(line))
		}
		return fmt.Errorf("%w: it does not begin like one", ErrBackup)
	}
	frames := wire.NewFrameReader(r, backupBuffer, maxBackupFrame)
	sum := sha256.New()
	sum.Write(line)
	var count uint64
	var last []byte
	for first := true; ; first = false {
		payload, err := frames.Read()
		if errors.Is(err, wire.ErrFrameSize) || errors.Is(err, wire.ErrDecode) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it breaks off or is damaged behind entry %d: %v", ErrBackup, count, err)
		}
		if err != nil {
			return err
		}
		if len(payload) > 0 && payload[0] == backupEnd && !first {
			want := sum.Sum(binary.BigEndian.AppendUint64([]byte{backupEnd}, count))
			if !bytes.Equal(payload, want) {
				return fmt.Errorf("%w: what it holds is not what was backed up", ErrBackup)
			}
			if _, err := frames.Read(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: there is something behind its end", ErrBackup)
			}
			return nil
		}
		sum.Write(wire.AppendFrame(nil, payload))
		if first {
			if len(payload) != 1+keys.SeedSize || payload[0] != backupSeed {
				return fmt.Errorf("%w: it has no identity", ErrBackup)
			}
			if err := begin([keys.SeedSize]byte(payload[1:])); err != nil {
				return err
			}
			continue
		}
		key, value, ok := parseBackupEntry(payload)
		if !ok || bytes.Compare(key, last) <= 0 {
			return fmt.Errorf("%w: what is behind entry %d is none", ErrBackup, count)
		}
		last = bytes.Clone(key)
		count++
		if err := take(key, value); err != nil {
			return err
		}
	}
}

func parseBackupEntry(payload []byte) (key, value []byte, ok bool) {
	if len(payload) < 3 || payload[0] != backupEntry {
		return nil, nil, false
	}
	size := int(binary.BigEndian.Uint16(payload[1:]))
	if size == 0 || size > kv.MaxKey || len(payload) < 3+size || len(payload)-3-size > kv.MaxValue {
		return nil, nil, false
	}
	return payload[3 : 3+size], payload[3+size:], true
}

// Backup writes the backup of a node's folder, whether the node runs or not, and returns nil when it is whole. Errors:
// ErrRunning for a node that starts or stops just now, ErrIdentity, those of w, and damage.
func Backup(ctx context.Context, dir string, w io.Writer) error {
	err := askBackup(ctx, dir, w)
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	if err := compatible(dir); err != nil {
		return err
	}
	key, err := readIdentity(filepath.Join(dir, identityFile), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no rendezvous node's folder: it has no %s", dir, identityFile)
	}
	if err != nil {
		return err
	}
	path := filepath.Join(dir, storeFolder)
	if !isThere(path) {
		return fmt.Errorf("%w: %s is not there", kv.ErrCorrupt, path)
	}
	store, err := kv.Open(path, storeKey(key), kv.Options{Brief: true})
	if errors.Is(err, kv.ErrLocked) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	return errors.Join(writeBackup(ctx, w, store, key), store.Close())
}

// notOurs may lie in a folder that is empty otherwise: what its operator has written there, and what a volume of its own brings.
var notOurs = []string{"config", "lost+found"}

// Restore makes a node's folder of a backup. The folder must be empty but for these two, or not be there. It has an identity only once all of
// it is there: before, no node starts in it. What the node had verified of its rolls is left out, so that it verifies all of it
// again: a backup may have been in anybody's hands. [STO-62] Errors: ErrNotEmpty, ErrBackup, kv.ErrFull, those of r.
func Restore(dir string, r io.Reader) (err error) {
	names, err := os.ReadDir(dir)
	made := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !made:
		return err
	case slices.ContainsFunc(names, func(name os.DirEntry) bool { return !slices.Contains(notOurs, name.Name()) }):
		return fmt.Errorf("%w: %s", ErrNotEmpty, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("narrowing the folder: %w", err)
	}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, storeFolder)))
		if made {
			err = errors.Join(err, os.Remove(dir))
		}
	}()
	var s restoring
	begin := func(seed [keys.SeedSize]byte) (err error) {
		s.key = keys.FromSeed(seed)
		s.store, err = kv.Open(filepath.Join(dir, storeFolder), storeKey(s.key), kv.Options{})
		return err
	}
	err = readBackup(r, begin, s.take)
	if err == nil {
		err = s.flush()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	if err != nil {
		return err
	}
	return putIdentity(filepath.Join(dir, identityFile), s.key, nil, nil)
}

// restoring is a store that is being filled.
type restoring struct {
	key     keys.PrivateKey
	store   *kv.Store
	pending []kv.Entry
	size    int
}

func (s *restoring) take(key, value []byte) error {
	if bytes.HasPrefix(key, kv.Key(tableVouch)) {
		return nil
	}
	if s.size+len(key)+len(value) > restoreBatch {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.pending = append(s.pending, kv.Entry{Key: bytes.Clone(key), Value: bytes.Clone(value)})
	s.size += len(key) + len(value)
	return nil
}

func (s *restoring) flush() error {
	if len(s.pending) == 0 {
		return nil
	}
	err := s.store.Update(func(tx *kv.Tx) error {
		for _, entry := range s.pending {
			if err := tx.Put(entry.Key, entry.Value); err != nil {
				return err
			}
		}
		return nil
	})
	s.pending, s.size = nil, 0
	return err
}
