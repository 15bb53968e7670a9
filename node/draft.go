package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Drafts lists drafts, the newest first. [API-51]
func (n *Node) Drafts(_ context.Context, query api.DraftsQuery) ([]api.Draft, error) {
	if query.ID != "" {
		o, r, err := n.findDraft(query.Org, query.ID)
		if err != nil {
			return nil, err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		d, err := o.draftLocked(r)
		return []api.Draft{d}, err
	}
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Draft
	for _, o := range named {
		some, err := o.drafts()
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b api.Draft) int { return b.Time.Compare(a.Time) })
	return all, nil
}

func (o *organization) drafts() (all []api.Draft, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var records []history.Record
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Drafts(o.org, func(r history.Record) (bool, error) {
			if o.countsLocked(r) {
				records = append(records, r)
			}
			return true, nil
		})
	})
	for _, r := range records {
		if err != nil {
			return nil, err
		}
		var d api.Draft
		d, err = o.draftLocked(r)
		all = append(all, d)
	}
	return all, err
}

// SaveDraft saves a draft. What it said before is erased; one that says what it said is not saved again. [HIST-22]
func (n *Node) SaveDraft(_ context.Context, d api.Draft) (api.Draft, error) {
	if d.ID != "" {
		o, _, err := n.findDraft(d.Org, d.ID)
		if err != nil {
			return api.Draft{}, err
		}
		return o.saveDraft(d)
	}
	o, err := n.oneOrganization(d.Org)
	if err != nil {
		return api.Draft{}, err
	}
	return o.saveDraft(d)
}

// DropDraft removes a draft.
func (n *Node) DropDraft(_ context.Context, request api.DropDraftRequest) (api.DropDraftResult, error) {
	if _, err := n.organizationsNamed(request.Org); err != nil {
		return api.DropDraftResult{}, err
	}
	o, r, err := n.findDraft(request.Org, request.ID)
	if known, ok := errors.AsType[*api.Error](err); ok && known.Code == api.CodeNotFound {
		return api.DropDraftResult{ID: request.ID, Already: true}, nil
	} else if err != nil {
		return api.DropDraftResult{}, err
	}
	o.mu.Lock()
	err = o.node.store.Update(func(tx *store.Tx) error { return o.dropDraft(tx, r.Draft.ID) })
	o.mu.Unlock()
	if err == nil {
		n.dropUploadsOf(r.Draft.ID)
	}
	return api.DropDraftResult{ID: request.ID}, err
}

// findDraft finds a draft of an organization, or of any.
func (n *Node) findDraft(org, text string) (*organization, history.Record, error) {
	id, err := parseNonce(text, "a draft")
	if err != nil {
		return nil, history.Record{}, err
	}
	named, err := n.organizationsNamed(org)
	if err != nil {
		return nil, history.Record{}, err
	}
	for _, o := range named {
		var r history.Record
		err := n.store.View(func(tx *store.Tx) (err error) { r, err = tx.Draft(o.org, id); return err })
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return o, r, err
		}
	}
	return nil, history.Record{}, noDraft(text)
}

func noDraft(id string) error {
	return api.Errorf(api.CodeNotFound, "no draft %q", id).WithHint("it was sent or dropped; without an id it is saved as a new one")
}

func (o *organization) saveDraft(d api.Draft) (api.Draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	reply, err := o.answeredLocked(d.Reply)
	if err != nil {
		return api.Draft{}, err
	}
	var saved history.Record
	err = o.node.store.Update(func(tx *store.Tx) error {
		have, err := o.savedDraft(tx, d.ID)
		if err != nil {
			return err
		}
		content, err := o.contentOf(tx, d, have.Draft.Content)
		if err != nil {
			return err
		}
		content.Reply = reply
		if saved = have; have.Draft.Content != nil && alike(*content, *have.Draft.Content) {
			return nil
		}
		if err := content.Validate(); err != nil {
			return api.Errorf(api.CodeUsage, "%v", err)
		}
		saved, err = tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
			history.Record{Kind: history.RecordDraft, Draft: &history.Draft{ID: have.Draft.ID, Content: content}})
		return err
	})
	if err != nil {
		return api.Draft{}, err
	}
	wake(o.wakeSiblings)
	return o.draftLocked(saved)
}

// savedDraft returns the record of a draft that is there, or one without content for a new draft, if there may be one more.
func (o *organization) savedDraft(tx *store.Tx, id string) (history.Record, error) {
	if id == "" {
		count := 0
		err := tx.Drafts(o.org, func(history.Record) (bool, error) { count++; return true, nil })
		if err == nil && count >= api.MaxDrafts {
			err = api.Errorf(api.CodeRefused, "there are %d drafts already", count).WithHint("drop or send some of them")
		}
		fresh := history.Record{Draft: new(history.Draft)}
		rand.Read(fresh.Draft.ID[:])
		return fresh, err
	}
	nonce, err := parseNonce(id, "a draft")
	if err != nil {
		return history.Record{}, err
	}
	r, err := tx.Draft(o.org, nonce)
	if errors.Is(err, store.ErrNotFound) {
		err = noDraft(id)
	}
	return r, err
}

// answeredLocked returns the message that a draft answers; nil for none. A whole id need not be here: the message may be gone
// since. Callers hold mu.
func (o *organization) answeredLocked(text string) (*keys.MessageID, error) {
	if text == "" {
		return nil, nil
	}
	if id, err := keys.ParseID[keys.Message](text); err == nil {
		return &id, nil
	}
	r, err := o.findMessageLocked(text)
	if err != nil {
		return nil, err
	}
	id := r.Message.ID()
	return &id, nil
}

// contentOf returns what is to be saved of a draft, but the message that it answers. had is what it said before, nil for a new
// one.
func (o *organization) contentOf(tx *store.Tx, d api.Draft, had *history.DraftContent) (*history.DraftContent, error) {
	c := history.DraftContent{
		To: d.To, Subject: d.Subject, Text: d.Text, Mentions: d.Mentions, Forward: d.Forward, ForwardThreads: d.ForwardThreads,
		Lifetime: uint64(d.Expires), Time: o.now().UnixMilli(),
	}
	if had == nil {
		had = new(history.DraftContent)
	}
	for _, upload := range d.Attachments {
		file, err := draftedFile(tx, upload, had.Files)
		if err != nil {
			return nil, err
		}
		c.Files = append(c.Files, file)
	}
	return &c, nil
}

// draftedFile returns the file that a draft names: an upload, or one that the draft named before, which may be on another
// device.
func draftedFile(tx *store.Tx, named api.Upload, had []history.File) (history.File, error) {
	var nonce [history.NonceSize]byte
	if named.ID != "" {
		var err error
		if nonce, err = parseNonce(named.ID, "an upload"); err != nil {
			return history.File{}, err
		}
		upload, err := tx.Upload(nonce)
		if err == nil && upload.Whole {
			return history.File{Nonce: nonce, Name: upload.Name, Size: upload.Size, Hash: upload.Hash}, nil
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return history.File{}, err
		}
	}
	at := slices.IndexFunc(had, func(f history.File) bool {
		return named.ID == "" && f.Name == named.Name && int64(f.Size) == named.Size || named.ID != "" && f.Nonce == nonce
	})
	if at < 0 {
		return history.File{}, api.Errorf(api.CodeNotFound, "no upload %q", named.ID)
	}
	return had[at], nil
}

// alike reports whether two drafts differ in nothing but when they were saved.
func alike(a, b history.DraftContent) bool {
	a.Time, b.Time = 0, 0
	return bytes.Equal(wire.Encode(a), wire.Encode(b))
}

// dropDraft removes a draft, if it is there.
func (o *organization) dropDraft(tx *store.Tx, id store.DraftID) error {
	_, err := tx.Draft(o.org, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
		history.Record{Kind: history.RecordDraft, Draft: &history.Draft{ID: id}})
	wake(o.wakeSiblings)
	return err
}

// draftLocked describes a draft's record, which has content. Callers hold mu.
func (o *organization) draftLocked(r history.Record) (api.Draft, error) {
	c := r.Draft.Content
	d := api.Draft{
		ID: hex.EncodeToString(r.Draft.ID[:]), Org: o.org.String(), OrgName: o.roll.State().OrgName(), To: c.To, Subject: c.Subject,
		Text: c.Text, Mentions: c.Mentions, Forward: c.Forward, ForwardThreads: c.ForwardThreads, Expires: int64(c.Lifetime), Time: moment(c.Time),
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		if c.Reply != nil {
			d.Reply = c.Reply.String()
			answered, err := tx.Message(o.org, *c.Reply)
			if err == nil {
				d.Thread = threadOf(*answered.Message).String()
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		for _, file := range c.Files {
			upload := api.Upload{Name: file.Name, Size: int64(file.Size)}
			switch _, err := tx.Upload(file.Nonce); {
			case err == nil:
				upload.ID = hex.EncodeToString(file.Nonce[:])
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
			d.Attachments = append(d.Attachments, upload)
		}
		return addPartials(tx, &d, *r.Draft)
	})
	return d, err
}

// addPartials adds to a draft the uploads that were begun for it and that it does not name.
func addPartials(tx *store.Tx, d *api.Draft, draft history.Draft) error {
	all, err := tx.Uploads()
	for _, upload := range all {
		named := slices.ContainsFunc(draft.Content.Files, func(f history.File) bool { return f.Nonce == upload.Nonce })
		if upload.Draft != nil && *upload.Draft == draft.ID && !named {
			d.Uploads = append(d.Uploads, partial(upload))
		}
	}
	return err
}
