package node

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/account"
	"muster.example/node/api"
	"muster.example/node/landing"
	"muster.example/node/store"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

const (
	// restoredAtOnce is how many records of a backup are checked and stored together.
	restoredAtOnce = 512
	// restoredBytes is how many bytes those have, about.
	restoredBytes = 8 << 20
	// maxLackingNames is how many files are named of which pieces are lacking.
	maxLackingNames = 100
)

// errOtherWords means that the words are not those of the account in one organization.
var errOtherWords = api.Errorf(api.CodeRefused, "these words are not those of your account there: they were replaced by others, or the backup is wrong").
	WithHint("come back with the words of that organization (muster device recover CARD), then restore once more")

// take brings back what there is of one organization. Errors say why nothing came back.
func (r *restoreRun) take(ctx context.Context, org *restoredOrg) error {
	if o, here := r.node.entered(org.said.Org); here {
		_, waits, err := r.node.restorationOf(org.said.Org)
		if err != nil {
			return err
		}
		org.o, org.waiting, org.result.State = o, waits, "entered"
	} else if err := r.prepare(ctx, org); err != nil {
		return err
	}
	if org.o == nil {
		return r.setAside(ctx, org)
	}
	org.result.Device, org.result.Name, org.result.Member = org.o.device.String(), org.o.name(), org.o.member.String()
	org.result.Card = org.o.card()
	if err := r.takeHistory(ctx, org); err != nil {
		return fmt.Errorf("taking in the history: %w", err)
	}
	if err := r.takeFiles(ctx, org); err != nil {
		return fmt.Errorf("taking in the files: %w", err)
	}
	return nil
}

// prepare makes an organization that can be read of the roll in the backup, if that holds; else the roll is fetched later.
func (r *restoreRun) prepare(ctx context.Context, org *restoredOrg) error {
	said := org.said
	kept := store.Restoration{
		Org: said.Org, Name: said.Name, Member: said.Member, Nodes: nodesOf(said), Since: r.node.now().UnixMilli(), Checkpoint: said.Checkpoint,
		Bar: r.request.Bar, First: r.request.First, Identity: keys.Generate().Seed(),
	}
	if !r.request.Since.IsZero() {
		kept.BarSince = r.request.Since.UnixMilli()
	}
	if had, waits, err := r.node.restorationOf(said.Org); err != nil {
		return err
	} else if waits { // it may have been added by it
		kept.Identity = had.Identity
	}
	entries, roll, err := r.readRoll(ctx, said)
	if err != nil {
		org.result.Why = "the backup has no roll that holds: " + err.Error()
	} else {
		self, _ := roll.State().Member(said.Member)
		key, ok := keyOfMember(r.seed, said.Number, self.Recovery)
		if !ok {
			return errOtherWords
		}
		kept.Keys = []store.NumberedKey{{Number: key.number, Seed: key.key.Seed()}}
	}
	if roll == nil { // the one that the backup names: others are tried while the words are there, and not kept
		kept.Keys = []store.NumberedKey{{Number: said.Number, Seed: r.seed.Key(said.Number).Seed()}}
	}
	err = r.node.store.Update(func(tx *store.Tx) error {
		if roll != nil {
			excluded := store.Exclusion{Standing: uint8(membership.StandingNone), Time: kept.Since}
			if err := errors.Join(tx.PutExclusion(said.Org, excluded), tx.PutChoice(said.Org, store.Choice{Number: kept.Keys[0].Number})); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutRestoration(kept), r.keepProfile(tx))
	})
	if err != nil {
		return err
	}
	org.waiting, org.result.State = true, "waiting"
	if roll == nil {
		return nil
	}
	e := &entry{kept: store.Entrance{Org: said.Org, Identity: kept.Identity}, at: kept.Nodes[0]}
	if org.o, err = r.node.settle(e, said.Member, entries, said.Checkpoint); err != nil {
		return err
	}
	return r.node.add(ctx, org.o)
}

// readRoll reads the roll that the backup has and verifies all of it: every event by the rules, and the checkpoint. [BACKUP-51]
func (r *restoreRun) readRoll(ctx context.Context, said account.Organization) ([]membership.Entry, *membership.Roll, error) {
	pages := make(map[uint64][][]byte)
	err := r.from.Each(ctx, said.Org, itemPage, func(body []byte) error {
		page, err := account.DecodePage(body)
		if err != nil || page.Org != said.Org || page.First >= said.Size {
			return nil
		}
		if had := pages[page.First]; len(page.Entries) > len(had) {
			pages[page.First] = page.Entries
		}
		r.count(len(body))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var all [][]byte
	for first := uint64(0); first < said.Size; first += account.PageEntries {
		want := min(account.PageEntries, said.Size-first)
		if uint64(len(pages[first])) < want {
			return nil, nil, fmt.Errorf("entries from %d on are lacking", first)
		}
		all = append(all, pages[first][:want]...)
	}
	if len(all) == 0 {
		return nil, nil, errors.New("there is none")
	}
	entries, err := parseEntries(all)
	if err != nil {
		return nil, nil, err
	}
	roll, _, err := membership.Rebuild(said.Org, said.Member, said.Checkpoint, said.Nodes[0].Key, entries)
	if err != nil && !errors.Is(err, membership.ErrWithheld) {
		return nil, nil, err
	}
	if _, ok := roll.State().Member(said.Member); !ok {
		return nil, nil, errors.New("it does not have the member")
	}
	return entries, roll, nil
}

// eachBatch visits the records of an organization in batches. Those that say that a message was deleted come last: the deletions that
// prove it are among the others. [HIST-30]
func (r *restoreRun) eachBatch(ctx context.Context, org *restoredOrg, visit func([]history.Record) error) error {
	var batch, claims []history.Record
	size := 0
	flush := func() error {
		err := visit(batch)
		batch, size = batch[:0], 0
		return err
	}
	err := r.from.Each(ctx, org.said.Org, itemRecord, func(body []byte) error {
		defer r.count(len(body))
		record, err := history.DecodeRecord(append([]byte(nil), body...))
		switch {
		case err != nil:
			org.tally.refuse("it is no record", 1)
			return nil
		case record.Message != nil && record.Message.Erased > 0:
			claims = append(claims, record)
			return nil
		}
		batch, size = append(batch, record), size+len(body)
		if len(batch) < restoredAtOnce && size < restoredBytes {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	for len(claims) > 0 && err == nil {
		n := min(restoredAtOnce, len(claims))
		err = visit(claims[:n])
		claims = claims[n:]
	}
	return err
}

// takeHistory takes in the records of the backup, each by the signatures that it bears, as if another device of the account gave it.
// [BACKUP-52]
func (r *restoreRun) takeHistory(ctx context.Context, org *restoredOrg) error {
	return r.eachBatch(ctx, org, func(batch []history.Record) error {
		if len(batch) == 0 {
			return nil
		}
		if err := org.o.takeRecordsFor(ctx, batch, &org.tally); err != nil {
			return err
		}
		return ctx.Err()
	})
}

// setAside lands the records of an organization whose roll is not here: they are checked and taken in once it is. [BACKUP-52]
func (r *restoreRun) setAside(ctx context.Context, org *restoredOrg) error {
	aside, err := landing.Open(r.node.config.Landing, r.node.config.Key, org.said.Org)
	if err != nil {
		return err
	}
	err = r.eachBatch(ctx, org, func(batch []history.Record) error {
		var items []reconcile.Item
		var records [][]byte
		for _, record := range batch {
			items = append(items, reconcile.Item{Time: uint64(record.Clock.Wall), ID: record.ID()})
			records = append(records, wire.Encode(record))
		}
		if len(items) == 0 {
			return nil
		}
		org.result.Set += uint64(len(items))
		return aside.Put(items, records)
	})
	return errors.Join(err, aside.Close())
}

// takeFiles takes in the pieces of files that a message names which was taken in, holds each file that is whole against its hash, and
// says which are not whole.
func (r *restoreRun) takeFiles(ctx context.Context, org *restoredOrg) error {
	h := siblingHistory{o: org.o}
	lacking, err := h.allLacking()
	if err != nil {
		return err
	}
	had := len(lacking)
	if had > 0 {
		err = r.from.Each(ctx, org.said.Org, itemPiece, func(body []byte) error {
			defer r.count(len(body))
			piece, err := account.DecodePiece(body)
			if err != nil {
				return nil
			}
			name := exchange.FileName{Author: piece.Author, Nonce: piece.Nonce}
			file, lacks := lacking[name]
			if !lacks || piece.Index >= file.Chunks || has(file.Have, piece.Index) {
				return nil
			}
			return h.TakePieces(ctx, file, []exchange.Piece{{Index: piece.Index, Data: append([]byte(nil), piece.Data...)}})
		})
		if err != nil {
			return err
		}
		if lacking, err = h.allLacking(); err != nil {
			return err
		}
	}
	org.result.Files = uint64(had - len(lacking))
	org.result.Lacking, err = org.o.namesOfFiles(lacking)
	return err
}

// allLacking returns the files of which pieces are lacking.
func (h siblingHistory) allLacking() (map[exchange.FileName]exchange.File, error) {
	all := make(map[exchange.FileName]exchange.File)
	var after []byte
	for {
		page, err := h.Lacking(after, sharedAtOnce)
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, file := range page {
			all[file.Name] = file
		}
		after = page[len(page)-1].At
	}
}

// namesOfFiles names files and the messages that they are of, for people.
func (o *organization) namesOfFiles(files map[exchange.FileName]exchange.File) (names []string, err error) {
	if len(files) == 0 {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Messages(o.org, nil, func(_ []byte, record history.Record) (bool, error) {
			for _, file := range record.Message.Text.Files {
				if _, lacks := files[exchange.FileName{Author: record.Message.Author, Nonce: file.Nonce}]; lacks {
					names = append(names, fmt.Sprintf("%s, of message %s", file.Name, record.Message.ID().String()[:12]))
				}
			}
			return len(names) < maxLackingNames, nil
		})
	})
	if more := len(files) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return names, err
}
