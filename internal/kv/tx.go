package kv

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/crypto/chacha20poly1305"
)

// Tx is one view of the store, and in Update the changes made so far, which its own reads see. It is valid until the
// function that got it returns, and for one goroutine. Keys and values that it returns belong to the caller; those that
// it takes are copied.
type Tx struct {
	store    *Store
	txn      *badger.Txn
	writable bool
	wrote    bool // something was put or deleted

	noting bool // for the journal of a shared store
	noted  []entry
}

// errOwnKey refuses the one key that the store uses itself.
var errOwnKey = errors.New("kv: the store keeps this key for itself")

// isOwn reports whether a key is one that the store uses itself.
func isOwn(key []byte) bool {
	return len(key) > 0 && key[0] == 0 && (bytes.Equal(key, lastKey) || bytes.Equal(key, positionKey) || bytes.Equal(key, uploadKey) ||
		bytes.Equal(key, wholeKey) || bytes.Equal(key, beganKey))
}

// Get returns the value of key, or ErrNotFound, or ErrCorrupt when what is stored there was not sealed for this key.
func (t *Tx) Get(key []byte) ([]byte, error) {
	item, err := t.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) || errors.Is(err, badger.ErrEmptyKey) || isOwn(key) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, engineError("reading", err)
	}
	return t.open(item)
}

// Put sets the value of key: 1 to MaxKey bytes and at most MaxValue bytes (MaxMemoryValue in memory), else ErrTooLarge.
func (t *Tx) Put(key, value []byte) error {
	switch {
	case !t.writable:
		return ErrReadOnly
	case len(key) == 0:
		return errors.New("kv: empty key")
	case len(key) > MaxKey || len(value) > MaxValue || t.store.dir == "" && len(value) > MaxMemoryValue:
		return fmt.Errorf("%w: key of %d bytes, value of %d", ErrTooLarge, len(key), len(value))
	case isOwn(key):
		return errOwnKey
	}
	t.wrote = true
	key = bytes.Clone(key)
	if t.noting {
		t.noted = append(t.noted, entry{Key: key, Value: bytes.Clone(value)})
	}
	return t.put(key, value)
}

// put seals a value and sets it. The key is the transaction's from now on.
func (t *Tx) put(key, value []byte) error {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(value)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return engineError("writing", t.txn.Set(key, t.store.seal.Seal(nonce, nonce, value, key))) // [STO-3]
}

// Delete removes key; a key that is not there is no error. The engine gives the room back later: what must become
// unreadable has to be sealed under a key that is destroyed.
func (t *Tx) Delete(key []byte) error {
	if !t.writable {
		return ErrReadOnly
	}
	if len(key) == 0 {
		return nil
	}
	if isOwn(key) {
		return errOwnKey
	}
	t.wrote = true
	key = bytes.Clone(key)
	if t.noting {
		t.noted = append(t.noted, entry{Key: key, Gone: true})
	}
	return engineError("deleting", t.txn.Delete(key))
}

// Range visits the entries whose keys begin with prefix, in the order of their bytes or in reverse, beginning behind
// after (nil for the first), until visit returns false or an error, which Range returns. visit may read, write and
// range over other keys. Entries that it adds or removes inside the range may be seen or not.
func (t *Tx) Range(prefix, after []byte, reverse bool, visit func(key, value []byte) (more bool, err error)) error {
	for limit := firstPage; ; limit = min(2*limit, lastPage) {
		page, whole, err := t.Page(prefix, after, reverse, limit)
		if err != nil {
			return err
		}
		for _, entry := range page {
			more, err := visit(entry.Key, entry.Value)
			if err != nil || !more {
				return err
			}
			after = entry.Key
		}
		if whole {
			return nil
		}
	}
}

// Entry is a key and its value.
type Entry struct{ Key, Value []byte }

// Page returns what Range would visit first: up to limit entries, or about a MiB, for who knows how many there will be. whole
// means that the range ends with them. An engine's iterator is open only in here: it allows one at a time beside writes.
func (t *Tx) Page(prefix, after []byte, reverse bool, limit int) (page []Entry, whole bool, err error) {
	it := t.txn.NewIterator(badger.IteratorOptions{Reverse: reverse, Prefix: prefix})
	defer it.Close()
	switch {
	case after != nil:
		it.Seek(after)
		if it.Valid() && bytes.Equal(it.Item().Key(), after) {
			it.Next()
		}
	case reverse:
		// The engine looks for the last key at or before the one given: longer than any key of the prefix.
		it.Seek(append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, MaxKey+1)...))
	default:
		it.Rewind()
	}
	for size := 0; it.ValidForPrefix(prefix); it.Next() {
		if len(page) == limit || size > pageBytes {
			return page, false, nil
		}
		if isOwn(it.Item().Key()) {
			continue
		}
		value, err := t.open(it.Item())
		if err != nil {
			return nil, false, err
		}
		page = append(page, Entry{it.Item().KeyCopy(nil), value})
		size += len(value)
	}
	return page, true, nil
}

// open unseals the value of item. [STO-3]
func (t *Tx) open(item *badger.Item) ([]byte, error) {
	var plain []byte
	err := item.Value(func(sealed []byte) error {
		if len(sealed) < chacha20poly1305.NonceSizeX {
			return fmt.Errorf("%w: a value in %s is not in its file: that was cut or removed", ErrCorrupt, t.store.dir)
		}
		nonce, rest := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
		var err error
		if plain, err = t.store.seal.Open(nil, nonce, rest, item.Key()); err != nil {
			return fmt.Errorf("%w: a value in %s was changed", ErrCorrupt, t.store.dir)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, t.store.dir, err)
	}
	return plain, err
}
