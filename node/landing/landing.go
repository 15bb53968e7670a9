package landing

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/durable"
	"muster.example/internal/keys"
	"muster.example/sync/reconcile"
)

const (
	// fileSize is when a file is full: with the frame that fills it. After a crash so much is taken in again at most.
	fileSize = 16 << 20
	// Most is how many bytes may lie here before who brings more has to take in some first.
	Most = 1 << 30
)

// Landing is what was landed for one organization. Safe for concurrent use.
type Landing struct {
	dir  string
	tag  []byte // of the organization: the beginning of its files' names
	seal cipher.AEAD

	mu      sync.Mutex // guards the following
	files   []*file    // in the order in which they were begun
	last    uint64     // the number of the newest
	out     *os.File   // the newest, while it is written; nil: the next frame begins another
	put     time.Time  // when the last frame came
	records uint64     // that lie here
	bytes   int64
}

// file is one file.
type file struct {
	number uint64
	frames []frame // those that were not taken in
	length int64
}

// Batch is what one Put wrote.
type Batch struct {
	Items   []reconcile.Item
	Records [][]byte // nil if they cannot be read any more

	number uint64
	frame  frame
}

// Open finds what lies in dir for an organization; the folder is made when something is put there. What a crash has cut off, or
// cannot be read, is left out: nobody was told that it was here, or another device gives it again.
func Open(dir string, key [32]byte, org keys.OrgID) (*Landing, error) {
	tag, err := derive(key, "name", org, 8)
	if err != nil {
		return nil, err
	}
	own, err := derive(key, "records", org, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	seal, err := chacha20poly1305.NewX(own)
	if err != nil {
		return nil, fmt.Errorf("landing: %w", err)
	}
	l := &Landing{dir: dir, tag: tag, seal: seal}
	// Not a pattern: the folder's own name may have characters that mean something in one.
	entries, err := os.ReadDir(dir) // in the order of their names
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("landing: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), hex.EncodeToString(tag)+"-") {
			continue
		}
		if err := l.find(filepath.Join(dir, entry.Name())); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// derive makes something of the store's key for one use and organization. [STO-43]
func derive(key [32]byte, use string, org keys.OrgID, size int) ([]byte, error) {
	raw, err := hkdf.Key(sha256.New, key[:], nil, string(keys.DomainStore)+"\x00landing "+use+"\x00"+string(org[:]), size)
	if err != nil {
		return nil, fmt.Errorf("landing: %w", err)
	}
	return raw, nil
}

// find takes up one file that lies there.
func (l *Landing) find(path string) error {
	raw, err := hex.DecodeString(filepath.Base(path)[2*len(l.tag)+1:])
	if err != nil || len(raw) != 8 {
		return nil // nothing of ours
	}
	f := &file{number: binary.BigEndian.Uint64(raw)}
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("landing: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("landing: %w", err)
	}
	for f.length < info.Size() {
		frame, err := readHead(in, f.length, info.Size())
		if err == nil {
			_, err = frame.readItems(in, l.seal, l.name(f.number))
		}
		if err != nil {
			break
		}
		f.frames, f.length = append(f.frames, frame), f.length+frame.size()
		l.records, l.bytes = l.records+uint64(frame.count()), l.bytes+frame.size()
	}
	l.files, l.last = append(l.files, f), f.number
	if len(f.frames) == 0 {
		return l.removeLocked(f)
	}
	return nil
}

func (l *Landing) name(number uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clone(l.tag), number)
}

func (l *Landing) path(number uint64) string {
	name := l.name(number)
	return filepath.Join(l.dir, hex.EncodeToString(name[:len(l.tag)])+"-"+hex.EncodeToString(name[len(l.tag):]))
}

// Put adds up to MaxRecords records with their items. It is durable when it returns. After an error nothing was added.
func (l *Landing) Put(items []reconcile.Item, records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		if err := l.beginLocked(); err != nil {
			return fmt.Errorf("landing: %w", err)
		}
	}
	f := l.files[len(l.files)-1]
	data, frame := writeFrame(nil, l.seal, l.name(f.number), f.length, items, records)
	_, err := l.out.WriteAt(data, f.length)
	if err == nil {
		err = l.out.Sync()
	}
	if err != nil {
		// What lies behind the last frame is not known any more: nothing more goes into this file.
		return errors.Join(fmt.Errorf("landing: %w", err), l.endLocked())
	}
	f.frames, f.length, l.put = append(f.frames, frame), f.length+frame.size(), time.Now()
	l.records, l.bytes = l.records+uint64(len(records)), l.bytes+frame.size()
	if f.length >= fileSize {
		return l.endLocked()
	}
	return nil
}

// beginLocked begins a file. Callers hold mu.
func (l *Landing) beginLocked() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	l.last++
	out, err := os.OpenFile(l.path(l.last), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := durable.Folder(l.dir); err != nil {
		return errors.Join(err, out.Close(), os.Remove(out.Name()))
	}
	l.out, l.files = out, append(l.files, &file{number: l.last})
	return nil
}

// endLocked writes nothing more to the newest file, and removes it if nothing of it is left. Callers hold mu.
func (l *Landing) endLocked() error {
	if l.out == nil {
		return nil
	}
	err := l.out.Close()
	l.out = nil
	if f := l.files[len(l.files)-1]; len(f.frames) == 0 {
		err = errors.Join(err, l.removeLocked(f))
	}
	return err
}

// removeLocked removes a file that is written no more. Callers hold mu.
func (l *Landing) removeLocked(f *file) error {
	l.files = slices.DeleteFunc(l.files, func(other *file) bool { return other == f })
	if err := os.Remove(l.path(f.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("landing: %w", err)
	}
	return nil
}

// First returns the batch that has been here longest, nil if there is none. It stays until Done.
func (l *Landing) First() (*Batch, error) {
	l.mu.Lock()
	if len(l.files) == 0 || len(l.files[0].frames) == 0 {
		l.mu.Unlock()
		return nil, nil
	}
	f := l.files[0]
	b := &Batch{number: f.number, frame: f.frames[0]}
	l.mu.Unlock()
	in, err := os.Open(l.path(b.number))
	if err != nil {
		return nil, fmt.Errorf("landing: %w", err)
	}
	defer in.Close()
	if b.Items, err = b.frame.readItems(in, l.seal, l.name(b.number)); err == nil {
		b.Records, err = b.frame.readRecords(in, l.seal, l.name(b.number))
	}
	if errors.Is(err, errFrame) { // damaged: another device gives it again
		b.Records, err = nil, nil
	}
	return b, err
}

// Done removes a batch that First returned.
func (l *Landing) Done(b *Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.files, func(f *file) bool { return f.number == b.number })
	if at < 0 {
		return nil
	}
	f := l.files[at]
	had := len(f.frames)
	f.frames = slices.DeleteFunc(f.frames, func(other frame) bool { return other.offset == b.frame.offset })
	if len(f.frames) == had {
		return nil
	}
	l.records, l.bytes = l.records-uint64(b.frame.count()), l.bytes-b.frame.size()
	switch {
	case len(f.frames) > 0:
		return nil
	case l.out != nil && f.number == l.last:
		return l.endLocked()
	}
	return l.removeLocked(f)
}

// Items returns the items of what lies here from a time on, in any order. What is taken in meanwhile may be among them.
func (l *Landing) Items(since uint64) (items []reconcile.Item, err error) {
	l.mu.Lock()
	now := make([]file, len(l.files))
	for i, f := range l.files {
		now[i] = file{number: f.number, frames: slices.Clone(f.frames)}
	}
	items = make([]reconcile.Item, 0, l.records)
	l.mu.Unlock()
	for _, f := range now {
		if items, err = l.appendItems(items, f, since); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (l *Landing) appendItems(items []reconcile.Item, f file, since uint64) ([]reconcile.Item, error) {
	in, err := os.Open(l.path(f.number))
	if errors.Is(err, fs.ErrNotExist) {
		return items, nil // it was taken in since
	} else if err != nil {
		return nil, fmt.Errorf("landing: %w", err)
	}
	defer in.Close()
	for _, frame := range f.frames {
		some, err := frame.readItems(in, l.seal, l.name(f.number))
		if err != nil {
			continue // it is not here any more
		}
		for _, item := range some {
			if item.Time >= since {
				items = append(items, item)
			}
		}
	}
	return items, nil
}

// State is how much lies here.
type State struct {
	Records uint64
	Bytes   int64
	Put     time.Time // when something came last, since Open
}

// State returns how much lies here.
func (l *Landing) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return State{l.records, l.bytes, l.put}
}

// Remove removes everything that lies in dir for an organization that is not open.
func Remove(dir string, key [32]byte, org keys.OrgID) error {
	l, err := Open(dir, key, org)
	if err != nil {
		return err
	}
	for len(l.files) > 0 {
		if err := l.removeLocked(l.files[0]); err != nil {
			return err
		}
	}
	return nil
}

// Reseal puts what lies in the folder from for an organization into the folder to, under another key, in the same order. What lay there
// before stays. What cannot be read is left out: another device gives it again. Nobody uses either folder meanwhile.
func Reseal(from string, key [32]byte, to string, next [32]byte, org keys.OrgID) error {
	old, err := Open(from, key, org)
	if err != nil {
		return err
	}
	fresh, err := Open(to, next, org)
	if err != nil {
		return err
	}
	for _, f := range old.files {
		if err := fresh.putAll(old, f); err != nil {
			return errors.Join(err, fresh.Close())
		}
	}
	return fresh.Close()
}

// putAll puts what can be read of a file of another landing.
func (l *Landing) putAll(from *Landing, f *file) error {
	in, err := os.Open(from.path(f.number))
	if err != nil {
		return fmt.Errorf("landing: %w", err)
	}
	defer in.Close()
	for _, frame := range f.frames {
		items, err := frame.readItems(in, from.seal, from.name(f.number))
		var records [][]byte
		if err == nil {
			records, err = frame.readRecords(in, from.seal, from.name(f.number))
		}
		if errors.Is(err, errFrame) {
			continue
		}
		if err == nil {
			err = l.Put(items, records)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends what is open. What was put stays.
func (l *Landing) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.endLocked()
}
