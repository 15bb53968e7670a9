package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"muster.example/internal/wire"
)

// A journal is shortened by changes that say once more what every key is, a page of keys in each, and then by removing what came before
// them. Such a change is appended where its author knew all that was before it, or made anew: so it changes nothing for those who have the
// journal's copy, and who begins a copy at the first of them has everything at the end. [STO-98]

// Shorten takes one step to a journal that is not much longer than what it says. With more than twice the living bytes and slack in it,
// everything is said anew; with the next call, what came before is removed: until then those who are behind can catch up. It may end
// anywhere, and several processes may do it at once. A store that is not shared has none.
func (s *Store) Shorten(ctx context.Context, slack uint64) error {
	if s.shared == nil {
		return nil
	}
	waits, err := s.removeOld()
	if err != nil || waits {
		return err
	}
	journal, err := s.shared.journal.Size()
	if err != nil || journal < slack {
		return err
	}
	living, err := s.living()
	if err != nil || journal < 2*living+slack {
		return err
	}
	return s.sayAnew(ctx)
}

// removeOld removes what came before everything was said anew, if that was so at the last call too; waits says that it was not.
func (s *Store) removeOld() (waits bool, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.usableShared(); err != nil {
		return false, err
	}
	whole, err := s.ownNumber(wholeKey)
	if err != nil {
		return false, err
	}
	gone, err := s.shared.journal.Begin()
	if err != nil || whole < gone+2 {
		return false, err
	}
	if s.shared.seen != whole {
		s.shared.seen = whole
		return true, nil
	}
	return false, s.shared.journal.Remove(whole - 1)
}

// usableShared takes in what there is. The caller holds write.
func (s *Store) usableShared() error {
	if s.shut.Load() || s.db.IsClosed() {
		return ErrClosed
	}
	return s.catchUp()
}

// living returns the bytes of all keys and values.
func (s *Store) living() (size uint64, err error) {
	err = s.View(func(tx *Tx) error {
		return tx.Range(nil, nil, false, func(key, value []byte) (bool, error) {
			size += uint64(len(key) + len(value))
			return true, nil
		})
	})
	return size, err
}

// sayAnew appends what every key is, and at last that this was done, and where it began.
func (s *Store) sayAnew(ctx context.Context) error {
	start, after := uint64(0), []byte(nil)
	for ctx.Err() == nil {
		last, begun, err := s.sayPage(after, start)
		if err != nil || last == nil {
			return err
		}
		if after = last; start == 0 {
			start = begun
		}
	}
	return ctx.Err()
}

// sayPage appends what the keys behind one are, some at a time, and returns the last of them, nil when there were no more, and the position
// of its change. start is that of the first page.
func (s *Store) sayPage(after []byte, start uint64) (last []byte, at uint64, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	for range shareTries {
		if err := s.usableShared(); err != nil {
			return nil, 0, err
		}
		change, err := s.pageOf(after)
		if err != nil {
			return nil, 0, err
		}
		position := s.shared.position
		if len(change) == 0 && start == 0 {
			return nil, 0, nil // there is nothing to be said
		}
		if len(change) == 0 {
			change = []entry{{Key: wholeKey, Value: binary.BigEndian.AppendUint64(nil, start)}}
		} else {
			last = change[len(change)-1].Key
		}
		err = s.shared.journal.Append(position, s.shared.seal(position, wire.Encode(change)))
		if errors.Is(err, ErrBehind) {
			last = nil
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("saying anew what the shared store is: %w", err)
		}
		if _, err = s.take(change, position+1, nil); err != nil {
			return nil, 0, err
		}
		return last, position + 1, nil
	}
	return nil, 0, fmt.Errorf("%w %d times while it was to be said anew", ErrBehind, shareTries)
}

// pageOf returns what the keys behind one are, some at a time.
func (s *Store) pageOf(after []byte) (change []entry, err error) {
	err = s.View(func(tx *Tx) error {
		size := 0
		return tx.Range(nil, after, false, func(key, value []byte) (bool, error) {
			change = append(change, entry{Key: key, Value: value})
			size += len(key) + len(value)
			return size < shareUpload, nil
		})
	})
	return change, err
}

// beginLate makes a copy that has nothing begin where the journal does. It is one only when all was said anew behind there.
func (s *Store) beginLate() error {
	gone, err := s.shared.journal.Begin()
	if err != nil || gone == 0 {
		return err
	}
	_, err = s.take(nil, gone, func(tx *Tx) error {
		return tx.putOwn(beganKey, binary.BigEndian.AppendUint64(nil, gone))
	})
	return err
}

// beganWell reports whether a copy that began late has everything, once it has what there is.
func (s *Store) beganWell() error {
	began, err := s.ownNumber(beganKey)
	if err != nil || began == 0 {
		return err
	}
	whole, err := s.ownNumber(wholeKey)
	if err != nil {
		return err
	}
	if whole <= began {
		return fmt.Errorf("%w: the shared store begins behind change %d, and what was before it was not said anew", ErrCorrupt, began)
	}
	_, err = s.take(nil, s.shared.position, func(tx *Tx) error { return tx.forgetOwn(beganKey) })
	return err
}

// ownNumber reads a number of the store's own, 0 for none.
func (s *Store) ownNumber(key []byte) (number uint64, err error) {
	err = s.View(func(tx *Tx) error {
		value, err := tx.own(key)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err == nil && len(value) != 8 {
			err = fmt.Errorf("%w: a number of %d bytes", ErrCorrupt, len(value))
		}
		if err == nil {
			number = binary.BigEndian.Uint64(value)
		}
		return err
	})
	return number, err
}

// takeEntry makes true what a change says of one key, and reports whether that was not so before.
func (t *Tx) takeEntry(e *entry) (changed bool, err error) {
	if bytes.Equal(e.Key, wholeKey) {
		held, err := t.own(wholeKey)
		if err != nil && !errors.Is(err, ErrNotFound) || len(e.Value) != 8 || bytes.Compare(held, e.Value) >= 0 {
			return false, nil //nolint:nilerr // what is not newer, or no number, says nothing
		}
		return false, t.putOwn(wholeKey, e.Value)
	}
	held, err := t.Get(e.Key)
	switch {
	case e.Gone && errors.Is(err, ErrNotFound), !e.Gone && err == nil && bytes.Equal(held, e.Value):
		return false, nil
	case e.Gone:
		return true, t.Delete(e.Key)
	}
	return true, t.Put(e.Key, e.Value)
}
