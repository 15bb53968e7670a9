package kv

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// How a store of the benchmarks is kept: as everywhere, with the engine's encryption alone, and with none. Only here can it be.
var ways = []struct {
	name          string
	engine, value bool
}{{"as it is", true, true}, {"engine alone", true, false}, {"plain", false, false}}

// record is entry number n of a history: as a device has them, 600 bytes under a key of 42, of which the ends differ.
func record(n int) (key, value []byte) {
	key = Key([]byte{20}, make([]byte, 32), Number(uint64(n)))
	value = make([]byte, 600)
	random := rand.New(rand.NewPCG(uint64(n), 1))
	for at := 0; at+8 <= len(value); at += 8 {
		binary.LittleEndian.PutUint64(value[at:], random.Uint64())
	}
	return key, value
}

// bare opens the engine as Open does, with its encryption or without.
func bare(b *testing.B, dir string, encrypted bool) *badger.DB {
	b.Helper()
	o := engineOptions(dir, testKey, Options{})
	if !encrypted {
		o = o.WithEncryptionKey(nil).WithChecksumVerificationMode(options.OnBlockRead)
	}
	db, err := badger.Open(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

// kept is a store of a benchmark.
type kept interface {
	update(from, to int) error // puts these records
	get(n int) error
	walk() (count int, err error)
}

// sealedRecords are kept as everywhere.
type sealedRecords struct{ *Store }

func (s sealedRecords) update(from, to int) error {
	return s.Update(func(tx *Tx) error {
		for n := from; n < to; n++ {
			if err := tx.Put(record(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s sealedRecords) get(n int) error {
	key, _ := record(n)
	return s.View(func(tx *Tx) error { _, err := tx.Get(key); return err })
}

func (s sealedRecords) walk() (count int, err error) {
	err = s.View(func(tx *Tx) error {
		return tx.Range(nil, nil, false, func(_, _ []byte) (bool, error) { count++; return true, nil })
	})
	return count, err
}

// bareRecords are kept by the engine alone.
type bareRecords struct{ *badger.DB }

func (db bareRecords) update(from, to int) error {
	return db.Update(func(txn *badger.Txn) error {
		for n := from; n < to; n++ {
			if err := txn.Set(record(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db bareRecords) get(n int) error {
	key, _ := record(n)
	return db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err == nil {
			_, err = item.ValueCopy(nil)
		}
		return err
	})
}

func (db bareRecords) walk() (count int, err error) {
	err = db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if _, err := it.Item().ValueCopy(nil); err != nil {
				return err
			}
			count++
		}
		return nil
	})
	return count, err
}

// BenchmarkEncryption writes 100,000 records, 100 in an update, reads 20,000 of them in any order and then all in theirs.
func BenchmarkEncryption(b *testing.B) {
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				if way.value {
					measure(b, sealedRecords{open(b, b.TempDir(), Options{})})
				} else {
					measure(b, bareRecords{bare(b, b.TempDir(), way.engine)})
				}
			}
		})
	}
}

func measure(b *testing.B, store kept) {
	b.Helper()
	const records, together, drawn = 100_000, 100, 20_000
	report := func(name string, began time.Time, count int) {
		b.ReportMetric(float64(time.Since(began).Microseconds())/float64(count), name)
	}
	began := time.Now()
	for at := 0; at < records; at += together {
		if err := store.update(at, at+together); err != nil {
			b.Fatal(err)
		}
	}
	report("write-µs", began, records)
	random := rand.New(rand.NewPCG(1, 1))
	began = time.Now()
	for range drawn {
		if err := store.get(random.IntN(records)); err != nil {
			b.Fatal(err)
		}
	}
	report("read-µs", began, drawn)
	began = time.Now()
	if count, err := store.walk(); err != nil || count < records {
		b.Fatalf("%d of %d, %v", count, records, err)
	}
	report("walk-µs", began, records)
}

// BenchmarkUpdate makes durable one record after another.
func BenchmarkUpdate(b *testing.B) {
	for name, store := range map[string]kept{"as it is": sealedRecords{open(b, b.TempDir(), Options{})}, "plain": bareRecords{bare(b, b.TempDir(), false)}} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if err := store.update(n, n+1); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkOpen opens a store with the records of a million messages, or as many as MUSTER_STORE_RECORDS says, that was closed in order.
func BenchmarkOpen(b *testing.B) {
	records := 1_000_000
	if text := os.Getenv("MUSTER_STORE_RECORDS"); text != "" {
		var err error
		if records, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	s := open(b, dir, Options{})
	for at := 0; at < records; at += 500 {
		if err := (sealedRecords{s}).update(at, at+500); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	names, err := engineFiles(dir)
	if err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			size += info.Size()
		}
	}
	b.Logf("%d records, %d files, %.0f MiB", records, len(names), float64(size)/(1<<20))
	for b.Loop() {
		s := open(b, dir, Options{})
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
