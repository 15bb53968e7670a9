package queue

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// Names of the files. Numbers in them are sixteen hexadecimal digits.
const (
	formatName  = "FORMAT"
	lockName    = "LOCK"
	rootPrefix  = "root-"
	slotsPrefix = "slots-"
	logPrefix   = "seg-"
	logSuffix   = ".log"
	ackSuffix   = ".ack"
	draftSuffix = ".new"
)

// A root file is "MUSTERQR" 8 | generation 8 | key 32 | first 16 bytes of SHA-256 of those 48. [STO-20]
//
// A slots file is slots of 128 bytes: segment number 8 | nonce 24 | wrapped key 48 | zeroes 48. A free slot is all
// zeroes. A slot never crosses a sector of 512 bytes, which disks write whole. [STO-21]
const (
	rootMagic = "MUSTERQR"
	rootSize  = 8 + 8 + keySize + 16
	keySize   = chacha20poly1305.KeySize
	slotSize  = 128
	slotUsed  = 8 + chacha20poly1305.NonceSizeX + keySize + chacha20poly1305.Overhead
)

// slots keeps the keys of segments. A generation is a root key and the slots wrapped under it; a root file exists only
// beside its whole slots file, and the highest generation counts.
type slots struct {
	files  Files
	secret []byte // of the caller's: root keys are worth nothing without it; none if empty

	mu         sync.Mutex // guards the following; held while slots are written
	generation uint64
	tried      uint64 // highest generation that may have left files
	file       File
	wrap       cipher.AEAD
	used       map[uint64]slot // by segment
	free       []int64         // indexes below count that are free
	count      int64           // slots in the file
	damaged    int             // slots that were neither free nor authentic at opening
	suspect    bool            // a write or fsync failed: the file is not written again, but replaced
	stale      bool            // a key was destroyed in this generation: the root key is worth replacing
}

type slot struct {
	index int64
	key   [keySize]byte
}

// openSlots reads the keys in the folder, making the first generation in an empty one. hasLogs says that there are
// segments: without a root key they are lost, which is damage.
func openSlots(files Files, secret []byte, names []string, hasLogs bool) (*slots, error) {
	s := &slots{files: files, secret: secret, used: make(map[uint64]slot)}
	generations := generationsIn(names)
	if len(generations) == 0 {
		if hasLogs {
			return nil, errNoRoot
		}
		if err := s.clean(names); err != nil {
			return nil, err
		}
		return s, s.rotateLocked()
	}
	if err := s.read(generations[len(generations)-1]); err != nil {
		return nil, err
	}
	return s, s.clean(names)
}

// readSlots reads the keys in the folder and changes nothing. A new folder has none.
func readSlots(files Files, names []string, hasLogs bool) (*slots, error) {
	s := &slots{files: files, used: make(map[uint64]slot)}
	generations := generationsIn(names)
	if len(generations) == 0 {
		if hasLogs {
			return nil, errNoRoot
		}
		return s, nil
	}
	return s, s.read(generations[len(generations)-1])
}

var errNoRoot = fmt.Errorf("%w: there are segments but no %s file to read them with", ErrCorrupt, rootPrefix)

// read reads the root key and the slots of a generation.
func (s *slots) read(generation uint64) error {
	s.generation = generation
	root, err := readRoot(s.files, generation)
	if err != nil {
		return err
	}
	if s.wrap, err = s.wrapUnder(root); err != nil {
		return err
	}
	return s.load()
}

// wrapUnder returns what wraps the keys of segments under a root key, and the caller's secret if there is one. [STO-21]
func (s *slots) wrapUnder(root []byte) (cipher.AEAD, error) {
	if len(s.secret) == 0 {
		return chacha20poly1305.NewX(root)
	}
	key, err := hkdf.Key(sha256.New, root, s.secret, string(keys.DomainStore)+"\x00queue root", keySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(key)
}

func generationsIn(names []string) []uint64 {
	var list []uint64
	for _, name := range names {
		if n, ok := numberIn(name, rootPrefix, ""); ok {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// numberIn reads the number of a file name; it accepts exactly what numbered writes.
func numberIn(name, prefix, suffix string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	rest, ok2 := strings.CutSuffix(rest, suffix)
	n, err := strconv.ParseUint(rest, 16, 64)
	return n, ok && ok2 && err == nil && numbered(prefix, n, suffix) == name
}

func numbered(prefix string, n uint64, suffix string) string {
	return fmt.Sprintf("%s%016x%s", prefix, n, suffix)
}

func readRoot(files Files, generation uint64) ([]byte, error) {
	name := numbered(rootPrefix, generation, "")
	data, err := readFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("queue: reading %s: %w", name, err)
	}
	if want := rootFile(generation, data[min(16, len(data)):min(48, len(data))]); !bytes.Equal(data, want) {
		return nil, fmt.Errorf("%w: %s is not a root key", ErrCorrupt, name)
	}
	return data[16:48], nil
}

func rootFile(generation uint64, key []byte) []byte {
	data := binary.BigEndian.AppendUint64([]byte(rootMagic), generation)
	data = append(data, key...)
	sum := sha256.Sum256(data)
	return append(data, sum[:16]...)
}

// load reads the slots of the present generation.
func (s *slots) load() error {
	name := numbered(slotsPrefix, s.generation, "")
	file, err := s.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrCorrupt, name)
	}
	if err != nil {
		return fmt.Errorf("queue: opening %s: %w", name, err)
	}
	s.file = file
	data, err := readFile(s.files, name)
	if err != nil {
		return fmt.Errorf("queue: reading %s: %w", name, err)
	}
	for ; len(data) > 0; s.count++ {
		raw := data[:min(slotSize, len(data))]
		data = data[len(raw):]
		number, key, err := s.open(s.count, raw)
		switch {
		case err != nil:
			s.damaged++ // kept as it is: it may be a key in the middle of being zeroed
		case number == 0:
			s.free = append(s.free, s.count)
		default:
			s.used[number] = slot{index: s.count, key: key}
		}
	}
	return nil
}

// clean removes drafts and older generations, keys overwritten first.
func (s *slots) clean(names []string) error {
	for _, name := range names {
		root, isRoot := numberIn(name, rootPrefix, "")
		held, isSlots := numberIn(name, slotsPrefix, "")
		draft := strings.HasSuffix(name, draftSuffix)
		if draft || isRoot && root != s.generation || isSlots && held != s.generation {
			if err := eraseFile(s.files, name); err != nil {
				return diskError("removing "+name, err)
			}
		}
	}
	return nil
}

// seal returns the bytes of a slot. [STO-21]
func sealSlot(wrap cipher.AEAD, generation uint64, index int64, number uint64, key []byte) []byte {
	raw := make([]byte, slotSize)
	binary.BigEndian.PutUint64(raw, number)
	nonce := raw[8:][:chacha20poly1305.NonceSizeX]
	rand.Read(nonce)
	wrap.Seal(raw[8+len(nonce):][:0], nonce, key, slotAD(generation, index, number))
	return raw
}

// open reads a slot; number 0 is a free one.
func (s *slots) open(index int64, raw []byte) (number uint64, key [keySize]byte, err error) {
	if len(bytes.Trim(raw, "\x00")) == 0 {
		return 0, key, nil
	}
	if len(raw) < slotSize || len(bytes.Trim(raw[slotUsed:], "\x00")) > 0 {
		return 0, key, ErrCorrupt
	}
	number = binary.BigEndian.Uint64(raw)
	nonce, rest := raw[8:][:chacha20poly1305.NonceSizeX], raw[8+chacha20poly1305.NonceSizeX:slotUsed]
	plain, err := s.wrap.Open(nil, nonce, rest, slotAD(s.generation, index, number))
	if err != nil || number == 0 {
		return 0, key, ErrCorrupt
	}
	return number, [keySize]byte(plain), nil
}

func slotAD(generation uint64, index int64, number uint64) []byte {
	ad := []byte("muster queue slot\x00")
	ad = binary.BigEndian.AppendUint64(ad, generation)
	ad = binary.BigEndian.AppendUint64(ad, uint64(index))
	return binary.BigEndian.AppendUint64(ad, number)
}

// add makes a key for a new segment and returns once its slot is durable.
func (s *slots) add(number uint64) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspect {
		if err := s.rotateLocked(); err != nil {
			return nil, err
		}
	}
	var k slot
	rand.Read(k.key[:])
	k.index = s.count
	if n := len(s.free); n > 0 {
		k.index = s.free[n-1]
	}
	_, err := s.file.WriteAt(sealSlot(s.wrap, s.generation, k.index, number, k.key[:]), k.index*slotSize)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		s.suspect = true
		return nil, diskError("writing a key slot", err)
	}
	if k.index == s.count {
		s.count++
	} else {
		s.free = s.free[:len(s.free)-1]
	}
	s.used[number] = k
	return chacha20poly1305.New(k.key[:])
}

// destroy zeroes the slots of segments and returns once that is durable: nothing sealed under their keys can be read
// again. Segments without a slot are no error.
func (s *slots) destroy(numbers []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspect {
		if err := s.rotateLocked(); err != nil {
			return err
		}
	}
	var gone []uint64
	for _, number := range numbers {
		k, ok := s.used[number]
		if !ok {
			continue
		}
		if _, err := s.file.WriteAt(make([]byte, slotSize), k.index*slotSize); err != nil {
			s.suspect = true
			return diskError("zeroing a key slot", err)
		}
		gone = append(gone, number)
	}
	if len(gone) == 0 {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		s.suspect = true
		return diskError("zeroing a key slot", err)
	}
	s.stale = true
	for _, number := range gone {
		s.free = append(s.free, s.used[number].index)
		delete(s.used, number)
	}
	return nil
}

// key returns the key of a segment that has one.
func (s *slots) key(number uint64) (cipher.AEAD, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.used[number]
	if !ok {
		return nil, false
	}
	key, err := chacha20poly1305.New(k.key[:])
	return key, err == nil
}

// sync makes what is in the slots file durable.
func (s *slots) sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Sync()
}

// numbers returns the segments that have a slot.
func (s *slots) numbers() map[uint64]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[uint64]bool, len(s.used))
	for number := range s.used {
		all[number] = true
	}
	return all
}

// ackKey returns the cipher of a segment's ack log: the same key with long random nonces, so none is shared. [STO-25]
func (s *slots) ackKey(number uint64) (cipher.AEAD, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.used[number]
	if !ok {
		return nil, false
	}
	key, err := chacha20poly1305.NewX(k.key[:])
	return key, err == nil
}

// rotate replaces the root key if a key was destroyed under it: a disk that kept an old copy of a zeroed slot then
// needs an old copy of the root key too.
func (s *slots) rotate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stale {
		return nil
	}
	return s.rotateLocked()
}

// rotateLocked writes all living slots under a fresh root key: the new slots first, then the root that makes them
// count, then the old ones are erased. Damaged slots are not carried over. [STO-21]
func (s *slots) rotateLocked() error {
	root := make([]byte, keySize)
	rand.Read(root)
	wrap, err := s.wrapUnder(root)
	if err != nil {
		return err
	}
	next := max(s.generation, s.tried) + 1
	s.tried = next
	used := make(map[uint64]slot, len(s.used))
	data := make([]byte, 0, len(s.used)*slotSize)
	for number, k := range s.used {
		k.index = int64(len(used))
		used[number] = k
		data = append(data, sealSlot(wrap, next, k.index, number, k.key[:])...)
	}
	slotsName, rootName := numbered(slotsPrefix, next, ""), numbered(rootPrefix, next, "")
	if err := writeFile(s.files, slotsName, data); err != nil {
		return diskError("writing "+slotsName, err)
	}
	file, err := s.files.Open(slotsName)
	if err != nil {
		return diskError("opening "+slotsName, err)
	}
	if err := writeFile(s.files, rootName, rootFile(next, root)); err != nil {
		file.Close()
		s.suspect = true // it may count after a crash: nothing must be written to the old slots any more
		return diskError("writing "+rootName, err)
	}
	old := s.generation
	if s.file != nil {
		s.file.Close()
	}
	s.generation, s.file, s.wrap, s.used = next, file, wrap, used
	s.free, s.count = nil, int64(len(used))
	s.suspect, s.stale = false, false
	for ; old < next; old++ {
		err = eraseFile(s.files, numbered(rootPrefix, old, ""))
		if err = errors.Join(err, eraseFile(s.files, numbered(slotsPrefix, old, ""))); err != nil {
			s.stale = true // an old root may still be there: the next opening erases it
			return diskError("erasing an old root key", err)
		}
	}
	return nil
}

func (s *slots) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.used)
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}
