package kv

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Journal is where the changes lie of a store that several processes share: one list for all of them. [STO-90]
type Journal interface {
	// Append makes a change durable at the position behind after, unless something is there: ErrBehind.
	Append(after uint64, change []byte) error
	// Since returns changes behind a position in order, some at a time, none at the end. ErrBehind when the first of them are not
	// there any more.
	Since(after uint64) ([][]byte, error)
	// End returns the position of the last change.
	End() (uint64, error)
	// Begin returns the position before the first change that is there: 0 while none was removed.
	Begin() (uint64, error)
	// Size returns how many bytes the changes take that are there.
	Size() (uint64, error)
	// Remove removes the changes up to a position. That they are gone already is no error.
	Remove(upTo uint64) error
	// Changed gets a value when something was appended, by whomever.
	Changed() <-chan struct{}
}

// Errors of a shared store.
var (
	// ErrBehind means that another process has changed something first.
	ErrBehind = errors.New("kv: the shared store has gone on")
	// ErrDiverged means that a folder and a journal each have something that the other lacks.
	ErrDiverged = errors.New("kv: the folder's store and the shared one are not of one history")
)

// The keys that a shared store uses itself.
var (
	positionKey = []byte("\x00muster journal position") // how far of the journal is here
	uploadKey   = []byte("\x00muster journal upload")   // the last key that was given to a new journal; absent when all were
	wholeKey    = []byte("\x00muster journal whole")    // from which change on everything was said anew; 0 for never
	beganKey    = []byte("\x00muster journal began")    // behind which change this copy began; absent when it is known to have everything
)

const (
	shareTries  = 20
	shareChange = 7 << 20 // bytes of a change
	shareUpload = 256 << 10
	sharePoll   = time.Second
)

// entry is one key of a change. [STO-91]
type entry struct {
	_     struct{} `cbor:",toarray"`
	Key   []byte
	Value []byte
	Gone  bool
}

// shared is what a store knows of the journal that it is a copy of. Used under the store's write.
type shared struct {
	journal  Journal
	seal     func(after uint64, change []byte) []byte
	open     func(after uint64, sealed []byte) ([]byte, error)
	position uint64
	seen     uint64 // what wholeKey was when the journal was last to be shortened
	changed  func(keys [][]byte)
}

// Share makes the store a copy of what the journal says, and its updates changes there, sealed under a key: what is on disk
// here can be deleted when the store is closed. A journal that is empty gets all that the store has. changed is told the keys that
// others change; it must return at once, and not use the store. Errors: ErrDiverged; ErrBehind when the journal does not go back
// to where the store stands: then the store is to be deleted, and opened anew.
func (s *Store) Share(journal Journal, key [32]byte, changed func(keys [][]byte)) error {
	aead, err := chacha20poly1305.NewX(derive(key, "journal"))
	if err != nil {
		return err
	}
	bound := func(after uint64) []byte {
		return binary.BigEndian.AppendUint64(append([]byte(keys.DomainCluster), 0), after)
	}
	sh := &shared{journal: journal, changed: func([][]byte) {}}
	sh.seal = func(after uint64, change []byte) []byte {
		nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(change)+chacha20poly1305.Overhead)
		rand.Read(nonce)
		return aead.Seal(nonce, nonce, change, bound(after))
	}
	sh.open = func(after uint64, sealed []byte) ([]byte, error) {
		if len(sealed) < chacha20poly1305.NonceSizeX {
			return nil, fmt.Errorf("%w: the shared store: change %d is too short", ErrCorrupt, after+1)
		}
		plain, err := aead.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], bound(after))
		if err != nil {
			return nil, fmt.Errorf("%w: the shared store: change %d was not made for its place, or not with this node's key", ErrCorrupt, after+1)
		}
		return plain, nil
	}
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.join(sh); err != nil {
		return err
	}
	sh.changed = changed
	return nil
}

// join compares the store with the journal and takes in, or gives, what is missing.
func (s *Store) join(sh *shared) error {
	position, uploading, empty, err := s.standing()
	if err != nil {
		return err
	}
	end, err := sh.journal.End()
	switch {
	case err != nil:
		return err
	case position == 0 && !uploading && end > 0 && !empty, position > end:
		return ErrDiverged
	}
	sh.position = position
	s.shared = sh
	switch {
	case position > 0 || end > 0:
		if position == 0 && !uploading {
			err = s.beginLate()
		}
		if err == nil {
			err = s.catchUp()
		}
		if err == nil {
			err = s.beganWell()
		}
	case !empty:
		uploading = true
	}
	if err == nil && uploading {
		err = s.upload()
	}
	return err
}

// standing returns how far the store is, whether it is giving what it has to a new journal, and whether it has nothing.
func (s *Store) standing() (position uint64, uploading, empty bool, err error) {
	empty = true
	err = s.View(func(tx *Tx) error {
		value, err := tx.own(positionKey)
		if err == nil && len(value) == 8 {
			position = binary.BigEndian.Uint64(value)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err := tx.own(uploadKey); err == nil {
			uploading = true
		}
		return tx.Range(nil, nil, false, func(key, _ []byte) (bool, error) {
			empty = false
			return false, nil
		})
	})
	return position, uploading, empty, err
}

// Shared reports whether the store is a copy of a journal that other processes add to: then what is read may be theirs. In one
// that is not shared it may be what a commit left in memory that failed.
func (t *Tx) Shared() bool { return t.store.shared != nil }

// own reads one of the store's own keys.
func (t *Tx) own(key []byte) ([]byte, error) {
	item, err := t.txn.Get(key)
	if err != nil {
		return nil, ErrNotFound
	}
	return t.open(item)
}

// upload gives a new journal what the store has.
func (s *Store) upload() error {
	for {
		var after []byte // nil for the first key
		err := s.View(func(tx *Tx) (err error) {
			if after, err = tx.own(uploadKey); errors.Is(err, ErrNotFound) {
				after, err = nil, nil
			}
			return err
		})
		if err != nil {
			return err
		}
		change, err := s.pageOf(after)
		if err != nil {
			return err
		}
		if len(change) == 0 {
			_, err := s.take(nil, s.shared.position, func(tx *Tx) error { return tx.forgetOwn(uploadKey) })
			return err
		}
		if err := s.shared.journal.Append(s.shared.position, s.shared.seal(s.shared.position, wire.Encode(change))); err != nil {
			return fmt.Errorf("giving the shared store what is here: %w", err)
		}
		last := change[len(change)-1].Key
		if _, err := s.take(nil, s.shared.position+1, func(tx *Tx) error { return tx.putOwn(uploadKey, last) }); err != nil {
			return err
		}
	}
}

func (t *Tx) putOwn(key, value []byte) error {
	t.wrote = true
	return t.put(bytes.Clone(key), value)
}

func (t *Tx) forgetOwn(key []byte) error {
	t.wrote = true
	return engineError("deleting", t.txn.Delete(bytes.Clone(key)))
}

// take makes changes that are in the journal true here, with the position that they lead to, and returns the keys that were something else
// before.
func (s *Store) take(change []entry, position uint64, more func(tx *Tx) error) (touched [][]byte, err error) {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &Tx{store: s, txn: txn, writable: true}
	for i := range change {
		changed, err := tx.takeEntry(&change[i])
		if err != nil {
			return nil, err
		}
		if changed {
			touched = append(touched, change[i].Key)
		}
	}
	err = tx.putOwn(positionKey, binary.BigEndian.AppendUint64(nil, position))
	if err == nil && more != nil {
		err = more(tx)
	}
	if err == nil {
		err = s.finish(tx)
	}
	if err == nil {
		s.shared.position = position
	}
	return touched, err
}

// catchUp takes in what others have changed. The caller holds write.
func (s *Store) catchUp() error {
	for {
		changes, err := s.shared.journal.Since(s.shared.position)
		if err != nil || len(changes) == 0 {
			return err
		}
		for _, sealed := range changes {
			plain, err := s.shared.open(s.shared.position, sealed)
			if err != nil {
				return err
			}
			var change []entry
			if err := wire.Decode(plain, &change); err != nil {
				return fmt.Errorf("%w: the shared store: change %d: %v", ErrCorrupt, s.shared.position+1, err)
			}
			touched, err := s.take(change, s.shared.position+1, nil)
			if err != nil {
				return err
			}
			if len(touched) > 0 {
				s.shared.changed(touched)
			}
		}
	}
}

// updateShared is Update for a shared store: the change is in the journal before it is here. When another was first, change is
// run again over what is there then. The caller holds write.
func (s *Store) updateShared(change func(*Tx) error) error {
	for range shareTries {
		err := s.tryShared(change)
		if !errors.Is(err, ErrBehind) {
			return err
		}
		if err := s.catchUp(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w %d times while it was to be changed", ErrBehind, shareTries)
}

func (s *Store) tryShared(change func(*Tx) error) error {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &Tx{store: s, txn: txn, writable: true, noting: true}
	if err := change(tx); err != nil || !tx.wrote {
		return err
	}
	plain := wire.Encode(tx.noted)
	if len(plain) > shareChange {
		return fmt.Errorf("%w: a change of %d bytes", ErrTooLarge, len(plain))
	}
	after := s.shared.position
	if err := s.shared.journal.Append(after, s.shared.seal(after, plain)); err != nil {
		return err
	}
	err := tx.putOwn(positionKey, binary.BigEndian.AppendUint64(nil, after+1))
	if err == nil {
		err = s.finish(tx)
	}
	if err == nil {
		s.shared.position = after + 1
	}
	return err
}

// WasShared reports whether the store was a copy of a journal when it was opened: changed without that, it would be one more
// truth beside the journal's.
func (s *Store) WasShared() bool { return s.wasShared }

// Unshare makes the store one of its own again, with what it has of the journal.
func (s *Store) Unshare() error {
	s.write.Lock()
	defer s.write.Unlock()
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &Tx{store: s, txn: txn, writable: true}
	err := errors.Join(tx.forgetOwn(positionKey), tx.forgetOwn(uploadKey), tx.forgetOwn(wholeKey), tx.forgetOwn(beganKey))
	if err == nil {
		err = s.finish(tx)
	}
	if err == nil {
		s.shared, s.wasShared = nil, false
	}
	return err
}

// Follow takes in what others change until ctx ends. failed is told what keeps it from that, and it goes on. Who was away for so long that what
// is missing was removed cannot: then Follow ends with ErrBehind, and the store is to be made anew.
func (s *Store) Follow(ctx context.Context, failed func(error)) error {
	poll := time.NewTicker(sharePoll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.shared.journal.Changed():
		case <-poll.C:
		}
		err := s.CatchUp()
		if errors.Is(err, ErrBehind) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// CatchUp takes in what others have changed so far.
func (s *Store) CatchUp() error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.shut.Load() || s.db.IsClosed() {
		return ErrClosed
	}
	return s.catchUp()
}
