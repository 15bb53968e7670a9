package kv

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/gofrs/flock"
	"golang.org/x/crypto/chacha20poly1305"
)

// Options of a store. The zero value is right for a device.
type Options struct {
	// InMemory keeps everything in memory; dir is not used, nothing survives Close, and a value may have at most
	// MaxMemoryValue bytes. For tests and simulations.
	InMemory bool
	// Brief leaves out the compactions, which look for work twenty times a second: for a store that lives for minutes and
	// takes a few MiB, of which a simulation has a hundred.
	Brief bool
	// Logger gets what the storage engine has to say, at debug level; nil for nothing.
	Logger *slog.Logger
}

// Store is an open store. Safe for concurrent use.
type Store struct {
	dir   string // "" in memory
	db    *badger.DB
	lock  *flock.Flock
	seal  cipher.AEAD
	write sync.Mutex // held by Update: updates run one after another, so none conflicts
	books *ledger    // of what the folder holds, used under write; nil in memory
	log   *slog.Logger

	shared    *shared // what it is a copy of, used under write; nil for a store of its own
	wasShared bool    // when it was opened it was a copy of one

	shut     atomic.Bool // closed without its engine
	close    sync.Once
	closeErr error
}

// Open opens the store in dir, making it if the folder has none, with the key that it is sealed under. It narrows dir
// to mode 0700. Errors: ErrKey, ErrLocked, ErrFormat for a store of a newer program, ErrCorrupt, with each file that is damaged in a
// *Damage: the store is then as it was.
func Open(dir string, key [32]byte, opt Options) (*Store, error) {
	seal, err := chacha20poly1305.NewX(derive(key, "values"))
	if err != nil {
		return nil, err
	}
	s := &Store{seal: seal, log: opt.Logger}
	if opt.InMemory {
		s.db, err = startEngine(engineOptions("", key, opt))
		return s, err
	}
	s.dir = dir
	if err := s.openFolder(dir, key, opt); err != nil {
		if s.lock != nil {
			s.lock.Close()
		}
		return nil, err
	}
	position, _, _, err := s.standing()
	s.wasShared = position > 0
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openFolder takes the lock, judges the marker, opens the engine and marks a new folder last: a folder with a marker
// held a whole store once. [STO-1]
func (s *Store) openFolder(dir string, key [32]byte, opt Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("kv: making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("kv: narrowing the folder: %w", err)
	}
	s.lock = flock.New(filepath.Join(dir, formatFile), flock.SetPermissions(0o600))
	switch held, err := s.lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("kv: locking %s: %w", dir, err)
	case !held:
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	kind, err := checkFormat(dir, key)
	if err != nil {
		return err
	}
	if free, err := freeBytes(dir); err == nil && free < closeFree {
		return fmt.Errorf("%w: %d bytes left on the volume of %s, and opening takes %d", ErrFull, free, dir, closeFree)
	}
	return s.openEngine(kind, key, engineOptions(dir, key, opt))
}

// openEngine looks at the files, opens the engine over them, and begins to keep the books. [STO-8]
func (s *Store) openEngine(kind format, key [32]byte, engine badger.Options) error {
	seal, err := chacha20poly1305.NewX(derive(key, "tally"))
	if err != nil {
		return err
	}
	found := &inspection{tally: &tally{}}
	switch kind {
	case old:
		found, err = inspectOld(s.dir, engine)
	case current:
		found, err = inspect(s.dir, engine, seal)
	}
	if err == nil {
		err = found.damage()
	}
	if err == nil {
		err = found.removeEmptied()
	}
	if err != nil {
		return err
	}
	crashed := kind != current || found.count.state != closed
	if s.books, err = newLedger(s.dir, seal, found, kind); err != nil {
		return err
	}
	if kind != current { // before the engine makes its files: a crash in between leaves a marker and no store, which opens as empty
		err = writeFormat(s.dir, key)
	}
	if err == nil {
		s.db, err = startEngine(engine)
	}
	if err == nil && crashed {
		err = s.books.take(s.db)
	}
	if err == nil && kind == current && crashed {
		err = s.books.mark(opened)
	}
	if err == nil && kind == old {
		err = s.Update(func(tx *Tx) error { tx.wrote = true; return nil }) // the first that says how far the store has come
	}
	if err != nil {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return errors.Join(err, s.books.close())
	}
	return nil
}

// engineOptions are Badger's settings: encrypted, synced, and small. The defaults take above 1 GiB while loading.
func engineOptions(dir string, key [32]byte, opt Options) badger.Options {
	o := badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithEncryptionKey(derive(key, "tables")).
		WithMemTableSize(memTable).WithNumMemtables(2).
		WithBaseTableSize(tableSize).
		WithNumLevelZeroTables(3).WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithBlockCacheSize(blockCache).WithIndexCacheSize(indexCache).
		WithValueThreshold(valueThreshold).WithValueLogFileSize(valueLogFile).
		WithCompression(options.None).
		WithDetectConflicts(false).WithMetricsEnabled(false).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithLogger(engineLogger{opt.Logger})
	o.TableSizeMultiplier = 1
	if opt.Brief {
		o = o.WithNumCompactors(0).WithNumLevelZeroTablesStall(math.MaxInt)
	}
	if opt.InMemory {
		o = o.WithInMemory(true).WithSyncWrites(false).
			WithMemTableSize(memTableMemory).WithValueThreshold(valueThresholdMemory)
	}
	return o
}

// startEngine opens Badger. It panics on some damaged files; that is damage, not a bug of ours.
func startEngine(o badger.Options) (db *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, o.Dir, r)
		}
	}()
	db, err = badger.Open(o)
	if err == nil {
		return db, nil
	}
	if system := new(os.PathError); errors.As(err, &system) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("kv: opening the store: %w", err)
	}
	return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, o.Dir, err) // the key was checked before
}

// View runs read with one unchanging view of the store.
func (s *Store) View(read func(*Tx) error) error {
	if s.shut.Load() || s.db.IsClosed() {
		return ErrClosed
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return read(&Tx{store: s, txn: txn})
}

// Update runs change and commits what it put and deleted, all or nothing; on return it is durable. If change fails,
// nothing is written and Update returns its error. Updates wait for each other; change must not call Update.
// Errors: ErrFull when the volume has little room left, ErrTooLarge when change wrote more than one commit holds.
func (s *Store) Update(change func(*Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.shut.Load() || s.db.IsClosed() {
		return ErrClosed
	}
	if s.dir != "" {
		if free, err := freeBytes(s.dir); err == nil && free < MinFree {
			return fmt.Errorf("%w: %d bytes left on the volume of %s", ErrFull, free, s.dir)
		}
	}
	if s.shared != nil {
		return s.updateShared(change)
	}
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &Tx{store: s, txn: txn, writable: true}
	if err := change(tx); err != nil {
		return err
	}
	return s.finish(tx)
}

// finish commits what was done in a transaction.
func (s *Store) finish(tx *Tx) error {
	if s.books == nil || !tx.wrote {
		return engineError("committing", tx.txn.Commit())
	}
	return s.commit(tx.txn)
}

// lastKey has no value: its version is that of the last update, whatever that deleted. [STO-7]
var lastKey = []byte("\x00muster last update")

// commit makes an update durable and notes how far the store has come.
func (s *Store) commit(txn *badger.Txn) error {
	if err := txn.Set(lastKey, nil); err != nil {
		return engineError("committing", err)
	}
	version := txn.ReadTs() + 1 // updates run one after another, and only they have versions
	if err := txn.Commit(); err != nil {
		// the version may be in no log
		return errors.Join(engineError("committing", err), s.books.mark(skipped))
	}
	if err := s.books.answered(s.db, version); err != nil && s.log != nil {
		s.log.Warn("the store's books lag behind", "error", err) // they say less, and nothing false
	}
	return nil
}

// Collect gives back the room of large values that were replaced or deleted. Callers run it now and then, when idle.
func (s *Store) Collect(ctx context.Context) error {
	for ctx.Err() == nil && s.dir != "" {
		err := s.collect()
		if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
			return nil
		}
		if err != nil {
			return engineError("collecting", err)
		}
	}
	return ctx.Err()
}

// collect moves the large values of one file that live, in which no update has a part.
func (s *Store) collect() error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.shut.Load() || s.db.IsClosed() {
		return badger.ErrRejected
	}
	was := s.books.count.state
	if err := s.books.mark(collecting); err != nil {
		return err
	}
	err := s.db.RunValueLogGC(0.5)
	if err == nil {
		err = s.books.take(s.db)
	}
	return errors.Join(err, s.books.mark(was))
}

// Close waits for a running Update and closes the store. Closing twice is no error.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.write.Lock()
		defer s.write.Unlock()
		if !s.roomToClose() {
			// The engine would write its table through a mapped file and end the process. Every update is in its log
			// already: the next opening replays it, as after a crash. The engine still runs, so the lock stays held until
			// the process ends.
			s.shut.Store(true)
			return
		}
		s.closeErr = s.db.Close()
		if s.books != nil {
			if s.closeErr == nil {
				s.closeErr = s.books.takeClosed()
			}
			s.closeErr = errors.Join(s.closeErr, s.books.close(), s.lock.Close())
		}
	})
	return s.closeErr
}

// roomToClose reports whether the volume has room for what the engine writes when it is opened or closed.
func (s *Store) roomToClose() bool {
	if s.dir == "" {
		return true
	}
	free, err := freeBytes(s.dir)
	return err != nil || free >= closeFree
}

// engineError turns the engine's errors into this package's.
func engineError(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badger.ErrTxnTooBig):
		return ErrTooLarge
	case errors.Is(err, badger.ErrDBClosed), errors.Is(err, badger.ErrBlockedWrites):
		return ErrClosed
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %v", ErrFull, err)
	}
	return fmt.Errorf("kv: %s: %w", doing, err)
}

// engineLogger passes Badger's messages on at debug level.
type engineLogger struct{ log *slog.Logger }

func (l engineLogger) Errorf(format string, args ...any)   { l.print(format, args) }
func (l engineLogger) Warningf(format string, args ...any) { l.print(format, args) }
func (l engineLogger) Infof(format string, args ...any)    { l.print(format, args) }
func (l engineLogger) Debugf(string, ...any)               {}

func (l engineLogger) print(format string, args []any) {
	if l.log != nil {
		l.log.Debug("storage engine", "message", fmt.Sprintf(format, args...))
	}
}
