package rendezvous

import (
	"errors"
	"fmt"
	"io"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// newClaim makes a token that founds one organization. Only its hash stays. [RV-10]
func (n *Node) newClaim() (token [32]byte, err error) {
	if _, err := io.ReadFull(n.cfg.Random, token[:]); err != nil {
		return token, fmt.Errorf("no randomness for a claim: %w", err)
	}
	hash := rvproto.TokenHash(token)
	var open keys.OrgID
	err = n.store.Update(func(tx *kv.Tx) error {
		count := 0
		err := visitAll(tx, kv.Key(tableClaim), 0, func(_, value []byte) error {
			if string(value) == string(open[:]) {
				count++
			}
			return nil
		})
		if err == nil && count >= maxClaims {
			err = ErrClaims
		}
		if err != nil {
			return err
		}
		return tx.Put(kv.Key(tableClaim, hash[:]), open[:])
	})
	if err != nil {
		return token, fmt.Errorf("storing a claim: %w", err)
	}
	return token, nil
}

// claim founds an organization: all of it becomes durable at once, with the token used up, or nothing. Who repeats a
// claim that went through gets the same answer. [RV-23]
func (n *Node) claim(from keys.PublicKey, request *rvproto.ClaimRequest) wire.Status {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	id := membership.OrgOf(request.Found)
	key := kv.Key(tableClaim, tokenKey(request.Token))
	var held []byte
	err := n.store.View(func(tx *kv.Tx) (err error) {
		held, err = tx.Get(key)
		return err
	})
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return wire.StatusNotFound
	case err != nil:
		return n.fault("reading a claim", err)
	case string(held) == string(id[:]):
		return n.openFounded(id)
	case string(held) != string(make([]byte, keys.IDSize)), n.directory.org(id) != nil:
		return wire.StatusUsed
	}
	entries, err := n.foundingEntries(from, id, request, n.cfg.Now())
	if status, refused := errors.AsType[wire.Status](err); refused {
		return status
	}
	if err != nil {
		return n.answerFor("founding an organization", err)
	}
	err = n.store.Update(func(tx *kv.Tx) error {
		for i, entry := range entries {
			if err := tx.Put(kv.Key(tableRoll, id[:], kv.Number(uint64(i))), entry.Marshal()); err != nil {
				return err
			}
		}
		return errors.Join(tx.Put(kv.Key(tableOrg, id[:]), nil), tx.Put(key, id[:]))
	})
	if err != nil {
		return n.answerFor("storing an organization", err)
	}
	n.log.Info("organization founded", "org", id.Short())
	return n.openFounded(id)
}

// openFounded makes sure that an organization that is stored is served. The caller holds sequence.
func (n *Node) openFounded(id keys.OrgID) wire.Status {
	if n.directory.org(id) != nil {
		return wire.StatusOK
	}
	o, err := openOrg(n.store, n.key, id, n.cfg.Now())
	if err != nil {
		return n.fault("opening an organization", err)
	}
	n.enroll(o)
	n.joinGossip(o)
	return wire.StatusOK
}

// noClaims reports whether no claim was ever made.
func noClaims(store *kv.Store) (none bool, err error) {
	none = true
	err = store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(tableClaim), nil, false, func(_, _ []byte) (bool, error) {
			none = false
			return false, nil
		})
	})
	if err != nil {
		return false, fmt.Errorf("reading the claims: %w", err)
	}
	return none, nil
}

func tokenKey(token [32]byte) []byte {
	hash := rvproto.TokenHash(token)
	return hash[:]
}

// foundingEntries judges the two events of a claim. A refusal is a *membership.Refusal or a wire.Status.
func (n *Node) foundingEntries(from keys.PublicKey, id keys.OrgID, request *rvproto.ClaimRequest, now time.Time) (
	entries [2]membership.Entry, err error) {
	_, principal, err := membership.OpenEvent(request.Found)
	if err != nil {
		return entries, err
	}
	if principal.Signer != from {
		return entries, wire.StatusRefused
	}
	if n.directory.of(from) != nil {
		return entries, wire.StatusUsed
	}
	trial := membership.NewRoll(id)
	for i, event := range [2][]byte{request.Found, request.Rendezvous} {
		entries[i], err = membership.NewEntry(n.cfg.Random, stampAfter(trial.State(), now), membership.Audience{}, event)
		if err == nil {
			err = trial.Append(entries[i])
		}
		if err != nil {
			return entries, err
		}
	}
	if sequencer, ok := trial.State().Sequencer(); !ok || sequencer.Node != n.key.Public() {
		return entries, wire.StatusRefused
	}
	return entries, nil
}
