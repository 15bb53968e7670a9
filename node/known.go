package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
	"muster.example/node/mesh"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	protocolKnown protocol.ID = "/muster/known/1" // [NEAR-7]
	// mostHanded bounds the entries of the roll that are handed over at once, in bytes: a larger difference is for the rendezvous node.
	mostHanded = mesh.MostEntries
	// maxKnown is the size of the longest of what is told: the entries, the bars that the roll lacks, checkpoint and proof.
	maxKnown = mesh.MaxKnown
	// knownTime is how long that may take.
	knownTime = 10 * time.Second
)

// known is what a device tells another one before they exchange anything. [NEAR-7]
type known = mesh.Known

var errKnownBefore = errors.New("the roll has changed meanwhile")

// compareKnown has a sibling and this device know the same roll and the same bars, as far as one of them does.
func (s *siblingMeetings) compareKnown(ctx context.Context, device keys.PublicKey) error {
	ctx, cancel := context.WithTimeout(ctx, knownTime)
	defer cancel()
	mine, err := s.o.tellKnown(0, false, keys.MemberID{})
	if err != nil {
		return err
	}
	var theirs known
	if err := p2p.Request(ctx, s.host, p2p.PeerID(device), protocolKnown, mine, &theirs, maxKnown); err != nil {
		return err
	}
	s.o.hearKnown(device, theirs)
	if theirs.Size >= mine.Size {
		return nil
	}
	if mine, err = s.o.tellKnown(theirs.Size, true, keys.MemberID{}); err != nil || len(mine.Entries) == 0 {
		return err
	}
	return p2p.Request(ctx, s.host, p2p.PeerID(device), protocolKnown, mine, &theirs, maxKnown)
}

// answerKnown answers a sibling that compares.
func (s *siblingMeetings) answerKnown(_ context.Context, from keys.PublicKey, theirs known) (known, error) {
	if !s.o.gate.isSibling(from) {
		return known{}, errNoSibling
	}
	s.o.hearKnown(from, theirs)
	return s.o.tellKnown(theirs.Size, true, keys.MemberID{})
}

// tellKnown returns what this device knows, with the entries of the roll from a size on if they are asked for and not too many. Those that
// a reader of another account does not read are hidden; a reader of the own account is named as nobody. [CAR-19]
func (o *organization) tellKnown(from uint64, entries bool, reader keys.MemberID) (k known, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k.Size = o.roll.Size()
	for _, bar := range o.early {
		if len(k.Bars) < maxEarlyBars {
			k.Bars = append(k.Bars, bar.Event)
		}
	}
	k.Bars = append(k.Bars, o.joinsToTellLocked()...)
	k.Bars = k.Bars[:min(len(k.Bars), maxEarlyBars)]
	head, signed := o.roll.Head()
	if !entries || from == 0 || from >= k.Size || !signed || head.Size != k.Size || o.distrust != nil {
		return k, nil
	}
	size := 0
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, from, func(index uint64, data []byte) (bool, error) {
			if index < k.Size {
				shown, err := o.entryForLocked(data, index, reader)
				if err != nil {
					return false, err
				}
				k.Entries = append(k.Entries, shown)
				size += len(shown) + 8
			}
			return index+1 < k.Size && size < mostHanded, nil
		})
	})
	if err != nil {
		return k, err
	}
	if size >= mostHanded || uint64(len(k.Entries)) != k.Size-from {
		k.Entries = nil
		return k, nil
	}
	proof, err := o.roll.ProveConsistency(from, k.Size)
	for _, hash := range proof {
		k.Proof = append(k.Proof, hash)
	}
	k.Checkpoint = o.roll.Note()
	return k, err
}

// entryForLocked returns an entry of the roll as a member may have it, or as it is for nobody by name. Callers hold mu.
func (o *organization) entryForLocked(data []byte, index uint64, reader keys.MemberID) ([]byte, error) {
	if reader.IsZero() {
		return bytes.Clone(data), nil
	}
	entry, err := membership.ParseEntry(data)
	if err != nil {
		return nil, err
	}
	if o.readsAllLocked([]keys.MemberID{reader}, entry.Audience, index) {
		return bytes.Clone(data), nil
	}
	return entry.Hide().Marshal(), nil
}

// hearKnown takes in what another device knows. Nothing is believed that the sequencer, or the signer of a bar, did not sign; and whatever is
// wrong with it says nothing of the rendezvous node.
func (o *organization) hearKnown(from keys.PublicKey, theirs known) {
	if len(theirs.Entries) > 0 {
		page := rvclient.Page{Checkpoint: theirs.Checkpoint, Entries: theirs.Entries, Proof: theirs.Proof}
		if err := o.takeRoll(page); err != nil {
			o.log.Info("another device told of the roll", "device", from.Short(), "error", err)
		}
	}
	for _, bar := range theirs.Bars[:min(len(theirs.Bars), maxEarlyBars)] {
		if err := o.hearAhead(bar); err != nil && !errors.Is(err, errKnown) {
			o.log.Debug("another device told of an event ahead of the roll", "device", from.Short(), "error", err)
		}
	}
}

// takeRoll adopts a page of the roll that another than the rendezvous node handed over. Under a checkpoint that is older than the offline
// grace nobody becomes a member; who has ended is ended all the same, and what others write by that roll is read. [NEAR-7]
func (o *organization) takeRoll(page rvclient.Page) error {
	select {
	case o.fetching <- struct{}{}:
		defer func() { <-o.fetching }()
	default: // it is being fetched
		return errKnownBefore
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.distrust != nil {
		return errDistrusted
	}
	newest, err := membership.OpenCheckpoint(page.Checkpoint, o.org, o.at.Key)
	if err != nil {
		return err
	}
	o.reckoning.Signed(newest.Time.UnixMilli())
	if !o.freshLocked(newest, o.reckoning.Late()) && !endsOnly(page.Entries) {
		return fmt.Errorf("its checkpoint is of %v", newest.Time)
	}
	before, names, skin := o.roll.Size(), o.contactNamesLocked(), o.roll.State().Skin()
	if newest.Size != before+uint64(len(page.Entries)) {
		return errKnownBefore
	}
	checkpoint, added, err := extend(o.roll, page, o.at.Key)
	if err != nil {
		return errors.Join(err, o.rereadIfGrown(before))
	}
	if err := o.storeRoll(before, added, page.Checkpoint); err != nil {
		return errors.Join(err, o.rereadLocked()) // what is not on disk is not known
	}
	o.adoptedLocked(checkpoint, added, names, skin)
	return nil
}

// endsOnly reports whether entries of the roll say only that somebody takes part no more, so that nobody is let in by them, whatever came
// after. What is not shown may say anything.
func endsOnly(entries [][]byte) bool {
	return !slices.ContainsFunc(entries, func(data []byte) bool {
		entry, err := membership.ParseEntry(data)
		if err != nil || entry.Hidden() {
			return true
		}
		e, err := membership.ReadEvent(entry.Event)
		return err != nil || e.Bar == nil && e.Suspend == nil && e.Remove == nil && e.GroupLeave == nil && e.GroupRemove == nil
	})
}
