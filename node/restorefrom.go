package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/account"
	"muster.example/node/api"
	"muster.example/node/backup"
)

// driveBackup is a snapshot of a repository on a drive.
type driveBackup struct {
	reader   *backup.Reader
	snapshot backup.Snapshot
	name     string

	mu     sync.Mutex // guards the following
	older  string     // says that the account is of an older snapshot; "" if it is not
	damage map[string]*lostPart
}

// lostPart is what is wrong with one file of a repository.
type lostPart struct {
	err  error
	lost map[backup.Kind]map[keys.OrgID]int
	some bool // it is not known what was in it
}

var _ backedUp = (*driveBackup)(nil)

// CheckBackup reports whether there is something to restore from, and that the words open it, before anything is made or changed.
func CheckBackup(ctx context.Context, request api.RestoreRequest) error {
	seed, err := readWords(request.Words)
	if err != nil {
		return err
	}
	b, err := openDrive(ctx, request, seed)
	if err == nil {
		_, err = b.Account(ctx)
	}
	return err
}

// openBackup opens the snapshot that a request names.
func (n *Node) openBackup(ctx context.Context, request api.RestoreRequest, seed keys.RecoverySeed) (backedUp, error) {
	b, err := openDrive(ctx, request, seed)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// openDrive finds, among all repositories on a drive which the words open, the newest snapshot of which all files are there; if there
// is none, the newest; if there is none either, what lies there of none. With a name, it is that one.
func openDrive(ctx context.Context, request api.RestoreRequest, seed keys.RecoverySeed) (*driveBackup, error) {
	info, err := os.Stat(request.From)
	if err != nil || !info.IsDir() {
		return nil, api.Errorf(api.CodeNotFound, "there is no drive or folder %s", request.From).WithHint("name the folder under which the drive is seen")
	}
	folder, words := backup.Disk(request.From), backup.WordsKeys(seed.Backup())
	found, err := backup.Find(folder, words)
	if err != nil {
		return nil, api.Errorf(api.CodeFailed, "the drive cannot be read: %v", err)
	}
	if len(found) == 0 {
		return nil, api.Errorf(api.CodeNotFound, "there is no backup on %s", request.From).
			WithHint("name the top of the drive, in which the folder MUSTER is")
	}
	var best *driveBackup
	var faults []error
	for _, repository := range found {
		reader, err := backup.Open(ctx, folder, repository.ID, words)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, candidate := range candidatesOf(reader, repository.ID) {
			if request.Snapshot != "" && !candidate.isNamed(request.Snapshot) {
				continue
			}
			if best == nil || candidate.better(best) {
				best = candidate
			}
		}
	}
	switch {
	case best != nil:
		return best, nil
	case len(faults) < len(found) && request.Snapshot != "":
		return nil, api.Errorf(api.CodeNotFound, "there is no snapshot %s", request.Snapshot).WithHint("leave --snapshot out for the newest")
	}
	return nil, explainBackup(errors.Join(faults...))
}

// explainBackup says in a person's words why no backup opens.
func explainBackup(err error) error {
	switch {
	case errors.Is(err, backup.ErrNewer):
		return api.Errorf(api.CodeFailed, "a newer version of muster wrote the backup").WithHint("update muster on this computer")
	case errors.Is(err, backup.ErrOther):
		return api.Errorf(api.CodeRefused, "these words open no backup there").
			WithHint("they are good words, and of another person, or were replaced by new ones since: nothing was changed")
	case errors.Is(err, fs.ErrPermission):
		return api.Errorf(api.CodeFailed, "the drive cannot be read: %v", err)
	case err == nil:
		return api.Errorf(api.CodeNotFound, "the backup there is empty")
	}
	return api.Errorf(api.CodeFailed, "the backup there is damaged, and nothing of it opens: %v", err)
}

// candidatesOf returns what there is to restore from.
func candidatesOf(reader *backup.Reader, id backup.ID) (all []*driveBackup) {
	snapshots := reader.Snapshots()
	if loose, ok := reader.Loose(); ok && len(snapshots) == 0 {
		snapshots = append(snapshots, loose)
	}
	for _, one := range snapshots {
		name := id.String()[:8] + "-" + strconv.FormatUint(one.Number, 10)
		all = append(all, &driveBackup{reader: reader, snapshot: one, name: name, damage: make(map[string]*lostPart)})
	}
	return all
}

// isNamed reports whether a name means this snapshot: whole, or its number alone.
func (b *driveBackup) isNamed(name string) bool {
	return name == b.name || name == strconv.FormatUint(b.snapshot.Number, 10)
}

// better reports whether to restore from this rather than from another.
func (b *driveBackup) better(than *driveBackup) bool {
	if b.snapshot.Complete != than.snapshot.Complete {
		return b.snapshot.Complete
	}
	return b.snapshot.Time.After(than.snapshot.Time)
}

// Name implements backedUp.
func (b *driveBackup) Name() string { return b.name }

// Time implements backedUp.
func (b *driveBackup) Time() time.Time { return b.snapshot.Time }

// Bytes implements backedUp.
func (b *driveBackup) Bytes() uint64 { return uint64(max(b.snapshot.Bytes, 0)) }

// Account implements backedUp. Where what the snapshot says of it is lost, that of the newest other one counts which says it.
func (b *driveBackup) Account(ctx context.Context) (account.Account, error) {
	said, fault, err := b.accountIn(ctx, b.snapshot)
	if err != nil || said.Version > 0 {
		return said, err
	}
	for _, other := range slices.Backward(b.reader.Snapshots()) {
		if said, _, err = b.accountIn(ctx, other); err != nil || said.Version > 0 {
			b.mu.Lock()
			b.older = fmt.Sprintf("what is said of the account is lost; what counts is that of %s: organizations that were entered later are lacking",
				time.UnixMilli(said.Time).UTC().Format(time.RFC3339))
			b.mu.Unlock()
			return said, err
		}
	}
	if fault != nil {
		return said, api.Errorf(api.CodeFailed, "what the backup says of the account cannot be read: %v", fault).WithHint("update muster, or try an older one: --snapshot")
	}
	return said, api.Errorf(api.CodeFailed, "what the backup says of the account is lost: without it nothing can be restored").
		WithHint("try another copy of the drive; or come back with the card: muster device recover CARD")
}

// accountIn returns the newest account in a snapshot, of version 0 if there is none, and why one cannot be read.
func (b *driveBackup) accountIn(ctx context.Context, snapshot backup.Snapshot) (said account.Account, fault, err error) {
	err = b.read(ctx, snapshot, keys.OrgID{}, backup.KindAccount, func(body []byte) error {
		one, err := account.Decode(body)
		if err != nil {
			fault = err
		} else if one.Time >= said.Time {
			said = one
		}
		return nil
	})
	return said, fault, err
}

// Each implements backedUp.
func (b *driveBackup) Each(ctx context.Context, org keys.OrgID, kind itemKind, visit func(body []byte) error) error {
	return b.read(ctx, b.snapshot, org, map[itemKind]backup.Kind{
		itemRecord: backup.KindRecord, itemPage: backup.KindAccount, itemPiece: backup.KindPiece,
	}[kind], visit)
}

func (b *driveBackup) read(ctx context.Context, snapshot backup.Snapshot, org keys.OrgID, kind backup.Kind, visit func(body []byte) error) error {
	report, err := b.reader.Read(ctx, snapshot, backup.Reading{
		Kinds: []backup.Kind{kind},
		Want:  func(e backup.Entry) bool { return e.Org == org },
		Give:  func(_ context.Context, _ backup.Entry, body []byte) error { return visit(body) },
	})
	for _, d := range report.Damage {
		b.note(d, org, kind)
	}
	return err
}

// note notes what is wrong with a file. What is lost of it is counted once, however often it is read.
func (b *driveBackup) note(d backup.Damage, org keys.OrgID, kind backup.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.damage[d.File]
	if part == nil {
		part = &lostPart{err: d.Err, lost: make(map[backup.Kind]map[keys.OrgID]int)}
		b.damage[d.File] = part
	}
	if len(d.Lost) == 0 && d.Items != 0 {
		part.some = true
		return
	}
	if part.lost[kind] == nil {
		part.lost[kind] = make(map[keys.OrgID]int)
	}
	part.lost[kind][org] = len(d.Lost)
}

// Damage implements backedUp.
func (b *driveBackup) Damage() (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.older != "" {
		lines = append(lines, b.older)
	}
	for _, d := range b.reader.Damage() {
		lines = append(lines, fmt.Sprintf("%s: %v", d.File, d.Err))
	}
	for _, file := range slices.Sorted(maps.Keys(b.damage)) {
		part := b.damage[file]
		lines = append(lines, fmt.Sprintf("%s: %v; lost: %s", file, part.err, part.text()))
	}
	return lines
}

// text says what is lost of a file.
func (p *lostPart) text() string {
	names := map[backup.Kind][2]string{
		backup.KindAccount: {"part of the account", "parts of the account"}, backup.KindRecord: {"record", "records"},
		backup.KindPiece: {"piece of a file", "pieces of files"},
	}
	var parts []string
	for _, kind := range slices.SortedFunc(maps.Keys(p.lost), cmp.Compare) {
		count := 0
		for _, n := range p.lost[kind] {
			count += n
		}
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, names[kind][min(count-1, 1)]))
		}
	}
	if p.some {
		parts = append(parts, "all that was in it")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
