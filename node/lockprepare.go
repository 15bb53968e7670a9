package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// everyRecipient stands for all to whom a message goes.
const everyRecipient = "member"

// lockedName is what stands behind the name of a file that is locked, as the age tool has it.
const lockedName = ".age"

// PrepareLock finds the keys that a message to come is to be locked for, and holds them, or the passphrase, until it is sent.
// [API-111]
func (n *Node) PrepareLock(_ context.Context, request api.LockRequest) (api.Lock, error) {
	o, to, err := n.target(api.SendRequest{Org: request.Org, To: request.To, Reply: request.Reply})
	if err != nil {
		return api.Lock{}, err
	}
	if (request.Passphrase == "") == (len(request.Keys) == 0) {
		return api.Lock{}, api.Errorf(api.CodeUsage, "a lock is for keys, or for a passphrase").WithHint("give one of the two")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	members := o.toOpenLocked(to)
	var prepared api.Lock
	var made lock.Lock
	required, err := o.mustOpenLocked(members)
	if err != nil {
		return prepared, err
	}
	if request.Passphrase != "" {
		if len(required) > 0 {
			return prepared, api.Errorf(api.CodeRefused, "what goes to an account that is archived is not locked with a passphrase, which the archive does not have").
				WithHint("lock it for keys: --lock-to member")
		}
		made, err = lock.ForPassphrase([]byte(request.Passphrase), &n.locks.turn)
		prepared.Passphrase = true
	} else {
		made, err = o.lockForLocked(request.Keys, members, required, &prepared)
	}
	if err != nil {
		return prepared, lockError(err)
	}
	prepared.PostQuantum = made.PostQuantum()
	if !prepared.PostQuantum {
		prepared.Warnings = append(prepared.Warnings, "not all of the keys are post-quantum: who records the message today may open it with a quantum computer one day")
	}
	prepared.ID, prepared.Expires = n.locks.prepare(o.org, made, time.Now())
	prepared.Expires = prepared.Expires.UTC()
	return prepared, nil
}

// toOpenLocked returns the members to whom a message goes, without this one. Callers hold mu.
func (o *organization) toOpenLocked(to target) (members []keys.MemberID) {
	if to.place.IsZero() {
		return to.members
	}
	for _, device := range o.devicesLocked(to.place) {
		if member, ok := o.roll.State().MemberOf(device); ok && member != o.member && !slices.Contains(members, member) {
			members = append(members, member)
		}
	}
	return members
}

// mustOpenLocked returns the keys that every lock must be for that goes to some members, or comes from this one: those of the
// archive, if one of these accounts is archived. It is the key on the roll that messages are sealed to. [LOCK-9]
func (o *organization) mustOpenLocked(members []keys.MemberID) ([]lock.Recipient, error) {
	state := o.roll.State()
	archive, ok := state.Archive()
	if !ok || !state.Archived(o.member) && !state.AnyArchived(members...) {
		return nil, nil
	}
	recipient, err := lock.ParseRecipient(envelope.FormatArchivePublic(archive.Key))
	if err != nil {
		return nil, fmt.Errorf("locking for the archive: %w", err)
	}
	return []lock.Recipient{recipient}, nil
}

// lockForLocked makes a lock for keys that a person named, for those that must open it, and for the own one. Callers hold mu.
func (o *organization) lockForLocked(names []string, members []keys.MemberID, required []lock.Recipient, prepared *api.Lock) (lock.Lock, error) {
	recipients := slices.Clone(required)
	able := make(map[keys.MemberID]bool)
	add := func(k api.LockKey) error {
		r, err := lock.ParseRecipient(k.Recipient)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(prepared.Keys, func(have api.LockKey) bool { return have.Recipient == k.Recipient }) {
			prepared.Keys = append(prepared.Keys, k)
		}
		recipients = append(recipients, r)
		return nil
	}
	for _, name := range names {
		found, err := o.keysNamedLocked(name, members)
		if err != nil {
			return lock.Lock{}, err
		}
		for _, k := range found {
			if k.Member != nil {
				if id, err := keys.ParseID[keys.Member](k.Member.Member); err == nil {
					able[id] = true
				}
			}
			if err := add(k); err != nil {
				return lock.Lock{}, err
			}
		}
	}
	if own, ok := o.currentKeyLocked(); ok {
		if err := add(o.describeOwnKeyLocked(own)); err != nil {
			return lock.Lock{}, err
		}
	} else if !slices.ContainsFunc(prepared.Keys, func(k api.LockKey) bool { return k.Own }) {
		prepared.Warnings = append(prepared.Warnings, "you have no key: you cannot open your own copy; `muster keys make` makes one")
	}
	for _, member := range members {
		if !able[member] {
			prepared.Unable = append(prepared.Unable, o.personLocked(member))
		}
	}
	return lock.ForKeys(recipients...)
}

// keysNamedLocked returns the keys that a name stands for: a public key itself, a key that was added, one of the own, or those of
// members. Callers hold mu.
func (o *organization) keysNamedLocked(name string, members []keys.MemberID) ([]api.LockKey, error) {
	if name == everyRecipient {
		var all []api.LockKey
		for _, member := range members {
			k, err := o.usableKeyLocked(member)
			if err != nil {
				return nil, err
			}
			all = append(all, k)
		}
		if len(all) == 0 {
			return nil, api.Errorf(api.CodeUsage, "there is no recipient whose key could be taken")
		}
		return all, nil
	}
	if strings.HasPrefix(name, "age1") || strings.HasPrefix(name, "ssh-") || strings.HasPrefix(strings.ToUpper(name), "AGE-SECRET-KEY-") {
		r, err := lock.ParseRecipient(name)
		if err != nil {
			return nil, err
		}
		return []api.LockKey{o.describeKeyLocked(r)}, o.notRevokedLocked(r)
	}
	if k, ok := o.addedKeyLocked(name); ok {
		if !k.Standing.Usable() {
			return nil, api.Errorf(api.CodeRefused, "the key %q is not trusted", name).WithHint("muster keys trust %q", name)
		}
		return []api.LockKey{k}, nil
	}
	if k, err := o.ownKeyLocked(name); err == nil {
		if k.revoked > 0 {
			return nil, api.Errorf(api.CodeRefused, "your key %q is revoked", name).WithHint("make another: muster keys make")
		}
		return []api.LockKey{o.describeOwnKeyLocked(k)}, nil
	}
	member, ok := o.findLocked(name)
	switch {
	case !ok:
		return nil, noKey(name)
	case member == o.member:
		k, ok := o.currentKeyLocked()
		if !ok {
			return nil, api.Errorf(api.CodeNotFound, "you have no key").WithHint("make one: muster keys make")
		}
		return []api.LockKey{o.describeOwnKeyLocked(k)}, nil
	}
	k, err := o.usableKeyLocked(member)
	return []api.LockKey{k}, err
}

// notRevokedLocked refuses a key that is known to be revoked, by whatever name it comes. Callers hold mu.
func (o *organization) notRevokedLocked(r lock.Recipient) error {
	for _, k := range o.ownKeysLocked() {
		if k.revoked > 0 && k.identity.Recipient().String() == r.String() {
			return api.Errorf(api.CodeRefused, "that is your key %q, which is revoked", k.name)
		}
	}
	for _, setting := range o.view.SettingsBelow(settingMemberKey) {
		member, err := keys.ParseID[keys.Member](strings.TrimPrefix(setting, settingMemberKey))
		if err != nil {
			continue
		}
		if k, ok := o.memberKeyLocked(member); ok && k.latest().Revoked && (k.said.Recipient == r.String() || k.latest().Recipient == r.String()) {
			return api.Errorf(api.CodeRefused, "%s has revoked that key", o.personText(member)).WithHint("ask them for another one")
		}
	}
	return nil
}

// usableKeyLocked returns the key of a member, or says why nothing is locked for it. Callers hold mu.
func (o *organization) usableKeyLocked(member keys.MemberID) (api.LockKey, error) {
	name := o.memberNameLocked(member)
	k, ok := o.memberKeyLocked(member)
	if !ok {
		return api.LockKey{}, api.Errorf(api.CodeNotFound, "no key of %s is known here", o.personText(member)).
			WithHint("they make one with `muster keys make`; contacts hear of it, and whom they write to. Or: --lock-pass, or `muster keys add NAME KEY`")
	}
	described := o.describeMemberKeyLocked(k)
	switch described.Standing {
	case api.KeyRevoked:
		return described, api.Errorf(api.CodeRefused, "%s has revoked their key", o.personText(member)).WithHint("ask them for another one")
	case api.KeyChanged:
		return described, api.Errorf(api.CodeRefused, "%s has another key than before, which nobody accepted here", o.personText(member)).
			WithHint("compare the words of `muster keys` with them, then `muster keys trust %q`", name)
	case api.KeyUntrusted:
		return described, api.Errorf(api.CodeRefused, "the key of %s is not trusted", o.personText(member)).WithHint("muster keys trust %q", name)
	case api.KeyUnsigned:
		return described, api.Errorf(api.CodeRefused, "the device that told of the key of %s may not act any more", o.personText(member)).
			WithHint("compare the words of `muster keys` with them, then `muster keys trust %q`", name)
	}
	return described, nil
}

// DropLock erases a lock that is not to be used.
func (n *Node) DropLock(_ context.Context, request api.UnlockRequest) (api.UnlockResult, error) {
	return api.UnlockResult{Dropped: n.locks.drop(request.ID)}, nil
}

// UploadLocked takes in a file as Upload does, locked: what is stored is an age file under the file's name with .age behind it.
func (n *Node) UploadLocked(ctx context.Context, id, name string, r io.Reader) (api.Upload, error) {
	l, _, err := n.locks.use(id)
	if err != nil {
		return api.Upload{}, err
	}
	defer l.Clear()
	if err := history.ValidateFileName(name + lockedName); err != nil {
		return api.Upload{}, api.Errorf(api.CodeUsage, "%v", err)
	}
	locked, err := l.Stream(r)
	if err != nil {
		return api.Upload{}, lockError(err)
	}
	return n.Upload(ctx, name+lockedName, locked)
}

// lockText locks the text of a message that is to be sent, and refuses files that are not. [LOCK-7]
func (n *Node) lockText(request *api.SendRequest, o *organization, uploads []store.Upload) error {
	if request.Lock == "" {
		return nil
	}
	l, org, err := n.locks.use(request.Lock)
	if err != nil {
		return err
	}
	defer l.Clear()
	switch {
	case org != o.org:
		return api.Errorf(api.CodeUsage, "the lock was prepared in another organization")
	case len(request.Forward) > 0:
		return api.Errorf(api.CodeUsage, "what others wrote is forwarded as they signed it, and cannot be locked")
	case request.Draft != "" || request.Undo > 0:
		return api.Errorf(api.CodeUsage, "a locked message is no draft, nor does it become one again")
	}
	for _, upload := range uploads {
		if err := n.isLocked(upload); err != nil {
			return err
		}
	}
	if request.Text == "" {
		return nil
	}
	locked, err := l.Text(request.Text)
	if err != nil {
		return lockError(err)
	}
	if len(locked) > history.MaxText {
		return api.Errorf(api.CodeUsage, "the text is too long to be locked: locked it has %d bytes, where %d are allowed", len(locked), history.MaxText).
			WithHint("send it as a file: -a FILE")
	}
	request.Text = locked
	return nil
}

// isLocked refuses an upload that is not a locked file.
func (n *Node) isLocked(upload store.Upload) error {
	_, err := lock.Inspect(newFileReader(context.Background(), n.store, store.FileID{Nonce: upload.Nonce},
		history.File{Name: upload.Name, Size: upload.Size, Hash: upload.Hash}))
	if err != nil && !errors.Is(err, lock.ErrCostly) {
		return fmt.Errorf("looking at %q: %w", upload.Name,
			api.Errorf(api.CodeUsage, "the file %q was uploaded without the lock", upload.Name).WithHint("upload it again, with the lock"))
	}
	return nil
}
