package node

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// The words that stand before a key in its setting: how a person stands to it.
const (
	wordFirst     = "first"
	wordTrusted   = "trusted"
	wordUntrusted = "untrusted"
)

// memberKey is what is known of the key of a member.
type memberKey struct {
	member keys.MemberID
	word   string // how the person stands to it
	said   history.LockKey
	next   *history.LockKey // what the member says now, and nobody accepted
}

func encodeSaid(said history.LockKey) string {
	return base64.RawStdEncoding.EncodeToString(wire.Encode(said))
}

func parseSaid(text string) (history.LockKey, error) {
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return history.LockKey{}, fmt.Errorf("reading a key that was kept: %w", err)
	}
	return history.DecodeLockKey(data)
}

// memberKeyLocked returns the key of a member, if one was heard of. Callers hold mu.
func (o *organization) memberKeyLocked(member keys.MemberID) (k memberKey, ok bool) {
	value, _ := o.view.Setting(settingMemberKey + member.String())
	next, _ := o.view.Setting(settingNextKey + member.String())
	return o.parseMemberKey(member, value, next)
}

func (o *organization) parseMemberKey(member keys.MemberID, value, next string) (k memberKey, ok bool) {
	word, kept, _ := strings.Cut(value, " ")
	said, err := parseSaid(kept)
	if err != nil || said.Check(o.org, member) != nil {
		return memberKey{}, false
	}
	k = memberKey{member: member, word: word, said: said}
	if later, err := parseSaid(next); next != "" && err == nil && later.Check(o.org, member) == nil && later.Compare(said) > 0 {
		k.next = &later
	}
	return k, true
}

// standingLocked says whether something is locked for a member's key. [LOCK-10] Callers hold mu.
func (o *organization) standingLocked(k memberKey) api.KeyStanding {
	signer, active := o.memberOfLocked(k.said.Device)
	result, err := o.verificationLocked(k.member)
	switch {
	case k.latest().Revoked:
		return api.KeyRevoked
	case k.next != nil:
		return api.KeyChanged
	case k.word == wordUntrusted:
		return api.KeyUntrusted
	case k.word == wordTrusted && active && signer == k.member && err == nil && result.Verified:
		return api.KeyVerified
	case k.word == wordTrusted:
		return api.KeyTrusted
	case !active || signer != k.member:
		return api.KeyUnsigned
	case err == nil && result.Verified:
		return api.KeyVerified
	}
	return api.KeyFirst
}

// takeLockKey notes what a member's device says of the member's key. The first is taken on trust; another has to be accepted by
// the person, but for a revocation, which counts at once. [HIST-41]
func (o *organization) takeLockKey(tx *store.Tx, body []byte, member keys.MemberID, place envelope.Place, effects *effects) error {
	said, err := history.DecodeLockKey(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	if member == o.member {
		return nil // this account's own: its settings say so
	}
	switch signer, active := o.memberOfLocked(said.Device); {
	case !place.Equal(o.with(member)):
		return fmt.Errorf("%w: a key to lock for at a place where the two are not alone", errUnopened)
	case !active || signer != member:
		return fmt.Errorf("%w: a key to lock for that no device of its sender signed", errUnopened)
	}
	if err := said.Check(o.org, member); err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	if _, err := lock.ParseRecipient(said.Recipient); err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	known, ok := o.memberKeyNow(member, effects)
	switch {
	case !ok && said.Revoked:
		return nil // nothing was ever locked for it
	case !ok:
		o.noteKey(effects, member)
		return o.putMemberKey(tx, memberKey{member: member, word: wordFirst, said: said}, effects)
	case said.Compare(known.latest()) <= 0:
		return nil
	}
	o.noteKey(effects, member)
	// What they say again, or end, needs no yes; what they take up again after they ended it does.
	if said.Recipient == known.said.Recipient && known.next == nil && (said.Revoked || !known.said.Revoked) {
		return o.putMemberKey(tx, memberKey{member: member, word: known.word, said: said}, effects)
	}
	return o.putSetting(tx, settingNextKey+member.String(), encodeSaid(said), effects)
}

// latest returns the last that the member said.
func (k memberKey) latest() history.LockKey {
	if k.next != nil {
		return *k.next
	}
	return k.said
}

// memberKeyNow returns a member's key as the view and this batch have it.
func (o *organization) memberKeyNow(member keys.MemberID, effects *effects) (memberKey, bool) {
	value, _ := o.view.Setting(settingMemberKey + member.String())
	next, _ := o.view.Setting(settingNextKey + member.String())
	for _, r := range effects.records {
		switch {
		case r.Setting == nil:
		case r.Setting.Name == settingMemberKey+member.String():
			value = r.Setting.Value
		case r.Setting.Name == settingNextKey+member.String():
			next = r.Setting.Value
		}
	}
	return o.parseMemberKey(member, value, next)
}

// putMemberKey stores a member's key as it stands, with nothing that waits to be accepted.
func (o *organization) putMemberKey(tx *store.Tx, k memberKey, effects *effects) error {
	if err := o.putSetting(tx, settingMemberKey+k.member.String(), k.word+" "+encodeSaid(k.said), effects); err != nil {
		return err
	}
	if next, _ := o.view.Setting(settingNextKey + k.member.String()); next == "" {
		return nil
	}
	return o.putSetting(tx, settingNextKey+k.member.String(), "", effects)
}

// noteKey has the person told of a key that is new or changed, once the batch is stored.
func (o *organization) noteKey(effects *effects, member keys.MemberID) {
	if !slices.Contains(effects.lockKeys, member) {
		effects.lockKeys = append(effects.lockKeys, member)
	}
}

// tellKeyChangeLocked tells the person that the key of a member is another, or none any more, and watchers that something is new.
// Callers hold mu.
func (o *organization) tellKeyChangeLocked(member keys.MemberID) {
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: o.now().UTC(), Org: o.org.String()})
	k, ok := o.memberKeyLocked(member)
	if !ok {
		return
	}
	name := o.memberNameLocked(member)
	switch o.standingLocked(k) {
	case api.KeyRevoked:
		o.noticeLocked(member, name+" has revoked the key that messages were locked for: nothing is locked for it any more")
	case api.KeyChanged:
		next, err := lock.ParseRecipient(k.next.Recipient)
		if err != nil {
			return
		}
		o.noticeLocked(member, fmt.Sprintf("%s has another key to lock for (%s): compare these words with them, then `muster keys trust %q`",
			name, next.Fingerprint(), name))
	}
}
