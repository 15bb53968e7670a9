package backuptest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"muster.example/node/backup"
)

// ErrTorn is what every operation answers once the drive is torn away.
var ErrTorn = errors.New("backuptest: the drive is not there")

// ErrBroken is what an operation answers that a test has fail.
var ErrBroken = errors.New("backuptest: input/output error")

// block is what a drive writes at once.
const block = 512

// Drive is the file layer. The zero value has nothing on it and unlimited room. It is safe for concurrent use.
type Drive struct {
	// Capacity is how many bytes of files there is room for; 0 for any number.
	Capacity int64
	// NamesWithFiles says how names become durable: with a file's own Sync, and by syncing a folder not at all; else by syncing the
	// folder alone.
	NamesWithFiles bool
	// Lying has files that are synced hold zeros when they are read again: a drive that is smaller than it says.
	Lying bool

	mu         sync.Mutex // guards the following
	now        tree       // what the system sees
	durable    tree       // what would be there without power
	ops        int
	failAt     int // the operation that fails; 0 for none
	away       bool
	forever    bool
	open       map[string]int
	violations []string
	most       int // names in one folder
}

// tree is files and folders by their names from the top in lower case.
type tree map[string]*node

type node struct {
	name  string // as it was made
	dir   bool
	data  []byte
	saved []byte // what of data is durable
}

var _ backup.Folder = (*Drive)(nil)

// Clone returns a drive with the same on it, which nothing has happened to yet.
func (d *Drive) Clone() *Drive {
	d.mu.Lock()
	defer d.mu.Unlock()
	copies := make(map[*node]*node)
	same := func(t tree) tree {
		made := make(tree)
		for name, n := range t {
			if copies[n] == nil {
				copies[n] = &node{name: n.name, dir: n.dir, data: slices.Clone(n.data), saved: slices.Clone(n.saved)}
			}
			made[name] = copies[n]
		}
		return made
	}
	return &Drive{Capacity: d.Capacity, NamesWithFiles: d.NamesWithFiles, Lying: d.Lying, now: same(d.now), durable: same(d.durable)}
}

// FailAt has the operation of a number fail from now on, the first being 1: it alone, or it and, with forever, all later ones. A write
// that fails has written a part.
func (d *Drive) FailAt(n int, forever bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops, d.failAt, d.forever = 0, n, forever
}

// Ops returns how many operations there were since FailAt, or at all.
func (d *Drive) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Violations returns what a user has done that FAT does not have, or that a drive does not take well: files left open among it.
func (d *Drive) Violations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := slices.Clone(d.violations)
	for name, n := range d.open {
		if n != 0 {
			found = append(found, fmt.Sprintf("%s is open %d times", name, n))
		}
	}
	return found
}

// Most returns how many names the fullest folder had.
func (d *Drive) Most() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.most
}

// Torn returns the drive as it comes back after it was torn away: of each name and block that was not durable chance says whether it is
// what it was, what it was to be, or zeros.
func (d *Drive) Torn(chance *rand.Rand) *Drive {
	back := d.Clone()
	names := make(map[string]bool)
	for name := range back.now {
		names[name] = true
	}
	for name := range back.durable {
		names[name] = true
	}
	left := make(tree)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := back.durable[name]
		if back.now[name] != n && chance.IntN(2) == 0 {
			n = back.now[name]
		}
		if n == nil || left[path.Dir(name)] == nil && path.Dir(name) != "." {
			continue // its folder is not there either
		}
		n.data = spoil(n, chance)
		n.saved = n.data
		left[name] = n
	}
	back.now, back.durable = left, maps.Clone(left)
	return back
}

// spoil returns what is left of a file's data.
func spoil(n *node, chance *rand.Rand) []byte {
	if slices.Equal(n.data, n.saved) {
		return n.data
	}
	size := len(n.data)
	if chance.IntN(2) == 0 {
		size = len(n.saved)
	}
	data := make([]byte, size)
	for from := 0; from < size; from += block {
		to := min(from+block, size)
		switch chance.IntN(3) {
		case 0:
			copy(data[from:to], n.data[min(from, len(n.data)):])
		case 1:
			copy(data[from:to], n.saved[min(from, len(n.saved)):])
		}
	}
	return data
}

// Files returns the names of all files, sorted, with their sizes.
func (d *Drive) Files() []backup.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	var files []backup.Info
	for _, name := range slices.Sorted(maps.Keys(d.now)) {
		if n := d.now[name]; !n.dir {
			files = append(files, backup.Info{Name: n.name, Size: int64(len(n.data))})
		}
	}
	return files
}

// Edit changes what is in a file, past its user.
func (d *Drive) Edit(name string, change func(data []byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.now[strings.ToLower(name)]
	n.data = change(slices.Clone(n.data))
	n.saved = n.data
}

// Delete removes a file, past its user.
func (d *Drive) Delete(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.now, strings.ToLower(name))
	delete(d.durable, strings.ToLower(name))
}

// Upper has the drive show all names in upper case, as some systems do with short ones.
func (d *Drive) Upper() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.now {
		n.name = strings.ToUpper(n.name)
	}
}

// step counts an operation and says whether it fails.
func (d *Drive) step() error {
	d.ops++
	if d.away {
		return ErrTorn
	}
	if d.failAt == d.ops {
		if d.away = d.forever; d.away {
			return ErrTorn
		}
		return ErrBroken
	}
	return nil
}

// allowed are names that are the same on every system; see check for the longest ones.
var (
	allowed  = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9]+)?$`)
	reserved = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// check notes a name that not every drive can have.
func (d *Drive) check(name string) string {
	for i, part := range strings.Split(name, "/") {
		if i == 0 && (part == "MUSTER" || part == ".") {
			continue
		}
		if !allowed.MatchString(part) || reserved.MatchString(part) || len(part) > 64 {
			d.violations = append(d.violations, "the name "+name)
		}
	}
	if len(name) > 128 {
		d.violations = append(d.violations, "the long name "+name)
	}
	return strings.ToLower(name)
}

func (d *Drive) has(dir string) bool { return dir == "." || d.now[dir] != nil && d.now[dir].dir }

func (d *Drive) used() (n int64) {
	for _, one := range d.now {
		n += int64(len(one.data)+block-1) / block * block
	}
	return n
}

// place puts something new under a name.
func (d *Drive) place(name string, n *node) {
	if d.now == nil {
		d.now, d.durable = make(tree), make(tree)
	}
	key := strings.ToLower(name)
	d.now[key] = n
	count := 0
	for other := range d.now {
		if path.Dir(other) == path.Dir(key) {
			count++
		}
	}
	d.most = max(d.most, count)
}

// List implements backup.Folder.
func (d *Drive) List(dir string) ([]backup.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	key := d.check(dir)
	if !d.has(key) {
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	var found []backup.Info
	for name, n := range d.now {
		if path.Dir(name) == key {
			found = append(found, backup.Info{Name: path.Base(n.name), Dir: n.dir, Size: int64(len(n.data))})
		}
	}
	return found, nil
}

// MakeDir implements backup.Folder.
func (d *Drive) MakeDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	key := d.check(dir)
	switch {
	case d.now[key] != nil && d.now[key].dir:
		return nil
	case d.now[key] != nil:
		return fmt.Errorf("%s: %w", dir, fs.ErrExist)
	case !d.has(path.Dir(key)):
		return fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	case d.Capacity > 0 && d.used() >= d.Capacity:
		return backup.ErrFull
	}
	d.place(dir, &node{name: dir, dir: true})
	return nil
}

// Remove implements backup.Folder. A file that is open cannot be removed, nor a folder with something in it.
func (d *Drive) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	key := d.check(name)
	if d.now[key] == nil {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if d.open[key] != 0 {
		d.violations = append(d.violations, "removing "+name+" while it is open")
	}
	delete(d.now, key)
	return nil
}

// Sync implements backup.Folder.
func (d *Drive) Sync(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	if d.NamesWithFiles {
		return nil
	}
	key := d.check(dir)
	for _, names := range []tree{maps.Clone(d.now), maps.Clone(d.durable)} {
		for name := range names {
			if path.Dir(name) == key {
				d.settle(name)
			}
		}
	}
	return nil
}

// settle makes durable whether a name is there.
func (d *Drive) settle(name string) {
	if n := d.now[name]; n != nil {
		d.durable[name] = n
	} else {
		delete(d.durable, name)
	}
}

// Free implements backup.Folder.
func (d *Drive) Free() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return 0, err
	}
	if d.Capacity == 0 {
		return -1, nil
	}
	return max(d.Capacity-d.used(), 0), nil
}
