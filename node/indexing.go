package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/search"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// readAtOnce is how many messages are read for the index while organization.mu is held.
	readAtOnce = 64
	// batchBytes is how much text makes a batch full.
	batchBytes = 4 << 20
	// awaitedAtMost is how many changed messages of an organization a search waits for.
	awaitedAtMost = 256
	// indexPause is how long indexing rests after it failed.
	indexPause = time.Minute
)

// indexer keeps the search index in step with the history.
type indexer struct {
	file *search.Index // nil: there is none
	wake chan struct{} // capacity 1: there may be something to index

	working sync.Mutex // held over one batch, and while the file is made anew; outside Node.mu and organization.mu
	lacking atomic.Int64
	counted map[keys.OrgID]int    // guarded by working: how many of each history's messages the index was not shown yet
	clean   map[keys.OrgID]uint64 // guarded by working: Store.Noted when no message of it had changed
}

// openIndex opens the index. One that the store does not know, or knows to have been ahead, is made anew: it lacks changes of
// which the note is gone.
func (n *Node) openIndex() error {
	if n.config.Index == "" {
		return nil
	}
	file, err := search.Open(n.config.Index, n.config.IndexKey)
	if err != nil { // a full disk, perhaps: that must not keep the node from running
		n.log.Error("there is no search index in this run", "error", err)
		return nil
	}
	n.index.file = file
	var told store.Indexed
	err = n.store.View(func(tx *store.Tx) (err error) {
		told, err = tx.Indexed()
		return err
	})
	stamp := file.Stamp()
	if err == nil && stamp.Batch > 0 && (string(told.Index) != string(stamp.ID[:]) || stamp.Batch < told.Batch) {
		n.log.Warn("the search index is not the one that was kept in step; it is made anew")
		err = file.Reset()
	}
	return err
}

func (i *indexer) close() error {
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}

// resetIndex makes the index anew, after which it is filled from the history again.
func (n *Node) resetIndex() error {
	if n.index.file == nil {
		return nil
	}
	n.index.working.Lock()
	defer n.index.working.Unlock()
	clear(n.index.counted)
	wake(n.index.wake)
	return n.index.file.Reset()
}

// keepIndexing tells the index what changed, first, and what it lacks of the history, until ctx ends. Whatever is wrong with
// the index, the node goes on.
func (n *Node) keepIndexing(ctx context.Context) error {
	if n.index.file == nil {
		return nil
	}
	for damaged := false; ; {
		more, err := n.indexSome(ctx)
		if errors.Is(err, search.ErrDamaged) && !damaged { // twice in a row, and it rests first
			n.log.Warn("the search index is made anew", "error", err)
			damaged, more, err = true, true, n.resetIndex()
		} else {
			damaged = false
		}
		var pause <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			n.log.Error("the search index does not follow", "error", err)
			pause = time.After(indexPause)
		case more:
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.index.wake:
		case <-pause:
		}
	}
}

// indexSome does one batch for each organization, and reports whether there may be more.
func (n *Node) indexSome(ctx context.Context) (more bool, err error) {
	n.index.working.Lock()
	defer n.index.working.Unlock()
	if err := n.index.file.Check(ctx); err != nil {
		return false, err
	}
	lacking := 0
	for _, o := range n.all() {
		again, err := n.indexOrganization(ctx, o)
		if err != nil {
			return false, fmt.Errorf("indexing %s: %w", o.org.Short(), err)
		}
		more = more || again
		lacking += n.index.counted[o.org]
	}
	n.index.lacking.Store(int64(lacking))
	return more, nil
}

// indexOrganization does one batch: of messages that the index never saw, the oldest first, and behind all of them of those that
// changed. So rows are in the order of the history, also where all of it came at once.
func (n *Node) indexOrganization(ctx context.Context, o *organization) (more bool, err error) {
	batch, noted, err := n.nextBatch(ctx, o)
	if err != nil {
		return false, err
	}
	if len(batch.Places) > 0 {
		return true, n.applyBatch(ctx, o, batch, noted)
	}
	changed, err := o.changedMessages()
	if err != nil || len(changed) == 0 {
		return false, err
	}
	return true, n.applyChanged(ctx, o, changed)
}

// applyBatch tells the index, and then notes that it was told: a crash in between has it told again.
func (n *Node) applyBatch(ctx context.Context, o *organization, batch search.Batch, changed []store.Unindexed) error {
	if err := n.index.file.Apply(ctx, batch); err != nil {
		return err
	}
	stamp := n.index.file.Stamp()
	return n.store.Update(func(tx *store.Tx) error {
		return tx.NoteIndexed(store.Indexed{Index: stamp.ID[:], Batch: stamp.Batch}, o.org, changed)
	})
}

// indexNow tells the index what changed in organizations before it is asked: what a request did the next one finds. Where more
// changed than that, keepIndexing is at it. It returns how many messages the index lacks then, of those that changed MaxBatch of
// an organization at most.
func (n *Node) indexNow(ctx context.Context, all map[keys.OrgID]*organization) (lacking int, err error) {
	n.index.working.Lock()
	defer n.index.working.Unlock()
	for _, o := range all {
		changed, err := o.changedMessages()
		if err != nil {
			return 0, err
		}
		if len(changed) > awaitedAtMost {
			lacking += len(changed)
			continue
		}
		if err := n.applyChanged(ctx, o, changed); err != nil {
			return 0, err
		}
	}
	return lacking + int(n.index.lacking.Load()), nil
}

// changedMessages returns messages that changed, MaxBatch at most. Callers hold indexer.working.
func (o *organization) changedMessages() (changed []store.Unindexed, err error) {
	n := o.node
	now := n.store.Noted()
	if clean, ok := n.index.clean[o.org]; ok && clean == now { // to look is not cheap: notes that are gone lie there for a while
		return nil, nil
	}
	err = n.store.View(func(tx *store.Tx) (err error) {
		changed, err = tx.Unindexed(o.org, search.MaxBatch)
		return err
	})
	if err == nil && len(changed) == 0 {
		if n.index.clean == nil {
			n.index.clean = make(map[keys.OrgID]uint64)
		}
		n.index.clean[o.org] = now
	}
	return changed, err
}

// applyChanged tells the index of messages that changed.
func (n *Node) applyChanged(ctx context.Context, o *organization, changed []store.Unindexed) error {
	var batch search.Batch
	size := 0
	for at := 0; at < len(changed); at += readAtOnce {
		if size > batchBytes {
			changed = changed[:at]
			break
		}
		var ids []keys.MessageID
		for _, u := range changed[at:min(at+readAtOnce, len(changed))] {
			ids = append(ids, u.ID)
		}
		if err := o.readInto(&batch, &size, ids); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return n.applyBatch(ctx, o, batch, changed)
}

// readInto puts messages into a batch as they are now.
func (o *organization) readInto(batch *search.Batch, size *int, ids []keys.MessageID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(batch.Put)
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			if err := o.indexLocked(tx, id, batch); err != nil {
				return err
			}
		}
		return nil
	})
	for _, m := range batch.Put[before:] {
		*size += len(m.Text)
		for _, text := range m.Forwarded {
			*size += len(text)
		}
	}
	return err
}

// placeEnd is the place behind all messages: what comes later is noted as changed.
var placeEnd = []byte{0xff}

// nextBatch reads the next messages that the index never saw, and from the first again if the policy about edits has changed
// since, with what is noted of them. A batch without places is none.
func (n *Node) nextBatch(ctx context.Context, o *organization) (batch search.Batch, noted []store.Unindexed, err error) {
	kept, err := n.index.file.Place(ctx, o.org)
	if err != nil {
		return batch, nil, err
	}
	o.mu.Lock()
	limits := o.limitsLocked()
	o.mu.Unlock()
	under := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, limits.Edit), limits.Delete)
	var place []byte
	if len(kept) > len(under) && string(kept[:len(under)]) == string(under) {
		place = kept[len(under):]
	}
	if len(place) > 0 && place[0] == placeEnd[0] {
		return batch, nil, nil
	}
	if err := n.countMessages(o, place); err != nil {
		return batch, nil, err
	}
	size := 0
	for ended := false; !ended && size <= batchBytes && len(batch.Put)+len(batch.Remove)+readAtOnce <= search.MaxBatch; {
		var ids []keys.MessageID
		err := n.store.View(func(tx *store.Tx) (err error) {
			if ids, place, err = tx.MessagesAfter(o.org, place, readAtOnce); err != nil {
				return err
			}
			some, err := tx.Noted(o.org, ids) // before they are read: what changes then stays noted
			noted = append(noted, some...)
			return err
		})
		if err == nil {
			err = o.readInto(&batch, &size, ids)
		}
		if err != nil {
			return batch, nil, err
		}
		n.index.counted[o.org] = max(0, n.index.counted[o.org]-len(ids))
		ended = len(ids) < readAtOnce
		if ended {
			place = placeEnd
			delete(n.index.counted, o.org)
		}
	}
	batch.Places = map[keys.OrgID][]byte{o.org: append(under, place...)}
	return batch, noted, nil
}

// countMessages counts the messages behind a place, if that was not done before.
func (n *Node) countMessages(o *organization, place []byte) error {
	if n.index.counted == nil {
		n.index.counted = make(map[keys.OrgID]int)
	}
	if _, ok := n.index.counted[o.org]; ok && place != nil {
		return nil
	}
	return n.store.View(func(tx *store.Tx) (err error) {
		n.index.counted[o.org], err = tx.CountMessages(o.org, place)
		return err
	})
}

// indexLocked puts a message as it is now into a batch: what is erased, expired or not there leaves the index. Callers hold mu.
func (o *organization) indexLocked(tx *store.Tx, id keys.MessageID, batch *search.Batch) error {
	r, err := tx.Message(o.org, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (r.Message.Erased != 0 || isOver(r, o.now())) {
		batch.Remove = append(batch.Remove, search.Removed{Org: o.org, ID: id})
		return nil
	} else if err != nil {
		return err
	}
	m := r.Message
	acts, err := tx.Acts(o.org, id)
	if err != nil {
		return err
	}
	shown := history.Fold(*m, acts, o.limitsLocked())
	if shown.Deleted {
		batch.Remove = append(batch.Remove, search.Removed{Org: o.org, ID: id})
		return nil
	}
	indexed := search.Message{
		Org: o.org, ID: id, Conversation: m.Conversation, Author: m.Member, Time: searchTime(r),
		Subject: shown.Subject, Text: unlessLocked(shown.Text),
	}
	for _, file := range m.Text.Files {
		indexed.Files = append(indexed.Files, file.Name)
	}
	indexed.Forwarded = forwardedTexts(o.forwardedLocked(m.Text.Forwarded, forwardedDepth), nil)
	batch.Put = append(batch.Put, indexed)
	return nil
}

// searchTime is the time by which a message is searched: its author's, but not later than it came.
func searchTime(r history.Record) int64 { return min(r.Message.Text.Time, r.Clock.Wall) }

func forwardedTexts(all []api.Forwarded, texts []string) []string {
	for _, f := range all {
		texts = append(texts, f.Subject, unlessLocked(f.Text))
		for _, file := range f.Attachments {
			texts = append(texts, file.Name)
		}
		texts = forwardedTexts(f.Forwarded, texts)
	}
	return texts
}
