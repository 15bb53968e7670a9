package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// The settings that keys are kept in, so that every device of the account has them: own private keys by their name, keys that
// the person added by theirs, and what members say of theirs by the member's id. [LOCK-6]
const (
	settingOwnKey    = "lock-own/"  // a name: made, revoked, private key
	settingAddedKey  = "lock-add/"  // a name: standing, public key
	settingMemberKey = "lock-key/"  // a member: standing, what a device of theirs signed
	settingNextKey   = "lock-new/"  // a member: what they say now, which nobody accepted yet
	settingToldKey   = "lock-told/" // a member who is no acquaintance: the words of the own key that they were told
)

// maxOwnKeys is how many own keys there are at most, revoked ones with them: each is tried when something is opened.
const maxOwnKeys = 32

// maxKeyName is the length of a key's name in bytes: with what stands before it, it is the name of a setting.
const maxKeyName = 40

// ownKey is a key whose private half is here.
type ownKey struct {
	name     string
	made     int64 // unix milliseconds
	revoked  int64 // 0: it is offered
	identity lock.Identity
}

// value returns what the setting of the key holds.
func (k ownKey) value() string {
	return fmt.Sprintf("%d %d\n%s", k.made, k.revoked, k.identity.Secret())
}

// parseOwnKey reads the setting of a key.
func parseOwnKey(name, value string) (ownKey, error) {
	times, secret, _ := strings.Cut(value, "\n")
	made, revoked, _ := strings.Cut(times, " ")
	k := ownKey{name: name}
	var err error
	if k.made, err = strconv.ParseInt(made, 10, 64); err != nil {
		return k, fmt.Errorf("the key %q has no time", name)
	}
	if k.revoked, err = strconv.ParseInt(revoked, 10, 64); err != nil {
		return k, fmt.Errorf("the key %q has no time", name)
	}
	all, err := lock.ParseIdentities(strings.NewReader(secret))
	if err != nil || len(all) != 1 {
		return k, fmt.Errorf("the key %q cannot be read: %w", name, err)
	}
	k.identity = all[0]
	return k, nil
}

// ownKeysLocked returns the own keys, the one that was made last first. Callers hold mu.
func (o *organization) ownKeysLocked() (all []ownKey) {
	for _, setting := range o.view.SettingsBelow(settingOwnKey) {
		value, _ := o.view.Setting(setting)
		k, err := parseOwnKey(strings.TrimPrefix(setting, settingOwnKey), value)
		if err != nil {
			o.log.Error("reading an own key", "error", err) // another version may have more kinds
			continue
		}
		if all = append(all, k); len(all) == lock.MaxIdentities {
			break
		}
	}
	slices.SortFunc(all, func(a, b ownKey) int {
		if a.made != b.made {
			return int(min(max(b.made-a.made, -1), 1))
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// currentKeyLocked returns the key that contacts are to lock for: of those that are not revoked the one that was made last.
// Callers hold mu.
func (o *organization) currentKeyLocked() (ownKey, bool) {
	for _, k := range o.ownKeysLocked() {
		if k.revoked == 0 {
			return k, true
		}
	}
	return ownKey{}, false
}

// identitiesLocked returns all own keys, to open with: revoked ones still open what was locked for them. Callers hold mu.
func (o *organization) identitiesLocked() (all []lock.Identity) {
	for _, k := range o.ownKeysLocked() {
		all = append(all, k.identity)
	}
	return all
}

// putSetting stores a setting in a transaction.
func (o *organization) putSetting(tx *store.Tx, name, value string, effects *effects) error {
	record, err := tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
		history.Record{Kind: history.RecordSetting, Setting: &history.Setting{Name: name, Value: value}})
	effects.records = append(effects.records, record)
	return err
}

// keepOwnKeyLocked stores an own key, and tells contacts if that changes what they are to lock for. It returns how many are told.
// Callers hold mu.
func (o *organization) keepOwnKeyLocked(k ownKey) (told int, err error) {
	if len(k.value()) > history.MaxSettingValue {
		return 0, api.Errorf(api.CodeRefused, "the private key has more than %d bytes", history.MaxSettingValue-32).
			WithHint("take a key of another kind: an RSA key of 4,096 bits at most")
	}
	before, had := o.currentKeyLocked()
	effects := newEffects()
	err = o.node.store.Update(func(tx *store.Tx) error { return o.putSetting(tx, settingOwnKey+k.name, k.value(), &effects) })
	if err != nil {
		return 0, err
	}
	o.applyLocked(effects)
	after, has := o.currentKeyLocked()
	switch {
	case has && (!had || before.identity.Recipient().String() != after.identity.Recipient().String()):
		return o.tellLockKeyLocked(after.identity.Recipient(), false)
	case had && !has:
		return o.tellLockKeyLocked(before.identity.Recipient(), true)
	}
	return 0, nil
}

// announcement signs what contacts are told of the own key.
func (o *organization) announcement(recipient lock.Recipient, revoked bool) history.LockKey {
	return history.SignLockKey(o.org, o.member, history.LockKey{Recipient: recipient.String(), Time: o.now().UnixMilli(), Revoked: revoked}, o.self)
}

// tellLockKeyLocked has every acquaintance told which key to lock for, and who was told one before, and returns how many that are.
// Callers hold mu.
func (o *organization) tellLockKeyLocked(recipient lock.Recipient, revoked bool) (told int, err error) {
	said := o.announcement(recipient, revoked)
	for part := range slices.Chunk(o.keyedLocked(), toldAtOnce) {
		err := o.changeLocked(func(tx *store.Tx, effects *effects) error {
			for _, member := range part {
				if err := o.addLockKeyJob(tx, member, said); err != nil {
					return err
				}
				if value, _ := o.view.Setting(settingToldKey + member.String()); value == "" || revoked {
					continue
				}
				if err := o.putSetting(tx, settingToldKey+member.String(), recipient.Fingerprint(), effects); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return told, err
		}
		told += len(part)
	}
	wake(o.wakeSeal)
	return told, nil
}

// keyedLocked returns the members who are told of the own key: acquaintances, and others who were told of one with a message, but for
// those who are blocked. Callers hold mu.
func (o *organization) keyedLocked() (to []keys.MemberID) {
	for _, contact := range o.view.Contacts() {
		if contact.State == history.ContactAccepted && !o.blocksLocked(contact) {
			to = append(to, contact.Member)
		}
	}
	for _, setting := range o.view.SettingsBelow(settingToldKey) {
		member, err := keys.ParseID[keys.Member](strings.TrimPrefix(setting, settingToldKey))
		if err == nil && !slices.Contains(to, member) && !o.blockedLocked(member) {
			to = append(to, member)
		}
	}
	return to
}

// toldAtOnce is how many contacts are told of a key in one transaction.
const toldAtOnce = 64

func (o *organization) addLockKeyJob(tx *store.Tx, to keys.MemberID, said history.LockKey) error {
	return o.addJob(tx, store.Job{
		Place: o.with(to), Last: 1, Kind: uint8(history.KindLockKey), Body: wire.Encode(said), Expires: o.expiryLocked(),
	})
}

// introduceLockKey tells a member who has just become an acquaintance which key to lock for, if there is one. [HIST-41]
func (o *organization) introduceLockKey(tx *store.Tx, to keys.MemberID, effects *effects) error {
	k, ok := o.currentKeyLocked()
	if !ok {
		return nil
	}
	effects.seal = true
	return o.addLockKeyJob(tx, to, o.announcement(k.identity.Recipient(), false))
}

// sendLockKey has a member to whom this account writes alone told which key to lock for, once for each key: where contact is free nobody
// becomes an acquaintance, and would hear of it. [HIST-41]
func (o *organization) sendLockKey(tx *store.Tx, place envelope.Place, effects *effects) error {
	member := o.other(place)
	k, ok := o.currentKeyLocked()
	if member.IsZero() || !ok || o.knowsLocked(member) {
		return nil
	}
	words := k.identity.Recipient().Fingerprint()
	if told, _ := o.view.Setting(settingToldKey + member.String()); told == words {
		return nil
	}
	if err := o.addLockKeyJob(tx, member, o.announcement(k.identity.Recipient(), false)); err != nil {
		return err
	}
	effects.seal = true
	return o.putSetting(tx, settingToldKey+member.String(), words, effects)
}

// checkKeyName refuses what cannot be the name of a key.
func checkKeyName(name string) error {
	switch {
	case name == "" || len(name) > maxKeyName || !utf8.ValidString(name):
		return api.Errorf(api.CodeUsage, "a key's name has 1 to %d bytes", maxKeyName)
	case name == everyRecipient, strings.TrimSpace(name) != name, strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '/' || r == '@' }):
		return api.Errorf(api.CodeUsage, "%q cannot be the name of a key", name).WithHint("take letters, digits and single spaces")
	case strings.HasPrefix(name, "age1"), strings.HasPrefix(name, "ssh-"):
		return api.Errorf(api.CodeUsage, "%q is a key, not the name of one", name)
	}
	return nil
}

// freeKeyNameLocked returns a name for a new own key. Callers hold mu.
func (o *organization) freeKeyNameLocked() string {
	for n := 1; ; n++ {
		name := "key " + strconv.Itoa(n)
		if n == 1 {
			name = "key"
		}
		if value, _ := o.view.Setting(settingOwnKey + name); value == "" {
			if value, _ := o.view.Setting(settingAddedKey + name); value == "" {
				return name
			}
		}
	}
}
