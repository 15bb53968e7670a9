package node

import (
	"errors"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// effects is what a batch of deliveries means beside what its transaction stores. It is applied after the commit.
type effects struct {
	chains     map[chainKey]*envelope.Inbound // opened from in this batch, to be stored once
	records    []history.Record
	left       []history.Record // of messages that were erased
	disproved  []keys.MessageID // that were not deleted, as a record said that they were
	arrived    []history.Record // that other devices of the account gave, beside those of records: nobody is told of each
	given      []int64          // when messages were noted that other devices gave and that were not here, in unix milliseconds
	introduced map[keys.MemberID]bool
	lockKeys   []keys.MemberID // whose key to lock for is another now
	heads      []spoken
	changes    []change
	alarms     []store.Alarm
	talks      map[keys.ConversationID]store.Talk
	attested   []attested        // what the archive is to hear of
	inGroups   []keys.EnvelopeID // messages of groups that were opened
	seal       bool              // there are new jobs
	erased     bool              // there may be files to erase, or the next lifetime to end is another
	post       bool              // there are envelopes to post again
	offer      bool              // some that the rendezvous node had
}

type chainKey struct {
	device keys.PublicKey
	chain  keys.ChainID
}

func newEffects() effects {
	return effects{chains: make(map[chainKey]*envelope.Inbound), introduced: make(map[keys.MemberID]bool),
		talks: make(map[keys.ConversationID]store.Talk)}
}

func (e *effects) storeChains(tx *store.Tx, org keys.OrgID) error {
	for key, chain := range e.chains {
		err := tx.PutIncoming(org, key.device, key.chain, store.Incoming{Chain: chain.Marshal(), Used: time.Now().Unix()})
		if err != nil {
			return err
		}
	}
	return nil
}

// errUnopened marks an envelope that cannot be opened or must not be shown; its sender is told so and nothing of it
// is kept.
var errUnopened = errors.New("cannot be opened")

// errSilent marks an envelope of a member who is blocked. Nothing of it is kept, and its sender hears what they would hear
// of a device that is away: nothing. [HIST-19]
var errSilent = errors.New("from a member who is blocked")

// errNoLeave marks a message whose sender has no leave, as far as this device knows. A rendezvous node would not have passed it on; who
// brought it without one is told nothing: it may be taken once the leave, or the roll that gives it, is here. [MSH-24]
var errNoLeave = fmt.Errorf("%w: message: its sender has no leave", errUnopened)

// takeEnvelope opens one envelope and stores what it says. An error is the store's; what is wrong with the envelope is
// in the outcome.
func (o *organization) takeEnvelope(tx *store.Tx, e envelope.Envelope, effects *effects) (outcome, error) {
	header := e.ParsedHeader()
	result := outcome{sender: header.Sender, id: e.ID()}
	seen, err := tx.Seen(o.org, result.id)
	if err != nil {
		return result, err
	}
	from, _ := o.personOfLocked(header.Sender)
	shut := header.Leave.IsZero() && o.blockedLocked(from) // what comes by a group is kept
	if seen {
		result.opened, result.silent = true, shut
		return result, nil
	}
	switch header.Kind {
	case envelope.KindAnnounce:
		err = o.takeAnnounce(tx, e, effects)
	case envelope.KindMessage:
		err = o.takeMessage(tx, e, effects)
	case envelope.KindIntroduction:
		err = o.takeIntroduction(tx, e, effects)
	case envelope.KindReport:
		err = o.takeReport(tx, e, effects)
	default:
		err = errUnopened
	}
	if errors.Is(err, errSilent) || shut && errors.Is(err, errUnopened) {
		// Not noted as seen either: once they may write again, what is offered again is taken, as after an absence.
		result.silent = true
		return result, nil
	}
	if errors.Is(err, errUnopened) {
		result.unled = errors.Is(err, errNoLeave)
		o.log.Warn("an envelope was not opened", "sender", header.Sender.Short(), "kind", header.Kind, "reason", err)
		return result, nil
	} else if err != nil {
		return result, err
	}
	if header.Kind == envelope.KindMessage && header.Leave.Kind == envelope.LeaveGroup {
		effects.inGroups = append(effects.inGroups, result.id)
	}
	result.opened, result.silent = true, shut && header.Kind == envelope.KindAnnounce
	return result, tx.PutSeen(o.org, result.id, header.Expires)
}

// memberOfLocked answers envelope's question from the roll. Callers hold mu.
func (o *organization) memberOfLocked(device keys.PublicKey) (keys.MemberID, bool) {
	if o.endedEarlyLocked(device) {
		return keys.MemberID{}, false
	}
	return o.roll.State().MemberOf(device)
}

func (o *organization) takeAnnounce(tx *store.Tx, e envelope.Envelope, effects *effects) error {
	header := e.ParsedHeader()
	key := chainKey{header.Sender, header.Chain}
	if have, err := o.inbound(tx, key, effects); err != nil || have != nil {
		return err // an announcement that is played again must not turn the chain back
	}
	lookup := func(id keys.PrekeyID) (envelope.PrekeyPrivate, bool) { p, ok := o.prekeys[id]; return p, ok }
	chain, err := envelope.OpenAnnounce(e, o.org, o.device, lookup, o.admitsLocked(header))
	if err != nil {
		return fmt.Errorf("%w: announcement: %w", errUnopened, err)
	}
	if member, _ := o.personOfLocked(header.Sender); direct(chain.Place()) && o.blockedLocked(member) {
		return errSilent
	}
	effects.chains[key] = chain
	return nil
}

// inbound returns the chain of another device as this batch has it, or nil if it was never announced.
func (o *organization) inbound(tx *store.Tx, key chainKey, effects *effects) (*envelope.Inbound, error) {
	if chain, ok := effects.chains[key]; ok {
		return chain, nil
	}
	kept, err := tx.Incoming(o.org, key.device, key.chain)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return envelope.UnmarshalInbound(kept.Chain)
}

func (o *organization) takeMessage(tx *store.Tx, e envelope.Envelope, effects *effects) error {
	header := e.ParsedHeader()
	key := chainKey{header.Sender, header.Chain}
	chain, err := o.inbound(tx, key, effects)
	if err != nil {
		return err
	}
	if chain == nil {
		return fmt.Errorf("%w: message: its chain was not announced", errUnopened)
	}
	member, known := o.personOfLocked(header.Sender)
	if !known || !o.mayWriteAtLocked(chain.Place(), member, header) {
		return errNoLeave
	}
	opened, err := chain.Open(e)
	if replay, ok := errors.AsType[*envelope.ReplayError](err); ok && replay.Case == envelope.ReplayRepeat {
		return nil
	}
	if errors.Is(err, envelope.ErrCloned) {
		effects.alarms = append(effects.alarms, store.Alarm{
			Kind: "clone", Text: fmt.Sprintf("device %s of %s sent two different messages at one place: its folder was copied or put back",
				header.Sender.Short(), o.personText(member)), Evidence: [][]byte{e.Bytes()},
		})
	}
	if err != nil {
		return fmt.Errorf("%w: message: %w", errUnopened, err)
	}
	effects.chains[key] = chain
	effects.heads = append(effects.heads, spoken{opened.Content.Head, member})
	o.attestLocked(e, opened.ID, member, chain.Place(), effects)
	if err := o.sighted(tx, header.Sender); err != nil {
		return err
	}
	if kind := history.Kind(opened.Content.Kind) &^ history.Anew; !kind.IsAside() {
		if err := o.noteSequence(tx, opened, effects); err != nil {
			return err
		}
	}
	return o.takeContent(tx, opened, member, chain.Place(), effects)
}

// mayWriteLocked reports whether a member has this account's leave, or needs none by the policy: the rendezvous node checks as well, and is not
// believed. Callers hold mu.
func (o *organization) mayWriteLocked(member keys.MemberID) bool {
	if member == o.member {
		return true
	}
	contact, _ := o.view.Contact(member)
	if o.blocksLocked(contact) {
		return false
	}
	given := o.givenLocked(contact)
	return given.Open || given.Number == 0 && o.allPeopleLocked().MayContact(member, o.member) == membership.ContactFree
}

// noteSequence notices messages that are missing before this one, and an author who tells others another one. A body that
// was sealed anew fills its place and proves nothing. [HIST-11]
func (o *organization) noteSequence(tx *store.Tx, opened envelope.Opened, effects *effects) error {
	c, anew := opened.Content, history.Kind(opened.Content.Kind)&history.Anew != 0
	heard, err := tx.Heard(o.org, c.Conversation, opened.Sender)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case c.Sequence <= heard.Sequence:
		heard.Fill(c.Sequence)
	default:
		if heard.Sequence > 0 && c.Sequence > heard.Sequence+1 {
			heard.Skip(heard.Sequence+1, c.Sequence-1, o.now().UnixMilli())
		}
		if !anew && !heard.Content.IsZero() && c.Sequence == heard.Sequence+1 && c.Previous != heard.Content {
			effects.alarms = append(effects.alarms, store.Alarm{
				Kind: "sequence", Text: fmt.Sprintf("device %s showed others another message than this device", opened.Sender.Short()),
				Evidence: [][]byte{history.Proof{Content: opened.ContentBytes, Signature: opened.Signature}.Encode()},
			})
		}
		heard.Sequence, heard.Content = c.Sequence, opened.ID
		if anew {
			heard.Content = keys.ContentID{}
		}
	}
	return tx.PutHeard(o.org, c.Conversation, opened.Sender, heard)
}

// takeContent stores a body that opened.
func (o *organization) takeContent(tx *store.Tx, opened envelope.Opened, member keys.MemberID, place envelope.Place, effects *effects) error {
	switch history.Kind(opened.Content.Kind) &^ history.Anew {
	case history.KindText:
		return o.takeText(tx, opened, member, effects)
	case history.KindChunk:
		chunk, err := history.DecodeChunk(opened.Content.Body)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnopened, err)
		}
		file := store.FileID{Author: opened.Sender, Nonce: chunk.File}
		if erased, err := tx.IsErased(o.org, file); err != nil || erased {
			return err
		}
		return tx.PutChunk(file, chunk.Index, chunk.Data)
	case history.KindEdit, history.KindDelete, history.KindReaction, history.KindSeen:
		return o.takeAct(tx, opened, member, effects)
	case history.KindLack:
		return o.takeLack(tx, opened, place, effects)
	case history.KindGone:
		return o.takeGone(tx, opened)
	case history.KindLockKey:
		return o.takeLockKey(tx, opened.Content.Body, member, place, effects)
	case history.KindLeave:
		leave, err := history.DecodeLeave(opened.Content.Body)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnopened, err)
		}
		if grant, err := membership.DecodeGrant(leave.Grant); err == nil && grant.ForConversation() {
			return o.takeTalkLeave(tx, leave.Grant, member, place, effects)
		}
		return o.takeLeaveAt(tx, leave.Grant, member, place, effects)
	default:
		return fmt.Errorf("%w: a body of kind %d, which this version does not know", errUnopened, opened.Content.Kind)
	}
}

func (o *organization) takeText(tx *store.Tx, opened envelope.Opened, member keys.MemberID, effects *effects) error {
	text, err := history.DecodeText(opened.Content.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	conversation := opened.Content.Conversation
	if placeOf(history.Message{Member: member, Text: text}).ID(o.org) != conversation {
		return fmt.Errorf("%w: a message that names other recipients than its conversation has", errUnopened)
	}
	message := history.Message{
		Author: opened.Sender, Member: member, Conversation: conversation, Text: text,
		Signed: history.Proof{Content: opened.ContentBytes, Signature: opened.Signature}.Encode(),
	}
	if err := o.checkForwarded(text); err != nil {
		return err
	}
	if err := o.disprove(tx, message, effects); err != nil {
		return err
	}
	if _, err := tx.Message(o.org, message.ID()); err == nil {
		return nil // sealed anew after it had come all the same
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	now := o.now().UnixMilli()
	if expires := message.Expires(now); expires > 0 && expires <= now {
		return nil // it came too late
	}
	record, err := tx.AppendRecord(o.org, o.self, now, history.Record{Kind: history.RecordMessage, Message: &message})
	if err != nil {
		return err
	}
	effects.records, effects.erased = append(effects.records, record), effects.erased || text.Lifetime > 0
	if err := o.answerAway(tx, message, o.now(), effects); err != nil {
		return err
	}
	return errors.Join(tx.ShareActs(o.org, message.ID()), o.settle(tx, message.ID(), effects))
}

// contactNow returns a contact as the view and this batch have it.
func (o *organization) contactNow(member keys.MemberID, effects *effects) (history.Contact, bool) {
	for i := len(effects.records) - 1; i >= 0; i-- {
		if c := effects.records[i].Contact; c != nil && c.Member == member {
			return *c, true
		}
	}
	return o.view.Contact(member)
}

// putContact stores a contact. One who becomes an acquaintance by it is told which key to lock for.
func (o *organization) putContact(tx *store.Tx, contact history.Contact, effects *effects) error {
	before, _ := o.contactNow(contact.Member, effects)
	if contact.State == history.ContactAccepted && before.State != history.ContactAccepted {
		if err := o.introduceLockKey(tx, contact.Member, effects); err != nil {
			return err
		}
	}
	record, err := tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
		history.Record{Kind: history.RecordContact, Contact: &contact})
	effects.records = append(effects.records, record)
	return err
}
