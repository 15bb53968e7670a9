package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync/atomic"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

const (
	// tellTime is how often watchers are told of an exchange while it goes on.
	tellTime = 3 * time.Second
	// mostLost is how many own records a folder that was put back can lack. [HIST-25]
	mostLost = 1 << 20
	// takenAtOnce is how many records one transaction stores at most: so many messages of some hundred bytes fit.
	takenAtOnce = 256
	// sharedAtOnce is how many records are read in one transaction, and pagesAhead how many times as many wait to be sent.
	sharedAtOnce = 512
	pagesAhead   = 2
)

// siblingHistory is an organization's history as other devices of the account see it, in one exchange.
type siblingHistory struct {
	o    *organization
	left *atomic.Int64 // how many more records are taken in as they come; nil: all are
}

var _ exchange.History = siblingHistory{}

// Digest implements exchange.History.
func (h siblingHistory) Digest() (d reconcile.Digest, err error) {
	err = h.o.node.store.View(func(tx *store.Tx) error {
		d, err = tx.Digest(h.o.org)
		return err
	})
	return d, err
}

// Items implements exchange.History. What is landed is here: nobody need give it again. It is read first, so that nothing that is
// taken in meanwhile is missed. [SYNC-13]
func (h siblingHistory) Items(since uint64) (items []reconcile.Item, err error) {
	landed, err := h.o.landing.Items(since)
	if err != nil {
		return nil, err
	}
	horizon := h.o.horizon()
	err = h.o.node.store.View(func(tx *store.Tx) error {
		if items, err = tx.Items(h.o.org, since); err == nil {
			items, err = tx.Kept(h.o.org, items, horizon)
		}
		return err
	})
	return append(items, landed...), err
}

// Records implements exchange.History. It reads ahead, and holds no transaction while the other device takes its time.
func (h siblingHistory) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	pages := make(chan []store.Given, pagesAhead)
	group := task.New(context.Background())
	group.Go("read ahead", func(ctx context.Context) error { return h.readAhead(ctx, missing, pages) })
	from := h.o.givenFrom()
	err := visitPages(pages, func(given store.Given) (bool, error) {
		if given.IsPast(from) { // [HIST-62]
			return true, nil
		}
		return visit(given.Item, given.Record)
	})
	group.Stop()
	return errors.Join(err, group.Wait())
}

// readAhead reads the records of a range, page by page.
func (h siblingHistory) readAhead(ctx context.Context, missing reconcile.Missing, pages chan<- []store.Given) error {
	defer close(pages)
	var last *reconcile.Item
	for more := true; more; {
		var page []store.Given
		err := h.o.node.store.View(func(tx *store.Tx) (err error) {
			page, more, err = tx.Given(h.o.org, missing, last, sharedAtOnce)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
		last = &page[len(page)-1].Item
	}
	return nil
}

func visitPages(pages <-chan []store.Given, visit func(store.Given) (bool, error)) error {
	for page := range pages {
		for _, given := range page {
			if more, err := visit(given); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// Record implements exchange.History.
func (h siblingHistory) Record(item reconcile.Item) (data []byte, err error) {
	from := h.o.givenFrom()
	err = h.o.node.store.View(func(tx *store.Tx) error {
		r, err := tx.Shared(h.o.org, item)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil || r.IsPast(from) { // [HIST-62]
			return err
		}
		data = wire.Encode(r)
		return nil
	})
	return data, err
}

// Lacking implements exchange.History.
func (h siblingHistory) Lacking(after []byte, limit int) (files []exchange.File, err error) {
	var found []store.Lacking
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	err = h.o.node.store.Update(func(tx *store.Tx) error {
		found, err = tx.LackingFiles(h.o.org, after, limit)
		return err
	})
	for _, l := range found {
		files = append(files, exchange.File{
			Name: exchange.FileName{Author: l.File.Author, Nonce: l.File.Nonce}, Chunks: l.Chunks, Hash: l.Hash, Have: l.Have, At: l.At,
		})
	}
	return files, err
}

// TakePieces implements exchange.History. A file that is whole and not what its message says is given up, to be asked for again.
func (h siblingHistory) TakePieces(_ context.Context, file exchange.File, pieces []exchange.Piece) error {
	id := store.FileID{Author: file.Name.Author, Nonce: file.Name.Nonce}
	whole, err := h.putPieces(file, id, pieces)
	if err != nil || !whole {
		return err
	}
	sum := sha256.New()
	if err := h.hash(id, file.Chunks, sum); err != nil {
		return err
	}
	h.o.node.hub.publish(api.Event{Kind: api.EventHistory, Time: h.o.now().UTC(), Org: h.o.org.String()})
	if [32]byte(sum.Sum(nil)) == file.Hash {
		return nil
	}
	h.o.log.Warn("another device of the account gave pieces that make another file")
	for gone := false; !gone; {
		h.o.mu.Lock()
		err := h.o.node.store.Update(func(tx *store.Tx) (err error) {
			gone, err = tx.DeleteFile(id, sharedAtOnce)
			return err
		})
		h.o.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// putPieces stores pieces, unless the file is erased, and reports whether it is whole.
func (h siblingHistory) putPieces(file exchange.File, id store.FileID, pieces []exchange.Piece) (whole bool, err error) {
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	for _, piece := range pieces {
		err := h.o.node.store.Update(func(tx *store.Tx) error {
			if erased, err := tx.IsErased(h.o.org, id); err != nil || erased {
				return err
			}
			if err := tx.PutChunk(id, piece.Index, piece.Data); err != nil {
				return err
			}
			progress, err := tx.FileProgress(id)
			whole = progress.Count() >= file.Chunks
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return whole, nil
}

// hash reads a file's chunks.
func (h siblingHistory) hash(id store.FileID, chunks uint64, sum hash.Hash) error {
	for index := range chunks {
		err := h.o.node.store.View(func(tx *store.Tx) error {
			data, err := tx.Chunk(id, index)
			sum.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Pieces implements exchange.History.
func (h siblingHistory) Pieces(name exchange.FileName, have []byte, visit func(exchange.Piece) error) error {
	id := store.FileID{Author: name.Author, Nonce: name.Nonce}
	if id.Author == h.o.device {
		id.Author = keys.PublicKey{} // what was taken in here
	}
	var progress store.FileProgress
	err := h.o.node.store.View(func(tx *store.Tx) (err error) {
		progress, err = tx.FileProgress(id)
		return err
	})
	for index := uint64(0); err == nil && index < uint64(len(progress.Have))*8; index++ {
		if !has(progress.Have, index) || has(have, index) {
			continue
		}
		var data []byte
		err = h.o.node.store.View(func(tx *store.Tx) (err error) {
			data, err = tx.Chunk(id, index)
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil // it has been erased meanwhile
		}
		if err == nil {
			err = visit(exchange.Piece{Index: index, Data: data})
		}
	}
	return err
}

// has reports whether a list of bits has one.
func has(bits []byte, index uint64) bool {
	return index/8 < uint64(len(bits)) && bits[index/8]&(1<<(index%8)) != 0
}

// Take implements exchange.History: what is landed is durable too.
func (h siblingHistory) Take(ctx context.Context, records [][]byte) ([]reconcile.Item, error) {
	items, now, later, err := h.divide(records)
	if err != nil {
		return nil, err
	}
	if len(later.Records) > 0 {
		if err := h.o.land(ctx, later); err != nil {
			return nil, err
		}
	}
	all := make([]history.Record, len(now))
	for i, data := range now {
		if all[i], err = history.DecodeRecord(data); err != nil {
			return nil, err
		}
	}
	return items, h.o.takeRecords(ctx, all)
}

// takeRecordsLocked stores those of records that hold in one transaction. Callers hold mu.
func (o *organization) takeRecordsLocked(part []checked, t *tally) error {
	var effects effects
	var added int
	var counted tally
	early, err := o.earlyActs(part)
	if err != nil {
		return err
	}
	horizon := o.horizonLocked()
	err = o.node.store.Update(func(tx *store.Tx) error {
		effects, added, counted = newEffects(), 0, tally{}
		var newest history.Clock
		for _, c := range part {
			r := c.record
			if r.IsPast(horizon) { // the account keeps no such history [HIST-62]
				continue
			}
			if err := o.admitRecordLocked(c); err != nil {
				o.log.Warn("a record of another device of the account was refused", "device", r.Device.Short(), "number", r.Sequence, "error", err)
				counted.refuse(err.Error(), 1)
				continue
			}
			ok, err := o.takeRecord(tx, r, early, &effects)
			if err != nil {
				return err
			}
			if c.content != nil {
				if err := o.fillGap(tx, *c.content, r); err != nil {
					return err
				}
			}
			if ok {
				added++
				counted.add(r)
				newest = newest.Observe(r.Clock)
			}
		}
		if added == 0 {
			return nil
		}
		if err := o.countCaughtUp(tx, effects); err != nil {
			return err
		}
		return tx.Observe(o.org, newest)
	})
	if err == nil {
		t.sum(counted)
	}
	if err != nil || added == 0 {
		return err
	}
	o.inflow.note(added)
	o.noteGivenLocked(effects)
	o.applyLocked(effects)
	if effects.chose(settingSkin) {
		o.tellSkinLocked()
	}
	if effects.chose(settingRetention) {
		wake(o.wakeErase)
	}
	if effects.chose(settingBackup) {
		if err := o.keepBackupKeyLocked(); err != nil {
			return err
		}
	}
	if time.Since(o.historyTold) >= tellTime { // a long exchange is not told of at each step
		o.tellHistoryLocked()
	}
	return nil
}

// earlyActs returns the messages among records on which acts are known, here or among the records. It is asked before the
// transaction that stores them: a search in one that has changed much sorts all changes.
func (o *organization) earlyActs(part []checked) (map[keys.MessageID]bool, error) {
	acted := make(map[keys.MessageID]bool)
	err := o.node.store.View(func(tx *store.Tx) error {
		any, err := tx.AnyActs(o.org)
		if err != nil {
			return err
		}
		for _, c := range part {
			switch r := c.record; {
			case r.Message != nil && any:
				has, err := tx.HasActs(o.org, r.Message.ID())
				if err != nil {
					return err
				}
				if has {
					acted[r.Message.ID()] = true
				}
			case r.Act != nil:
				action, err := r.Act.Open()
				if err != nil {
					return err
				}
				for _, message := range action.Messages() {
					acted[message] = true
				}
			}
		}
		return nil
	})
	return acted, err
}

// takeRecord stores one record that holds, and what follows from it. acted are the messages on which acts are known.
func (o *organization) takeRecord(tx *store.Tx, r history.Record, acted map[keys.MessageID]bool, effects *effects) (bool, error) {
	if r.Device == o.device {
		if own, err := tx.Numbered(o.org); err != nil || r.Sequence > own && r.Sequence-own > mostLost {
			o.log.Warn("a record of this device was refused whose number it cannot have reached", "number", r.Sequence)
			return false, err
		}
		var moved bool
		var err error
		if r, moved, err = tx.MakeWay(o.org, o.self, r); err != nil {
			return false, err
		} else if moved {
			wake(o.wakeSiblings)
		}
	}
	fresh, lacked := false, false
	if r.Message != nil && r.Message.Erased == 0 {
		if err := o.disprove(tx, *r.Message, effects); err != nil {
			return false, err
		}
		_, err := tx.Message(o.org, r.Message.ID())
		lacked = errors.Is(err, store.ErrNotFound)
		fresh = lacked && r.Clock.Wall > o.joined
	}
	added, err := tx.Merge(o.org, r, o.limitsLocked())
	if errors.Is(err, store.ErrClone) {
		effects.alarms = append(effects.alarms, store.Alarm{Kind: "clone", Text: fmt.Sprintf(
			"device %s made two different records of one number: its folder was copied or put back; bar it if that was not you", r.Device.Short())})
		return false, nil
	}
	if err != nil || !added {
		return false, err
	}
	if lacked {
		effects.given = append(effects.given, r.Clock.Wall)
	}
	if r.Device == o.device {
		effects.alarms = append(effects.alarms, store.Alarm{Kind: "clone", Text: "another device of yours has records of this one that " +
			"are not here: this folder was put back from an older state, or copied"})
		if err := tx.SkipTo(o.org, r.Sequence); err != nil {
			return false, err
		}
	}
	if fresh { // it came this way before the rendezvous node brought it
		effects.records = append(effects.records, r)
	} else {
		effects.arrived = append(effects.arrived, r)
	}
	effects.erased = effects.erased || r.Message != nil && (r.Message.Erased > 0 || r.Message.Text.Lifetime > 0)
	switch {
	case r.Message != nil && acted[r.Message.ID()]:
		return true, errors.Join(tx.ShareActs(o.org, r.Message.ID()), o.settle(tx, r.Message.ID(), effects))
	case r.Act != nil:
		action, err := r.Act.Open()
		if err != nil {
			return false, err
		}
		for _, message := range action.Messages() {
			if err := o.settle(tx, message, effects); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// disprove forgets that a message was deleted if what its author signed says otherwise. [HIST-30]
func (o *organization) disprove(tx *store.Tx, m history.Message, effects *effects) error {
	done, err := tx.Disprove(o.org, m, o.limitsLocked())
	if done {
		effects.disproved = append(effects.disproved, m.ID())
	}
	return err
}

// fillGap notes that a message or act that this device has missed has come by another way. [HIST-25]
func (o *organization) fillGap(tx *store.Tx, content envelope.Content, r history.Record) error {
	author, _ := authorOf(r)
	heard, err := tx.Heard(o.org, content.Conversation, author)
	if errors.Is(err, store.ErrNotFound) || err == nil && !heard.Fill(content.Sequence) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.PutHeard(o.org, content.Conversation, author, heard)
}
