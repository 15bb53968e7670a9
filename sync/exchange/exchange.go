package exchange

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"

	"muster.example/internal/keys"
	"muster.example/sync/reconcile"
)

const nonceSize = 32

// History is the records that one device has, as an exchange sees them. Its methods may be called while records are added.
type History interface {
	// Digest says in short what there is.
	Digest() (reconcile.Digest, error)
	// Items returns what there is from a time on, in any order. The caller may change the slice.
	Items(since uint64) ([]reconcile.Item, error)
	// Records visits the records of a range, as far as they are there, the newest first, until visit returns false.
	Records(missing reconcile.Missing, visit func(item reconcile.Item, record []byte) (more bool, err error)) error
	// Record returns the record of one item, nil if it is there no more.
	Record(item reconcile.Item) ([]byte, error)
	// Take checks and stores records that the other device gave, each for itself, and returns their items, also of those that
	// were refused or add nothing. What was taken is durable when it returns.
	Take(ctx context.Context, records [][]byte) ([]reconcile.Item, error)
	// Lacking returns up to limit files of which pieces are lacking, those of the newest messages first, behind the one with that
	// At; nil: from the first.
	Lacking(after []byte, limit int) ([]File, error)
	// TakePieces stores pieces of a file that Lacking returned. What was taken is durable when it returns.
	TakePieces(ctx context.Context, file File, pieces []Piece) error
	// Pieces visits the pieces of a file that are here and not among those that the other device has, a bit each.
	Pieces(file FileName, have []byte, visit func(Piece) error) error
}

// Progress is how far an exchange has come.
type Progress struct {
	Found    bool   // what is missing is known
	Missing  uint64 // records that this side lacked, as the other side says
	Taken    uint64 // of those, how many came
	Excess   uint64 // records that the other side lacked
	Given    uint64 // of those, how many were sent
	Pieces   uint64 // chunks of files that were taken or sent
	Sent     uint64 // bytes
	Received uint64 // bytes
	Rounds   int    // questions that were asked
	Equal    bool   // in the end the digests are equal
}

// Options are what an exchange does beside the usual.
type Options struct {
	Since    uint64             // compare what there is from this time on
	Thorough bool               // compare though the digests are equal [SYNC-8]
	Later    uint64             // what the other side has from before this time is asked for last, once it has what it lacks
	Report   func(now Progress) // is told of progress; may be nil
}

// Begin brings two histories in step, as the side that opened the stream, and returns when both have what the other had when
// they were compared. It is for the caller to end the stream, also to make Begin return. Errors wrap ErrProtocol if the other
// side is at fault.
func Begin(ctx context.Context, stream io.ReadWriter, own History, o Options) (Progress, error) {
	b := &beginner{link: newLink(stream), history: own, report: o.Report}
	err := b.run(ctx, o)
	b.Sent, b.Received = b.link.sent, b.link.received
	return b.Progress, err
}

// beginner is the side that opened the stream.
type beginner struct {
	Progress
	link    *link
	history History
	key     [32]byte
	report  func(Progress)
}

func (b *beginner) run(ctx context.Context, o Options) error {
	equal, err := b.hello()
	if err != nil {
		return err
	}
	if !equal || o.Thorough {
		if err := b.records(ctx, o); err != nil {
			return err
		}
	}
	if err := b.fetchFiles(ctx); err != nil {
		return err
	}
	return b.end()
}

// records finds out which records either side lacks, takes and gives them.
func (b *beginner) records(ctx context.Context, o Options) error {
	lacks, excess, err := b.compare(o.Since)
	if err != nil {
		return err
	}
	b.Found, b.Excess = true, uint64(len(excess))
	for _, m := range lacks {
		b.Missing += m.Count
	}
	b.tell()
	slices.Reverse(lacks) // the newest first
	slices.Reverse(excess)
	later := slices.IndexFunc(lacks, func(m reconcile.Missing) bool {
		end, isEnd := m.To.Least()
		return !isEnd && end.Time < o.Later
	})
	if later < 0 {
		later = len(lacks)
	}
	if err := b.takeAll(ctx, lacks[:later]); err != nil {
		return err
	}
	if err := b.give(excess); err != nil {
		return err
	}
	return b.takeAll(ctx, lacks[later:])
}

// takeAll asks for ranges in the order in which they are named.
func (b *beginner) takeAll(ctx context.Context, lacks []reconcile.Missing) error {
	for some := range slices.Chunk(lacks, reconcile.MaxMissing) {
		if err := b.take(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// hello agrees on the session's key and asks how things stand.
func (b *beginner) hello() (equal bool, err error) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	if err := b.link.write(frame{Kind: kindHello, Data: nonce}); err != nil {
		return false, err
	}
	theirs, err := b.link.read(kindHello)
	if err != nil {
		return false, err
	}
	b.key = sessionKey(nonce, theirs.Data)
	return b.digest()
}

// digest hears how things stand on the other side, and whether they stand so here.
func (b *beginner) digest() (equal bool, err error) {
	digest, err := b.link.read(kindDigest)
	if err != nil {
		return false, err
	}
	own, err := b.history.Digest()
	print := own.Print(b.key)
	return string(print[:]) == string(digest.Data), err
}

// sessionKey is the key of the session's fingerprints, which no side alone determines. [SYNC-2]
func sessionKey(beginner, answerer []byte) [32]byte {
	return keys.Hash[History](keys.DomainReconcile, beginner, answerer)
}

// compare finds out what each side lacks.
func (b *beginner) compare(since uint64) ([]reconcile.Missing, []reconcile.Item, error) {
	items, err := b.history.Items(since)
	if err != nil {
		return nil, nil, err
	}
	session := reconcile.NewSession(reconcile.NewSet(b.key, items), reconcile.At(since))
	for !session.Done() {
		if err := b.link.write(frame{Kind: kindQuestion, Data: session.Ask()}); err != nil {
			return nil, nil, err
		}
		answer, err := b.link.read(kindAnswer)
		if err != nil {
			return nil, nil, err
		}
		if err := session.Take(answer.Data); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		b.Rounds++
	}
	return session.Lacks(), session.Excess(), nil
}

// take asks for ranges and takes what comes, none of which may be anything else. [SYNC-11]
func (b *beginner) take(ctx context.Context, wanted []reconcile.Missing) error {
	if err := b.link.write(frame{Kind: kindWant, Data: reconcile.EncodeMissing(wanted)}); err != nil {
		return err
	}
	at := 0
	for {
		f, err := b.link.read(kindGive, kindEnd)
		if err != nil || f.Kind == kindEnd {
			return err
		}
		items, err := b.history.Take(ctx, f.Records)
		if err != nil {
			return err
		}
		for _, item := range items {
			for at < len(wanted) && !wanted[at].Has(item) {
				at++
			}
			if at == len(wanted) {
				return fmt.Errorf("%w: a record that was not asked for", ErrProtocol)
			}
		}
		b.Taken += uint64(len(f.Records))
		b.tell()
	}
}

// give hands over records that the other side lacks.
func (b *beginner) give(excess []reconcile.Item) error {
	batch := newBatch(b.link)
	for _, item := range excess {
		record, err := b.history.Record(item)
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		if err := batch.add(record); err != nil {
			return err
		}
		b.Given++
		b.tell()
	}
	return batch.flush()
}

// end says that all is done, and hears how things stand once the other side has what it was given.
func (b *beginner) end() (err error) {
	if err := b.link.write(frame{Kind: kindEnd}); err != nil {
		return err
	}
	b.Equal, err = b.digest()
	return err
}

func (b *beginner) tell() {
	if b.report != nil {
		b.Sent, b.Received = b.link.sent, b.link.received
		b.report(b.Progress)
	}
}

// batch collects records into frames.
type batch struct {
	link    *link
	kind    kind
	records [][]byte
	size    int
}

func newBatch(l *link) *batch { return &batch{link: l, kind: kindGive} }

func (b *batch) add(record []byte) error {
	b.records, b.size = append(b.records, record), b.size+len(record)
	if b.size < maxBatch && len(b.records) < maxInBatch {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if len(b.records) == 0 {
		return nil
	}
	err := b.link.write(frame{Kind: b.kind, Records: b.records})
	b.records, b.size = nil, 0
	return err
}
