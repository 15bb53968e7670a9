package node

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// forwardedDepth is how deep messages that were forwarded within others are shown.
const forwardedDepth = 4

// enrichLocked adds to a text what the request says beside it: thread, mentions, lifetime, what is forwarded. Callers hold mu.
func (o *organization) enrichLocked(text *history.Text, place envelope.Place, request api.SendRequest) error {
	if request.Reply != "" {
		answered, err := o.findMessageLocked(request.Reply)
		if err != nil {
			return err
		}
		id := answered.Message.ID()
		text.Reply, text.Thread = &id, cmp.Or(answered.Message.Text.Thread, &id)
	}
	mentions, err := o.mentionsLocked(place, request.Mentions)
	if err != nil {
		return err
	}
	text.Mentions = mentions
	if text.Lifetime, err = o.lifetimeLocked(request.Expires); err != nil {
		return err
	}
	text.Receipts = len(place.Members) > 0 && o.receiptsLocked()
	return o.forwardLocked(text, request)
}

// mentionsLocked returns the members that are mentioned, who must be where the message is said. Callers hold mu.
func (o *organization) mentionsLocked(place envelope.Place, names []string) ([]keys.MemberID, error) {
	var mentions []keys.MemberID
	for _, name := range names {
		member, ok := o.findLocked(name)
		switch {
		case !ok:
			return nil, api.Errorf(api.CodeNotFound, "no member %q", name).WithHint("`muster contacts --all` lists the members")
		case !o.takesPartLocked(place, member):
			return nil, api.Errorf(api.CodeUsage, "%s is mentioned, but does not get the message", o.personText(member))
		case !slices.Contains(mentions, member):
			mentions = append(mentions, member)
		}
	}
	if len(mentions) > history.MaxMentions {
		return nil, api.Errorf(api.CodeUsage, "a message mentions %d members at most", history.MaxMentions)
	}
	return mentions, nil
}

// forwardLocked puts messages into a text as their authors signed them. [HIST-13] Callers hold mu.
func (o *organization) forwardLocked(text *history.Text, request api.SendRequest) error {
	var ids []keys.MessageID
	for _, id := range request.Forward {
		r, err := o.findMessageLocked(id)
		if err != nil {
			return err
		}
		if !request.ForwardThreads {
			ids = append(ids, r.Message.ID())
			continue
		}
		thread, err := o.threadLocked(*r.Message)
		if err != nil {
			return err
		}
		ids = append(ids, thread...)
	}
	quotes, err := o.quotesLocked(ids, false)
	if err != nil {
		return err
	}
	for _, quote := range quotes {
		text.Forwarded = append(text.Forwarded, history.Signed(quote))
	}
	return nil
}

// threadOf returns the message with which a message's thread began.
func threadOf(m history.Message) keys.MessageID {
	switch {
	case m.Text.Thread != nil:
		return *m.Text.Thread
	case m.Text.Reply != nil: // by a version that knew no threads
		return *m.Text.Reply
	}
	return m.ID()
}

// threadLocked returns the messages of a message's thread in its conversation, in their order, that can be forwarded. Callers
// hold mu.
func (o *organization) threadLocked(m history.Message) (ids []keys.MessageID, err error) {
	th, ok := o.threadsLocked().Thread(m.ID())
	if !ok { // it has expired: who forwards it is told so
		return []keys.MessageID{m.ID()}, nil
	}
	for at, hides := range th.Forth(history.Position{}) {
		if hides && at.Message != m.ID() { // nobody passes on what is hidden from them
			continue
		}
		r, err := o.recordLocked(at.Message)
		if err != nil {
			return nil, err
		}
		if r.Message.Erased == 0 && r.Message.Text.Lifetime == 0 {
			ids = append(ids, at.Message)
		}
	}
	return ids, nil
}

// quotesLocked returns what the authors of messages signed, with the edits that count, each message once. Messages that
// expire can be reported, not forwarded. Callers hold mu.
func (o *organization) quotesLocked(ids []keys.MessageID, report bool) ([]envelope.Quote, error) {
	var quotes []envelope.Quote
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		err := o.node.store.View(func(tx *store.Tx) error {
			r, err := tx.Message(o.org, id)
			if err != nil {
				return err
			}
			switch {
			case o.isImported(*r.Message):
				return api.Errorf(api.CodeRefused, "message %s is imported mail, of which nothing is proven", id.Short()).WithHint("copy its text into a message of your own")
			case r.Message.Erased != 0:
				return api.Errorf(api.CodeRefused, "nothing is left of message %s", id.Short())
			case r.Message.Text.Lifetime != 0 && !report:
				return api.Errorf(api.CodeRefused, "message %s expires: its author does not want it passed on", id.Short())
			}
			quote, err := o.quote(tx, r.Message.Author, r.Message.Signed, func() (history.Signed, error) { return tx.Proof(o.org, id) })
			if err != nil {
				return err
			}
			edits, err := o.editQuotes(tx, *r.Message)
			quotes = append(append(quotes, quote), edits...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(quotes) > history.MaxForwarded {
		return nil, api.Errorf(api.CodeUsage, "%d messages and edits, where %d can be shown at once", len(quotes), history.MaxForwarded).
			WithHint("name fewer messages")
	}
	return quotes, nil
}

// editQuotes returns the last edit of a message that counts, if there is one.
func (o *organization) editQuotes(tx *store.Tx, m history.Message) ([]envelope.Quote, error) {
	acts, err := tx.Acts(o.org, m.ID())
	if err != nil {
		return nil, err
	}
	shown := history.Fold(m, acts, o.limitsLocked())
	for _, a := range acts {
		if a.Edit == nil || a.Member != m.Member || a.Time() != shown.Edited || a.Edit.Text != shown.Text || a.Edit.Subject != shown.Subject {
			continue
		}
		quote, err := o.quote(tx, a.Author, a.Signed, func() (history.Signed, error) { return tx.ActProof(o.org, a.Act) })
		return []envelope.Quote{quote}, err
	}
	return nil, nil
}

// quote returns what a device signed: as it came with the record, or, by this device, as it was kept when it was sealed.
func (o *organization) quote(tx *store.Tx, author keys.PublicKey, signed []byte, own func() (history.Signed, error)) (envelope.Quote, error) {
	if len(signed) == 0 {
		proof, err := own()
		if errors.Is(err, store.ErrNotFound) {
			return envelope.Quote{}, api.Errorf(api.CodeFailed, "a message that was not sent yet cannot be shown to others").
				WithHint("try again when there was a connection")
		}
		return envelope.Quote(proof), err
	}
	kept, err := history.DecodeProof(signed)
	if err != nil {
		return envelope.Quote{}, fmt.Errorf("reading a signature: %w", err)
	}
	return envelope.Quote{Device: author, Content: kept.Content, Signature: kept.Signature}, nil
}

// piece is a forwarded content that its device signed.
type piece struct {
	device  keys.PublicKey
	content envelope.Content
	kind    history.Kind
}

// openPiece verifies a forwarded content: that the device that it names signed it, and that it is a text or an edit. Whose
// device that is, is not asked. [HIST-13]
func (o *organization) openPiece(signed history.Signed) (piece, error) {
	content, _, err := envelope.Quote(signed).Open(o.org)
	if err != nil {
		return piece{}, err
	}
	p := piece{signed.Device, content, history.Kind(content.Kind) &^ history.Anew}
	switch p.kind {
	case history.KindText:
		_, err = history.DecodeText(content.Body)
	case history.KindEdit:
		_, err = history.Act{Kind: p.kind, Body: content.Body}.Open()
	default:
		err = fmt.Errorf("%w: a body of kind %d is not forwarded", history.ErrBody, p.kind)
	}
	return p, err
}

// checkForwarded refuses a message with a piece that nobody forwards by mistake. [HIST-13]
func (o *organization) checkForwarded(text history.Text) error {
	for _, signed := range text.Forwarded {
		if _, err := o.openPiece(signed); err != nil {
			return fmt.Errorf("%w: a forwarded message: %w", errUnopened, err)
		}
	}
	return nil
}

// forwardedLocked describes what a message shows of others, each under the name that the roll has for its signer. Callers
// hold mu.
func (o *organization) forwardedLocked(all []history.Signed, depth int) (shown []api.Forwarded) {
	if depth == 0 {
		return nil
	}
	var pieces []piece
	for _, signed := range all {
		if p, err := o.openPiece(signed); err == nil { // within a forwarded message it may be forged
			pieces = append(pieces, p)
		}
	}
	for _, p := range pieces {
		if p.kind == history.KindText {
			shown = append(shown, o.forwardedTextLocked(p, pieces, depth))
		}
	}
	return shown
}

func (o *organization) forwardedTextLocked(p piece, among []piece, depth int) api.Forwarded {
	text, err := history.DecodeText(p.content.Body)
	if err != nil {
		return api.Forwarded{}
	}
	state := o.roll.State()
	member, known := state.AccountOf(p.device)
	_, active := state.MemberOf(p.device)
	m := history.Message{Author: p.device, Member: member, Conversation: p.content.Conversation, Text: text}
	var edits []history.Action
	for _, other := range among {
		by, _ := state.AccountOf(other.device)
		act := history.Act{Author: other.device, Member: by, Conversation: other.content.Conversation, Kind: other.kind, Body: other.content.Body}
		if a, err := act.Open(); err == nil && (known || other.device == p.device) {
			edits = append(edits, a)
		}
	}
	now := history.Fold(m, edits, o.limitsLocked())
	f := api.Forwarded{
		ID: m.ID().String(), Verified: known, Barred: known && !active, FromDevice: p.device.String(),
		Subject: now.Subject, Text: now.Text, Time: time.UnixMilli(text.Time).UTC(), Edited: moment(now.Edited),
		Forwarded: o.forwardedLocked(text.Forwarded, depth-1),
	}
	_, f.Locked = lock.IsText(f.Text)
	if known {
		f.From, f.FromMember = o.memberNameLocked(member), member.String()
		f.Hidden = member != o.member && o.blockedLocked(member)
	}
	if known && placeOf(m).ID(o.org) == p.content.Conversation { // else nobody was ever told so
		f.To = o.peopleLocked(text.To)
	}
	for _, file := range text.Files {
		f.Attachments = append(f.Attachments, api.Attachment{Name: file.Name, Size: int64(file.Size)})
	}
	return f
}

// moment returns a time of a message; 0 is none.
func moment(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

func (o *organization) peopleLocked(members []keys.MemberID) (people []api.Person) {
	for _, member := range members {
		people = append(people, api.Person{Member: member.String(), Name: o.memberNameLocked(member)})
	}
	return people
}
