package store

import (
	"errors"
	"slices"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// What is left of a file whose message is erased.
const (
	piecesLeft  = 1
	nothingLeft = 2 // and what comes of it is dropped
)

// actKey names an act by who acted and how, whatever envelope it came in.
type actKey [keys.IDSize]byte

var (
	acts     = bucket[place]{27, "an act on a message"}
	proofs   = bucket[history.Signed]{28, "a proof of an own message"}
	expiries = bucket[keys.MessageID]{29, "a message that expires"}
	doomed   = bucket[uint64]{45, "a file to erase"}
	settled  = bucket[uint64]{48, "a message whose acts are to be erased"}
)

func keyOf(a history.Act) actKey {
	id := keys.Hash[keys.Content](keys.DomainMessage, a.Author[:], a.Conversation[:], []byte{byte(a.Kind)}, a.Body)
	return actKey(id)
}

// Acts returns the acts on a message that are kept.
func (tx *Tx) Acts(org keys.OrgID, message keys.MessageID) ([]history.Action, error) {
	var all []history.Action
	err := acts.each(tx, nil, func(_ []byte, at place) (bool, error) {
		a, err := tx.act(org, at)
		all = append(all, a)
		return true, err
	}, org[:], message[:])
	return all, err
}

// HasActs reports whether any act on a message is kept.
func (tx *Tx) HasActs(org keys.OrgID, message keys.MessageID) (has bool, err error) {
	err = acts.each(tx, nil, func([]byte, place) (bool, error) {
		has = true
		return false, nil
	}, org[:], message[:])
	return has, err
}

// AnyActs reports whether any act is kept at all.
func (tx *Tx) AnyActs(org keys.OrgID) (has bool, err error) {
	err = acts.each(tx, nil, func([]byte, place) (bool, error) {
		has = true
		return false, nil
	}, org[:])
	return has, err
}

func (tx *Tx) act(org keys.OrgID, at place) (history.Action, error) {
	r, err := tx.record(org, at)
	if err != nil {
		return history.Action{}, err
	}
	return r.Act.Open()
}

func (tx *Tx) record(org keys.OrgID, at place) (history.Record, error) {
	data, err := records.get(tx, org[:], at.Device[:], number(at.Sequence))
	if err != nil {
		return history.Record{}, err
	}
	return history.DecodeRecord(data)
}

// AddAct stores an act at wall time now and finds it for each message on which it may count; acts that it takes the place of
// are erased. It returns no record for one that counts nowhere, or is there already. What is about a message that is erased
// counts no more. [HIST-15] [HIST-16]
func (tx *Tx) AddAct(org keys.OrgID, self keys.PrivateKey, now int64, act history.Act) (*history.Record, error) {
	action, err := act.Open()
	if err != nil {
		return nil, err
	}
	counts, err := tx.counting(org, action)
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	r, err := tx.AppendRecord(org, self, now, history.Record{Kind: history.RecordAct, Act: &act})
	if err != nil {
		return nil, err
	}
	if err := tx.indexAct(org, r, action, counts); err != nil || len(act.Signed) == 0 {
		return &r, err
	}
	return &r, tx.shareAct(org, r, action)
}

// counting returns for each message on which an act may count the acts that it takes the place of.
func (tx *Tx) counting(org keys.OrgID, action history.Action) (map[keys.MessageID][]history.Action, error) {
	key := keyOf(action.Act)
	counts := make(map[keys.MessageID][]history.Action)
	for _, message := range action.Messages() {
		have, err := tx.Acts(org, message)
		if err != nil {
			return nil, err
		}
		r, err := tx.Message(org, message)
		if err == nil && !concerns(action, r.Message.Erased) || slices.ContainsFunc(have, func(a history.Action) bool { return keyOf(a.Act) == key }) {
			continue
		} else if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		kept := history.Counting(message, append(have, action))
		in := func(a history.Action) bool {
			return slices.ContainsFunc(kept, func(k history.Action) bool { return k.Compare(a) == 0 })
		}
		if in(action) {
			counts[message] = slices.DeleteFunc(have, in)
		}
	}
	return counts, nil
}

// concerns reports whether an act is kept for a message of which this is left: of one that was deleted the deletion, by which
// other devices of the account learn of it. [HIST-16]
func concerns(a history.Action, left history.Erased) bool {
	return left == 0 || left == history.ErasedDeleted && a.Delete != nil
}

// indexAct finds an act, whose record is stored, for the messages on which it counts, and erases what it takes the place of.
func (tx *Tx) indexAct(org keys.OrgID, r history.Record, action history.Action, counts map[keys.MessageID][]history.Action) error {
	if err := tx.noteAct(org, action); err != nil {
		return err
	}
	key := keyOf(action.Act)
	for _, message := range action.Messages() {
		gone, ok := counts[message]
		if !ok {
			continue
		}
		if err := acts.put(tx, place{r.Device, r.Sequence}, org[:], message[:], key[:]); err != nil {
			return err
		}
		for _, a := range gone {
			if err := tx.dropAct(org, message, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropAct takes an act off a message, and erases it if no other message has it.
func (tx *Tx) dropAct(org keys.OrgID, message keys.MessageID, a history.Action) error {
	key := keyOf(a.Act)
	at, err := acts.get(tx, org[:], message[:], key[:])
	if err != nil {
		return err
	}
	if err := acts.delete(tx, org[:], message[:], key[:]); err != nil {
		return err
	}
	for _, other := range a.Messages() {
		switch _, err := acts.get(tx, org[:], other[:], key[:]); {
		case err == nil:
			return tx.reconsider(org, at, a)
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	r, err := tx.record(org, at)
	if err != nil {
		return err
	}
	erased := r.Act.Erase()
	r.Act, r.Signature = &erased, keys.Signature{} // it is for no other device
	if err := proofs.delete(tx, org[:], key[:]); err != nil {
		return err
	}
	return tx.putRecord(org, r, false)
}

// reconsider ends the sharing of an act that is left on no message that is shared.
func (tx *Tx) reconsider(org keys.OrgID, at place, a history.Action) error {
	if is, err := tx.isOnShared(org, a); err != nil || is {
		return err
	}
	r, err := tx.record(org, at)
	if err != nil {
		return err
	}
	return tx.unshare(org, r)
}

// EraseMessage erases a message: what is left says that it was there. Its files and the acts on it, which may be more than
// one transaction holds, go by EraseRemains. An expired one leaves the timeline too, and is for no other device any more. It reports
// whether there was anything to erase. [HIST-16] [HIST-30]
func (tx *Tx) EraseMessage(org keys.OrgID, id keys.MessageID, why history.Erased) (history.Record, bool, error) {
	at, err := messages.get(tx, org[:], id[:])
	if err != nil {
		return history.Record{}, false, err
	}
	r, err := tx.record(org, at)
	if err != nil || r.Message.Erased == history.ErasedExpired || r.Message.Erased == why {
		return r, false, err
	}
	if err := tx.doomFiles(org, r); err != nil {
		return r, false, err
	}
	if err := settled.put(tx, piecesLeft, org[:], id[:]); err != nil {
		return r, false, err
	}
	if err := tx.noteChanged(org, id); err != nil {
		return r, false, err
	}
	if err := proofs.delete(tx, org[:], id[:]); err != nil {
		return r, false, err
	}
	share, err := tx.isShared(org, r)
	if err != nil {
		return r, false, err
	}
	if why == history.ErasedExpired {
		share = false
		if err := timeline.delete(tx, org[:], momentOf(r), id[:]); err != nil {
			return r, false, err
		}
		if err := expiries.delete(tx, org[:], number(uint64(r.Message.Expires(r.Clock.Wall))), id[:]); err != nil {
			return r, false, err
		}
	}
	erased := r.Message.Erase(why)
	r.Message = &erased
	return r, true, tx.putRecord(org, r, share)
}

// doomFiles notes the files of a message for EraseRemains.
func (tx *Tx) doomFiles(org keys.OrgID, r history.Record) error {
	for _, file := range r.Message.Text.Files {
		id := fileOf(r, file)
		if err := doomed.put(tx, piecesLeft, org[:], id.key()); err != nil {
			return err
		}
	}
	return nil
}

// fileOf names a file of a message as its pieces are named here.
func fileOf(r history.Record, file history.File) FileID {
	if len(r.Message.Signed) == 0 { // written here: only then it may name a file without an author
		return FileID{Nonce: file.Nonce}
	}
	return FileID{Author: r.Message.Author, Nonce: file.Nonce}
}

// IsErased reports whether pieces of a file are to be dropped, because its message is erased.
func (tx *Tx) IsErased(org keys.OrgID, file FileID) (bool, error) {
	_, err := doomed.get(tx, org[:], file.key())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// EraseRemains removes what messages that are erased have left, pieces of files and acts, in as many transactions as it
// takes. [STO-33]
func (s *Store) EraseRemains(org keys.OrgID) error {
	return errors.Join(s.erasePieces(org), s.eraseActs(org))
}

// actsAtOnce is how many acts one transaction erases: each takes four of its values.
const actsAtOnce = eraseAtOnce / 4

func (s *Store) eraseActs(org keys.OrgID) error {
	var found []keys.MessageID
	err := s.View(func(tx *Tx) error {
		return settled.each(tx, nil, func(rest []byte, _ uint64) (bool, error) {
			if len(rest) == keys.IDSize {
				found = append(found, keys.MessageID(rest))
			}
			return true, nil
		}, org[:])
	})
	for _, message := range found {
		for gone := false; err == nil && !gone; {
			err = s.Update(func(tx *Tx) (err error) {
				if gone, err = tx.dropActs(org, message, actsAtOnce); err != nil || !gone {
					return err
				}
				return settled.delete(tx, org[:], message[:])
			})
		}
	}
	return err
}

// dropActs takes up to limit acts off a message that is erased, and reports whether none is left that is not kept.
func (tx *Tx) dropActs(org keys.OrgID, message keys.MessageID, limit int) (gone bool, err error) {
	left := history.ErasedExpired // also of a message of which no record is left [HIST-60]
	if r, err := tx.Message(org, message); err == nil {
		left = r.Message.Erased
	} else if !errors.Is(err, ErrNotFound) {
		return false, err
	}
	var found []history.Action
	err = acts.each(tx, nil, func(_ []byte, at place) (bool, error) {
		a, err := tx.act(org, at)
		if !concerns(a, left) {
			found = append(found, a)
		}
		return len(found) <= limit, err
	}, org[:], message[:])
	if err != nil {
		return false, err
	}
	for _, a := range found[:min(limit, len(found))] {
		if err := tx.dropAct(org, message, a); err != nil {
			return false, err
		}
	}
	return len(found) <= limit, nil
}

// erasePieces removes the pieces of files whose messages are erased.
func (s *Store) erasePieces(org keys.OrgID) error {
	var found []FileID
	err := s.View(func(tx *Tx) error {
		return doomed.each(tx, nil, func(rest []byte, left uint64) (bool, error) {
			if left == piecesLeft && len(rest) == keys.IDSize+history.NonceSize {
				found = append(found, FileID{Author: keys.PublicKey(rest[:keys.IDSize]), Nonce: [history.NonceSize]byte(rest[keys.IDSize:])})
			}
			return true, nil
		}, org[:])
	})
	for _, file := range found {
		for gone := false; err == nil && !gone; {
			err = s.Update(func(tx *Tx) (err error) {
				if gone, err = tx.DeleteFile(file, eraseAtOnce); err != nil || !gone {
					return err
				}
				return doomed.put(tx, nothingLeft, org[:], file.key())
			})
		}
	}
	return err
}

// Expiring returns up to limit messages whose lifetime is over at now (unix milliseconds), and when the next one is: 0 if
// there is none.
func (tx *Tx) Expiring(org keys.OrgID, now int64, limit int) (due []keys.MessageID, next int64, err error) {
	err = expiries.each(tx, nil, func(rest []byte, id keys.MessageID) (bool, error) {
		if at := int64(readNumber(rest)); at > now || len(due) == limit {
			next = at
			return false, nil
		}
		due = append(due, id)
		return true, nil
	}, org[:])
	return due, next, err
}

// PutProof keeps what this device signed when it sealed a message, the first time. From then on other devices of the account
// may have the message's record.
func (tx *Tx) PutProof(org keys.OrgID, message keys.MessageID, signed history.Signed) error {
	first, err := tx.putProof(org, actKey(message), signed)
	if err != nil || !first {
		return err
	}
	r, err := tx.Message(org, message)
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil || r.Message.Erased == history.ErasedExpired || r.IsEarly() {
		return err
	}
	return errors.Join(tx.share(org, r), tx.ShareActs(org, message))
}

// PutActProof does the same for an act.
func (tx *Tx) PutActProof(org keys.OrgID, a history.Act, signed history.Signed) error {
	key := keyOf(a)
	first, err := tx.putProof(org, key, signed)
	if err != nil || !first {
		return err
	}
	action, err := a.Open()
	if err != nil {
		return err
	}
	for _, message := range action.Messages() {
		at, err := acts.get(tx, org[:], message[:], key[:])
		if errors.Is(err, ErrNotFound) {
			continue // it does not count for this one any more
		} else if err != nil {
			return err
		}
		r, err := tx.record(org, at)
		if err != nil {
			return err
		}
		return tx.shareAct(org, r, action)
	}
	return nil
}

func (tx *Tx) putProof(org keys.OrgID, key actKey, signed history.Signed) (first bool, err error) {
	_, err = proofs.get(tx, org[:], key[:])
	if errors.Is(err, ErrNotFound) {
		return true, proofs.put(tx, signed, org[:], key[:])
	}
	return false, err
}

// Proof returns what this device signed when it sealed an own message.
func (tx *Tx) Proof(org keys.OrgID, message keys.MessageID) (history.Signed, error) {
	return proofs.get(tx, org[:], message[:])
}

// ActProof returns what this device signed when it sealed an own act.
func (tx *Tx) ActProof(org keys.OrgID, a history.Act) (history.Signed, error) {
	key := keyOf(a)
	return proofs.get(tx, org[:], key[:])
}

// DropMessage takes a message of this device's out of the outbox: what is not sealed, and what is sealed and not delivered.
func (tx *Tx) DropMessage(org keys.OrgID, id keys.MessageID) error {
	var lostJobs []Job
	err := tx.Jobs(org, func(j Job) (bool, error) {
		if j.Message != nil && *j.Message == id {
			lostJobs = append(lostJobs, j)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, j := range lostJobs {
		if err := tx.DeleteJob(org, j); err != nil {
			return err
		}
	}
	var lost []Waiting
	err = tx.Waiting(org, 0, func(w Waiting) (bool, error) {
		if w.Message != nil && *w.Message == id {
			lost = append(lost, w)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, w := range lost {
		if err := tx.DeleteWaiting(org, w); err != nil {
			return err
		}
	}
	return nil
}
