package exchange_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"

	"muster.example/internal/task"
	"muster.example/sync/exchange"
	"muster.example/sync/reconcile"
)

// memory is a history in memory. A record is its time and anything.
type memory struct {
	mu      sync.Mutex // guards the following
	records map[reconcile.Item][]byte
	order   []reconcile.Item // in which they were taken

	files map[exchange.FileName]map[uint64][]byte // pieces that are there
	lacks []exchange.File
}

func record(time uint64, text string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, time), text...)
}

func itemOf(record []byte) reconcile.Item {
	return reconcile.Item{Time: binary.BigEndian.Uint64(record), ID: sha256.Sum256(record)}
}

func newMemory(records ...[]byte) *memory {
	m := &memory{records: make(map[reconcile.Item][]byte)}
	_, _ = m.Take(context.Background(), records)
	return m
}

func (m *memory) Digest() (d reconcile.Digest, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for item := range m.records {
		d.Add(item.ID)
	}
	return d, nil
}

func (m *memory) Items(since uint64) (items []reconcile.Item, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for item := range m.records {
		if item.Time >= since {
			items = append(items, item)
		}
	}
	return items, nil
}

func (m *memory) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	items, _ := m.Items(0)
	slices.SortFunc(items, func(a, b reconcile.Item) int { return b.Compare(a) })
	for _, item := range items {
		if !missing.Has(item) {
			continue
		}
		if more, err := visit(item, m.records[item]); err != nil || !more {
			return err
		}
	}
	return nil
}

func (m *memory) Record(item reconcile.Item) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[item], nil
}

func (m *memory) Take(_ context.Context, records [][]byte) (items []reconcile.Item, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if len(r) < 8 {
			return nil, errors.New("not a record")
		}
		item := itemOf(r)
		if m.records[item] == nil {
			m.records[item] = bytes.Clone(r)
			m.order = append(m.order, item)
		}
		items = append(items, item)
	}
	return items, nil
}

func (m *memory) Lacking(after []byte, limit int) (files []exchange.File, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, file := range m.lacks {
		if after != nil && i <= int(after[0]) || len(files) == limit {
			continue
		}
		file.At, file.Have = []byte{byte(i)}, make([]byte, (file.Chunks+7)/8)
		for index := range m.files[file.Name] {
			file.Have[index/8] |= 1 << (index % 8)
		}
		files = append(files, file)
	}
	return files, nil
}

func (m *memory) TakePieces(_ context.Context, file exchange.File, pieces []exchange.Piece) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, piece := range pieces {
		m.files[file.Name][piece.Index] = bytes.Clone(piece.Data)
	}
	return nil
}

func (m *memory) Pieces(name exchange.FileName, have []byte, visit func(exchange.Piece) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for index := range uint64(len(m.files[name])) {
		if data, ok := m.files[name][index]; ok && (index/8 >= uint64(len(have)) || have[index/8]&(1<<(index%8)) == 0) {
			if err := visit(exchange.Piece{Index: index, Data: data}); err != nil {
				return err
			}
		}
	}
	return nil
}

// meet has two histories brought in step over a pipe, which wrap may spoil.
func meet(t *testing.T, a, b *memory, o exchange.Options, wrap func(net.Conn) io.ReadWriter) (begun, answered exchange.Progress, err error) {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	group := task.New(t.Context())
	group.Go("answer", func(ctx context.Context) (err error) {
		defer there.Close()
		answered, err = exchange.Answer(ctx, there, b)
		return err
	})
	var stream io.ReadWriter = here
	if wrap != nil {
		stream = wrap(here)
	}
	begun, err = exchange.Begin(t.Context(), stream, a, o)
	here.Close()
	answerErr := group.Wait()
	if err == nil {
		err = answerErr
	}
	return begun, answered, err
}

func many(n int, from uint64, of string) (records [][]byte) {
	for i := range n {
		records = append(records, record(from+uint64(i), fmt.Sprintf("%s %d %s", of, i, bytes.Repeat([]byte{'x'}, i%900))))
	}
	return records
}

func equal(t *testing.T, a, b *memory) {
	t.Helper()
	first, _ := a.Digest()
	second, _ := b.Digest()
	if first != second {
		t.Errorf("one has %d records, the other %d, or others", first.Count, second.Count)
	}
}

// Both have what either had; what was missing came the newest first. [SYNC-10]
func TestBothHaveEverything(t *testing.T) {
	both := many(3000, 5000, "both")
	a, b := newMemory(slices.Concat(both, many(700, 1000, "a"))...), newMemory(slices.Concat(both, many(1500, 4000, "b"))...)
	before := len(a.order)
	var reports []exchange.Progress
	begun, answered, err := meet(t, a, b, exchange.Options{Report: func(p exchange.Progress) { reports = append(reports, p) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, a, b)
	if begun.Taken != 1500 || begun.Missing != 1500 || begun.Given != 700 || answered.Given != 1500 || answered.Taken != 700 {
		t.Errorf("begun %+v, answered %+v", begun, answered)
	}
	if len(reports) < 3 || !reports[0].Found || reports[0].Taken != 0 {
		t.Errorf("%d reports, the first %+v", len(reports), reports[0])
	}
	if !slices.IsSortedFunc(a.order[before:], func(x, y reconcile.Item) int { return y.Compare(x) }) {
		t.Error("the newest did not come first")
	}

	begun, _, err = meet(t, a, b, exchange.Options{}, nil)
	if err != nil || begun.Found || begun.Sent+begun.Received > 200 {
		t.Errorf("with nothing to do: %+v, %v", begun, err)
	}
	begun, _, err = meet(t, a, b, exchange.Options{Thorough: true}, nil)
	if err != nil || !begun.Found || begun.Rounds != 1 || begun.Sent+begun.Received > 1000 {
		t.Errorf("thoroughly, with nothing to do: %+v, %v", begun, err)
	}
}

// An empty history, as on a new device, gets all, or gives all if it answers.
func TestANewDevice(t *testing.T) {
	for _, begins := range []bool{true, false} {
		full, fresh := newMemory(many(2000, 1, "old")...), newMemory()
		a, b := fresh, full
		if !begins {
			a, b = full, fresh
		}
		if begun, _, err := meet(t, a, b, exchange.Options{}, nil); err != nil || begun.Rounds != 1 && begins {
			t.Fatalf("%+v, %v", begun, err)
		}
		equal(t, full, fresh)
	}
}

// What is compared from some time on is brought in step from there on, and the digests say that there is more.
func TestSince(t *testing.T) {
	both := many(500, 1, "both")
	a, b := newMemory(slices.Concat(both, many(3, 20, "old"))...), newMemory(slices.Concat(both, many(4, 9000, "new"))...)
	begun, answered, err := meet(t, a, b, exchange.Options{Since: 400}, nil)
	if err != nil || begun.Taken != 4 || answered.Taken != 0 || begun.Equal {
		t.Errorf("%+v, %+v, %v", begun, answered, err)
	}
	begun, _, err = meet(t, a, b, exchange.Options{}, nil)
	if err != nil || begun.Given != 3 || !begun.Equal {
		t.Errorf("%+v, %v", begun, err)
	}
	equal(t, a, b)
}

// After the records come the pieces of files that one side lacks, and no others. [SYNC-12]
func TestFiles(t *testing.T) {
	whole, nobodys := exchange.FileName{Nonce: [16]byte{1}}, exchange.FileName{Nonce: [16]byte{2}}
	pieces := make(map[uint64][]byte)
	for i := range uint64(20) {
		pieces[i] = bytes.Repeat([]byte{byte(i)}, 100_000)
	}
	a, b := newMemory(), newMemory(many(10, 1, "b")...)
	b.files = map[exchange.FileName]map[uint64][]byte{whole: pieces}
	a.files = map[exchange.FileName]map[uint64][]byte{whole: {3: pieces[3], 19: pieces[19]}, nobodys: {}}
	a.lacks = []exchange.File{{Name: nobodys, Chunks: 3}, {Name: whole, Chunks: 20}}
	begun, answered, err := meet(t, a, b, exchange.Options{}, nil)
	if err != nil || begun.Pieces != 18 || answered.Pieces != 18 || len(a.files[whole]) != 20 || !begun.Equal {
		t.Fatalf("%+v, %+v, %v", begun, answered, err)
	}
	for i, data := range pieces {
		if !bytes.Equal(a.files[whole][i], data) {
			t.Errorf("piece %d is another", i)
		}
	}
	a.lacks[1].Chunks, a.files[whole] = 4, map[uint64][]byte{}
	if _, _, err := meet(t, a, b, exchange.Options{}, nil); !errors.Is(err, exchange.ErrProtocol) {
		t.Errorf("a piece behind the end of a file: %v", err)
	}
}

// cut is a stream that breaks after so many bytes.
type cut struct {
	net.Conn
	left int
}

func (c *cut) Read(data []byte) (int, error) {
	if c.left <= 0 {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(data[:min(len(data), c.left)])
	c.left -= n
	return n, err
}

// Wherever the link breaks, what was taken stays, and the next time only the rest comes.
func TestItGoesOnAfterABreak(t *testing.T) {
	all := many(4000, 1, "old")
	random := rand.New(rand.NewPCG(1, 2))
	a, b := newMemory(), newMemory(all...)
	taken, breaks := uint64(0), 0
	for {
		begun, _, err := meet(t, a, b, exchange.Options{}, func(c net.Conn) io.ReadWriter { return &cut{c, 1 + random.IntN(700_000)} })
		if taken += begun.Taken; err == nil {
			break
		}
		if breaks++; breaks > 1000 {
			t.Fatal("it does not get on")
		}
	}
	if breaks == 0 {
		t.Fatal("it never broke")
	}
	if taken != uint64(len(all)) {
		t.Errorf("%d records were taken, of %d", taken, len(all))
	}
	equal(t, a, b)
}

// liar is a history that gives other records than it is asked for.
type liar struct{ *memory }

func (l liar) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	forged := record(5000, "forged")
	_, err := visit(itemOf(forged), forged)
	return err
}

// A record that was not asked for ends the exchange. [SYNC-11]
func TestWhatWasNotAskedFor(t *testing.T) {
	b := liar{newMemory(many(100, 1000, "b")...)}
	here, there := net.Pipe()
	group := task.New(t.Context())
	group.Go("answer", func(ctx context.Context) error {
		_, _ = exchange.Answer(ctx, there, b)
		return nil
	})
	_, err := exchange.Begin(t.Context(), here, newMemory(many(5, 2000, "a")...), exchange.Options{})
	if !errors.Is(err, exchange.ErrProtocol) {
		t.Errorf("forged records: %v", err)
	}
	here.Close()
	_ = group.Wait()
}

// Rubbish ends an exchange with an error, at either end, and nothing else. [SYNC-10]
func FuzzStream(f *testing.F) {
	a, b := newMemory(many(60, 1, "a")...), newMemory(many(60, 30, "b")...)
	for _, begins := range []bool{true, false} {
		var said bytes.Buffer
		here, there := net.Pipe()
		group := task.New(f.Context())
		group.Go("answer", func(ctx context.Context) error {
			_, err := exchange.Answer(ctx, there, newMemory(many(60, 30, "b")...))
			return err
		})
		tee := struct {
			io.Reader
			io.Writer
		}{here, here}
		if begins {
			tee.Writer = io.MultiWriter(here, &said)
		} else {
			tee.Reader = io.TeeReader(here, &said)
		}
		if _, err := exchange.Begin(f.Context(), tee, newMemory(many(60, 1, "a")...), exchange.Options{}); err != nil {
			f.Fatal(err)
		}
		_ = group.Wait()
		f.Add(said.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		stream := func() io.ReadWriter {
			return struct {
				io.Reader
				io.Writer
			}{bytes.NewReader(data), io.Discard}
		}
		_, _ = exchange.Answer(t.Context(), stream(), b)
		if p, err := exchange.Begin(t.Context(), stream(), a, exchange.Options{Thorough: true}); err == nil && p.Taken > 0 {
			for _, item := range a.order {
				if item != itemOf(a.records[item]) {
					t.Error("a record under another item than its own")
				}
			}
		}
	})
}
