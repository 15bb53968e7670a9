package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

const (
	// aheadTime is how far ahead of the own clock that of a record may be.
	aheadTime = 25 * time.Hour
	// tellTime is how often watchers are told of an exchange while it goes on.
	tellTime = 3 * time.Second
	// mostLost is how many own records a folder that was put back can lack. [HIST-25]
	mostLost = 1 << 20
	// takenAtOnce is how many records one transaction stores at most: so many messages of some hundred bytes fit.
	takenAtOnce = 256
	// sharedAtOnce is how many records are read in one transaction.
	sharedAtOnce = 64
)

// siblingHistory is an organization's history as other devices of the account see it.
type siblingHistory struct{ o *organization }

var _ exchange.History = siblingHistory{}

// Digest implements exchange.History.
func (h siblingHistory) Digest() (d reconcile.Digest, err error) {
	err = h.o.node.store.View(func(tx *store.Tx) error {
		d, err = tx.Digest(h.o.org)
		return err
	})
	return d, err
}

// Items implements exchange.History.
func (h siblingHistory) Items(since uint64) (items []reconcile.Item, err error) {
	err = h.o.node.store.View(func(tx *store.Tx) error {
		items, err = tx.Items(h.o.org, since)
		return err
	})
	return items, err
}

// Records implements exchange.History. It holds no transaction while the other device takes its time.
func (h siblingHistory) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	var last *reconcile.Item
	for {
		var items []reconcile.Item
		var records [][]byte
		err := h.o.node.store.View(func(tx *store.Tx) (err error) {
			if items, err = tx.ItemsOf(h.o.org, missing, last, sharedAtOnce); err != nil {
				return err
			}
			for _, item := range items {
				r, err := tx.Shared(h.o.org, item)
				if err != nil {
					return err
				}
				records = append(records, wire.Encode(r))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, item := range items {
			if more, err := visit(item, records[i]); err != nil || !more {
				return err
			}
		}
		if len(items) < sharedAtOnce {
			return nil
		}
		last = &items[len(items)-1]
	}
}

// Record implements exchange.History.
func (h siblingHistory) Record(item reconcile.Item) (data []byte, err error) {
	err = h.o.node.store.View(func(tx *store.Tx) error {
		r, err := tx.Shared(h.o.org, item)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
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
	h.o.node.hub.publish(api.Event{Kind: api.EventHistory, Time: time.Now().UTC(), Org: h.o.org.String()})
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

// Take implements exchange.History.
func (h siblingHistory) Take(_ context.Context, records [][]byte) ([]reconcile.Item, error) {
	items := make([]reconcile.Item, len(records))
	all := make([]history.Record, len(records))
	for i, data := range records {
		r, err := history.DecodeRecord(data)
		if err != nil {
			return nil, err
		}
		items[i], all[i] = reconcile.Item{Time: uint64(r.Clock.Wall), ID: r.ID()}, r
	}
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	for some := range slices.Chunk(all, takenAtOnce) {
		if err := inParts(some, h.o.takeRecordsLocked); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// takeRecordsLocked checks records that a sibling gave, and stores those that hold in one transaction. Callers hold mu.
func (o *organization) takeRecordsLocked(part []history.Record) error {
	var effects effects
	var added int
	early, err := o.earlyActs(part)
	if err != nil {
		return err
	}
	err = o.node.store.Update(func(tx *store.Tx) error {
		effects, added = newEffects(), 0
		for _, r := range part {
			content, err := o.checkRecordLocked(r)
			if err != nil {
				o.log.Warn("a record of another device of the account was refused", "device", r.Device.Short(), "number", r.Sequence, "error", err)
				continue
			}
			ok, err := o.takeRecord(tx, r, early, &effects)
			if err != nil {
				return err
			}
			if content != nil {
				if err := o.fillGap(tx, *content, r); err != nil {
					return err
				}
			}
			if ok {
				added++
			}
		}
		return nil
	})
	if err != nil || added == 0 {
		return err
	}
	o.applyLocked(effects)
	if slices.ContainsFunc(effects.arrived, func(r history.Record) bool { return r.Setting != nil && r.Setting.Name == settingSkin }) {
		o.tellSkinLocked()
	}
	if time.Since(o.historyTold) >= tellTime { // a long exchange is not told of at each step
		o.tellHistoryLocked()
	}
	return nil
}

// tellHistoryLocked tells watchers that other devices of the account gave records. Callers hold mu.
func (o *organization) tellHistoryLocked() {
	o.historyTold = time.Now()
	o.node.hub.publish(api.Event{Kind: api.EventHistory, Time: o.historyTold.UTC(), Org: o.org.String()})
}

// earlyActs returns the messages among records on which acts are known, here or among the records. It is asked before the
// transaction that stores them: a search in one that has changed much sorts all changes.
func (o *organization) earlyActs(part []history.Record) (map[keys.MessageID]bool, error) {
	acted := make(map[keys.MessageID]bool)
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, r := range part {
			switch {
			case r.Message != nil:
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
	}
	fresh := false
	if r.Message != nil {
		_, err := tx.Message(o.org, r.Message.ID())
		fresh = errors.Is(err, store.ErrNotFound) && r.Message.Erased == 0 && r.Clock.Wall > o.joined
	}
	added, err := tx.Merge(o.org, r)
	if errors.Is(err, store.ErrClone) {
		effects.alarms = append(effects.alarms, store.Alarm{Kind: "clone", Text: fmt.Sprintf(
			"device %s made two different records of one number: its folder was copied or put back; bar it if that was not you", r.Device.Short())})
		return false, nil
	}
	if err != nil || !added {
		return false, err
	}
	if err := tx.Observe(o.org, r.Clock); err != nil {
		return false, err
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
		return true, o.settle(tx, r.Message.ID(), effects)
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

// fillGap notes that a message or act that this device has missed has come by another way. [HIST-25]
func (o *organization) fillGap(tx *store.Tx, content envelope.Content, r history.Record) error {
	var author keys.PublicKey
	if r.Message != nil {
		author = r.Message.Author
	} else {
		author = r.Act.Author
	}
	heard, err := tx.Heard(o.org, content.Conversation, author)
	if errors.Is(err, store.ErrNotFound) || err == nil && !heard.Fill(content.Sequence) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.PutHeard(o.org, content.Conversation, author, heard)
}

// checkRecordLocked checks what a record proves: that a device of the account made it, that its clock can be, and that the author
// signed what it says of a message or an act, which it returns. [HIST-25] Callers hold mu.
func (o *organization) checkRecordLocked(r history.Record) (*envelope.Content, error) {
	owner, known := o.roll.State().AccountOf(r.Device)
	switch {
	case !known || owner != o.member:
		return nil, errors.New("it is of no device of the account")
	case r.Clock.Wall > time.Now().Add(aheadTime).UnixMilli():
		return nil, errors.New("its clock is far ahead")
	case !o.countsLocked(r):
		return nil, errors.New("its device was barred before it")
	case r.Message != nil && r.Message.Erased == 0:
		return o.checkProofLocked(r.Message.Signed, r.Message.Author, r.Message.Member, func(content envelope.Content) bool {
			return history.Kind(content.Kind)&^history.Anew == history.KindText && content.Conversation == r.Message.Conversation &&
				bytes.Equal(content.Body, wire.Encode(r.Message.Text))
		})
	case r.Act != nil:
		return o.checkProofLocked(r.Act.Signed, r.Act.Author, r.Act.Member, func(content envelope.Content) bool {
			return history.Kind(content.Kind)&^history.Anew == r.Act.Kind && content.Conversation == r.Act.Conversation &&
				bytes.Equal(content.Body, r.Act.Body)
		})
	}
	return nil, nil
}

func (o *organization) checkProofLocked(signed []byte, author keys.PublicKey, member keys.MemberID, says func(envelope.Content) bool) (*envelope.Content, error) {
	proof, err := history.DecodeProof(signed)
	if err != nil {
		return nil, err
	}
	content, _, err := envelope.OpenContent(proof.Content, proof.Signature, o.org, author)
	if err != nil {
		return nil, err
	}
	if owner, known := o.roll.State().AccountOf(author); !known || owner != member {
		return nil, errors.New("its author is another member's device")
	}
	if !says(content) {
		return nil, errors.New("its author signed something else")
	}
	return &content, nil
}
