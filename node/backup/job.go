package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"

	"muster.example/internal/keys"
)

// Job says what Run is to do.
type Job struct {
	Folder     Folder
	Repository ID
	Writer     keys.BackupWriter
	// Further is one more recipient of everything; nil for none. It must be a post-quantum one (`age1pq1…`), as the words' own is: age
	// refuses to mix. What is on the drive already is not sealed anew for it.
	Further *age.HybridRecipient
	Source  Source
	Policy  Policy // zero for DefaultPolicy
	// Rate is how many bytes a second are written at most; 0 for as fast as it goes.
	Rate int64
	// Check has every file that the backup relies on read again first, as Verify does, and what is damaged is written anew. Without
	// it a run looks at the sizes of all and reads 64 MiB again, other ones each time.
	Check bool
	// Progress is called often, from the goroutine of Run; nil for nobody.
	Progress func(Progress)
	// Now is when the run begins; zero for the clock's time. Sober is the time by which what is past is removed, zero for Now: it is
	// earlier where the clock may be ahead, which must not cost a good backup.
	Now, Sober time.Time
}

// Phase is what a Run or Verify does just now.
type Phase string

// The phases, in their order.
const (
	PhaseLooking   Phase = "looking"   // at what is on the drive
	PhaseComparing Phase = "comparing" // it with the Source
	PhaseWriting   Phase = "writing"   // items
	PhaseClosing   Phase = "closing"   // the snapshot, and removing what is old
	PhaseReading   Phase = "reading"   // Verify, Read
)

// Progress is how far a run is.
type Progress struct {
	Phase Phase
	Items int   // items that are done in this phase
	Total int   // items that there are to do in it; 0 if not known
	Bytes int64 // of bodies done in this phase
	Whole int64 // bytes to do; 0 if not known
}

// Result says what a run has done.
type Result struct {
	// Snapshot is the newest one: the run's own, or the one before if nothing has changed.
	Snapshot Snapshot
	// Unchanged says that there was nothing to write.
	Unchanged bool
	Added     int // items that the drive had not
	Rewritten int // items that were written anew, to be rid of others beside them or to have fewer files
	Written   int64
	// Repaired are files that were damaged or missing, and whose items were written anew as far as the Source has them.
	Repaired []Damage
	// Dropped is how many snapshots were removed by the Policy, and Removed how many files.
	Dropped, Removed int
}

// Run brings a repository up to what a Source gives, as one more snapshot, and removes what the Policy does not keep. When it returns
// without an error the snapshot is durable and was read back. It can be ended at any time by ctx: the next run goes on from the last
// whole pack.
//
// Errors wrap ErrFull (what was there before is there still), ErrReadBack, ErrOther, ErrNewer, ErrNotFound, ErrItem, the error of ctx,
// or those of Folder and Source.
func Run(ctx context.Context, job Job) (Result, error) {
	r, err := newRun(job)
	if err != nil {
		return Result{}, err
	}
	for _, step := range []func(context.Context) error{r.look, r.compare, r.write, r.commit, r.prune} {
		if err := step(ctx); err != nil {
			return r.result, err
		}
	}
	return r.result, nil
}

// run is one Run.
type run struct {
	Job
	now      int64 // Unix milliseconds
	sober    int64 // the time by which is removed what is past
	keys     Keys
	mark     []byte
	packTo   []age.Recipient
	listTo   []age.Recipient
	pace     pace
	shelf    *shelf
	all      []*snapshot
	damaged  []Damage           // lists of snapshots
	last     *snapshot          // the newest complete one; nil if there is none
	lines    map[hash]*packLine // what it says of packs
	stock    *stock
	builder  builder
	progress Progress
	made     map[string]bool // folders that are there
	relieved bool            // whether old snapshots have made room already
	result   Result
}

func newRun(job Job) (*run, error) {
	recipient, err := job.Writer.Recipient()
	if err != nil {
		return nil, fmt.Errorf("backup: no recipient: %w", err)
	}
	if job.Now.IsZero() {
		job.Now = time.Now()
	}
	if job.Sober.IsZero() {
		job.Sober = job.Now
	}
	if job.Policy == (Policy{}) {
		job.Policy = DefaultPolicy
	}
	r := &run{Job: job, now: max(job.Now.UnixMilli(), 0), sober: max(job.Sober.UnixMilli(), 0), keys: WriterKeys(job.Writer), packTo: []age.Recipient{recipient},
		pace: pace{rate: job.Rate}, made: make(map[string]bool)}
	if job.Further != nil {
		r.packTo = append(r.packTo, job.Further)
	}
	r.listTo = append([]age.Recipient{job.Writer.Catalogue().Recipient()}, r.packTo...)
	r.mark = r.keys.mark
	r.builder.contents = contents{Repository: job.Repository, Made: uint64(r.now)}
	return r, nil
}

// tell reports progress.
func (r *run) tell(change func(*Progress)) {
	change(&r.progress)
	if r.Progress != nil {
		r.Progress(r.progress)
	}
}

func (r *run) enter(phase Phase, total int, whole int64) {
	r.tell(func(p *Progress) { *p = Progress{Phase: phase, Total: total, Whole: whole} })
}

// look reads what is on the drive: lists of snapshots and of packs.
func (r *run) look(ctx context.Context) error {
	r.enter(PhaseLooking, 0, 0)
	var err error
	if r.shelf, err = look(r.Folder, r.Repository); err != nil {
		return err
	}
	mark, damage := readMarker(r.Folder, r.Repository)
	if damage != nil && !errors.Is(damage, ErrDamaged) {
		return damage
	}
	if r.all, r.damaged, err = r.shelf.snapshots(ctx, r.keys); err != nil {
		return err
	}
	r.result.Repaired = append(r.result.Repaired, r.damaged...)
	r.findLast()
	if r.stock, err = r.takeStock(ctx); err != nil {
		return err
	}
	r.findLast() // packs have been read since
	return r.checkOwner(mark, damage)
}

// findLast finds the newest complete snapshot.
func (r *run) findLast() {
	r.last, r.lines = newestComplete(r.all, r.shelf), make(map[hash]*packLine)
	if r.last != nil {
		for i := range r.last.lines {
			r.lines[r.last.lines[i].pack] = &r.last.lines[i]
		}
	}
}

// checkOwner refuses a repository of which nothing is the keys' own: what is there would be removed as of no use.
func (r *run) checkOwner(mark [32]byte, damage error) error {
	switch {
	case r.keys.own(r.Repository, mark) && damage == nil, len(r.all) > 0, r.stock.ours:
		return nil
	case damage != nil && len(r.shelf.packs)+len(r.shelf.indexes)+len(r.shelf.manifests) == 0:
		return nil // the marker was torn away while it was made
	}
	return ErrOther
}
