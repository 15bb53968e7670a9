package queue_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"

	"muster.example/rendezvous/queue"
)

const sector = 512

var errPower = errors.New("the power is off")

// memFiles is a folder in memory that remembers what was synced. It can cut the power at a step, run out of room, and
// fail where it is told to.
type memFiles struct {
	mu      sync.Mutex
	now     map[string]*memNode // as programs see it
	durable map[string]*memNode // as after a power cut, without undone
	undone  []func(map[string]*memNode)
	steps   int
	cutAt   int // the step at which the power fails; 0 for never
	off     bool
	room    int64 // bytes that files may hold together; 0 for any
	fail    func(op, name string) error
}

type memNode struct {
	data   []byte
	synced []byte
	undone []memChange
}

// memChange is a write, or a truncation when data is nil.
type memChange struct {
	data []byte
	at   int64
}

func newMemFiles() *memFiles {
	return &memFiles{now: map[string]*memNode{}, durable: map[string]*memNode{}}
}

// step counts a change; false means that it must not happen.
func (m *memFiles) step(op, name string) error {
	if m.off {
		return errPower
	}
	if m.fail != nil {
		if err := m.fail(op, name); err != nil {
			return err
		}
	}
	if m.steps++; m.steps == m.cutAt {
		m.off = true
	}
	return nil
}

func (m *memFiles) powerOff() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.off
}

// revive gives the folder to the next process, as a killed one left it.
func (m *memFiles) revive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off, m.cutAt = false, 0
}

// after returns the folder as a power cut leaves it: what was synced, and of the rest what keep says, sector by sector;
// names change in order, up to some point.
func (m *memFiles) after(keep func() bool) *memFiles {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := newMemFiles()
	names := maps.Clone(m.durable)
	for _, change := range m.undone {
		if !keep() {
			break
		}
		change(names)
	}
	for name, node := range names {
		data := append([]byte(nil), node.synced...)
		for _, c := range node.undone {
			data = c.leave(data, keep)
		}
		n := &memNode{data: data, synced: append([]byte(nil), data...)}
		left.now[name], left.durable[name] = n, n
	}
	return left
}

func (c memChange) leave(data []byte, keep func() bool) []byte {
	if c.data == nil {
		if keep() {
			return resize(data, c.at)
		}
		return data
	}
	for at, rest := c.at, c.data; len(rest) > 0; {
		n := min(int(sector-at%sector), len(rest))
		if keep() {
			data = resize(data, max(int64(len(data)), at+int64(n)))
			copy(data[at:], rest[:n])
		}
		at, rest = at+int64(n), rest[n:]
	}
	return data
}

func resize(data []byte, size int64) []byte {
	if int64(len(data)) >= size {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func (m *memFiles) List() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.now {
		names = append(names, name)
	}
	return names, nil
}

func (m *memFiles) Create(name string) (queue.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now[name] != nil {
		return nil, fs.ErrExist
	}
	if err := m.step("create", name); err != nil {
		return nil, err
	}
	n := new(memNode)
	m.names(func(names map[string]*memNode) { names[name] = n })
	return &memFile{m, n, name}, nil
}

// names changes the folder, not yet durably.
func (m *memFiles) names(change func(map[string]*memNode)) {
	change(m.now)
	m.undone = append(m.undone, change)
}

func (m *memFiles) Open(name string) (queue.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.now[name]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return &memFile{m, n, name}, nil
}

func (m *memFiles) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.now[from]
	if n == nil {
		return fs.ErrNotExist
	}
	if err := m.step("rename", to); err != nil {
		return err
	}
	m.names(func(names map[string]*memNode) { names[to] = n; delete(names, from) })
	return nil
}

func (m *memFiles) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now[name] == nil {
		return fs.ErrNotExist
	}
	if err := m.step("remove", name); err != nil {
		return err
	}
	m.names(func(names map[string]*memNode) { delete(names, name) })
	return nil
}

func (m *memFiles) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("sync", "."); err != nil || m.off {
		return errors.Join(err, errPower)
	}
	for _, change := range m.undone {
		change(m.durable)
	}
	m.undone = nil
	return nil
}

// limit sets the room that files may take together; 0 for any.
func (m *memFiles) limit(room int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room = room
}

// failing asks fail before each change.
func (m *memFiles) failing(fail func(op, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

// count returns how many names begin with prefix.
func (m *memFiles) count(prefix string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for name := range m.now {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

type memFile struct {
	m    *memFiles
	n    *memNode
	name string
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step("write", f.name); err != nil {
		return 0, err
	}
	if room := f.m.room; room > 0 {
		for _, n := range f.m.now {
			room -= int64(len(n.data))
		}
		if grow := off + int64(len(p)) - int64(len(f.n.data)); grow > 0 && grow > room {
			part := max(0, min(int64(len(p)), int64(len(f.n.data))+room-off))
			f.write(p[:part], off)
			return int(part), syscall.ENOSPC
		}
	}
	f.write(p, off)
	if f.m.off {
		return 0, errPower
	}
	return len(p), nil
}

func (f *memFile) write(p []byte, off int64) {
	f.n.undone = append(f.n.undone, memChange{data: append([]byte{}, p...), at: off})
	f.n.data = resize(f.n.data, max(int64(len(f.n.data)), off+int64(len(p))))
	copy(f.n.data[off:], p)
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step("truncate", f.name); err != nil {
		return err
	}
	f.n.undone = append(f.n.undone, memChange{at: size})
	f.n.data = resize(f.n.data, size)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step("fsync", f.name); err != nil || f.m.off {
		return errors.Join(err, errPower)
	}
	f.n.synced = append(f.n.synced[:0:0], f.n.data...)
	f.n.undone = nil
	return nil
}

func (f *memFile) Close() error { return nil }

// manners are the ways in which unsynced changes may survive a power cut.
func manners(seed uint64) map[string]func() bool {
	random := rand.New(rand.NewPCG(seed, 1))
	return map[string]func() bool{
		"nothing more":            func() bool { return false },
		"everything":              func() bool { return true },
		"half":                    func() bool { return random.IntN(2) == 0 },
		"most":                    func() bool { return random.IntN(8) > 0 },
		fmt.Sprint("seed ", seed): func() bool { return random.IntN(5) == 0 },
	}
}
