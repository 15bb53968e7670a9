package node

import (
	"context"
	"errors"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
)

// Keys lists own keys, those of members that were heard of, and those that the person added. [API-110]
func (n *Node) Keys(_ context.Context, query api.KeysQuery) ([]api.LockKey, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.LockKey
	for _, o := range named {
		all = append(all, o.lockKeys()...)
	}
	return all, nil
}

func (o *organization) lockKeys() (all []api.LockKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.ownKeysLocked() {
		all = append(all, o.describeOwnKeyLocked(k))
	}
	var members []api.LockKey
	for _, setting := range o.view.SettingsBelow(settingMemberKey) {
		member, err := keys.ParseID[keys.Member](strings.TrimPrefix(setting, settingMemberKey))
		if err != nil {
			continue
		}
		if k, ok := o.memberKeyLocked(member); ok {
			members = append(members, o.describeMemberKeyLocked(k))
		}
	}
	slices.SortStableFunc(members, func(a, b api.LockKey) int { return strings.Compare(a.Name, b.Name) })
	all = append(all, members...)
	for _, setting := range o.view.SettingsBelow(settingAddedKey) {
		if k, ok := o.addedKeyLocked(strings.TrimPrefix(setting, settingAddedKey)); ok {
			all = append(all, k)
		}
	}
	return all
}

func (o *organization) describeKeyLocked(r lock.Recipient) api.LockKey {
	return api.LockKey{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), Kind: string(r.Kind), Recipient: r.String(), Fingerprint: r.Fingerprint(),
	}
}

func (o *organization) describeOwnKeyLocked(k ownKey) api.LockKey {
	d := o.describeKeyLocked(k.identity.Recipient())
	current, _ := o.currentKeyLocked()
	d.Name, d.Time, d.Own, d.Revoked = k.name, moment(k.made), true, k.revoked > 0
	d.Current = current.name == k.name
	return d
}

func (o *organization) describeMemberKeyLocked(k memberKey) api.LockKey {
	r, _ := lock.ParseRecipient(k.said.Recipient)
	d := o.describeKeyLocked(r)
	person := o.personLocked(k.member)
	d.Name, d.Member, d.Time, d.Standing = person.Name, &person, moment(k.said.Time), o.standingLocked(k)
	if next := k.next; next != nil && !next.Revoked {
		r, _ := lock.ParseRecipient(next.Recipient)
		d.Next = &api.NextKey{Kind: string(r.Kind), Recipient: r.String(), Fingerprint: r.Fingerprint(), Time: moment(next.Time)}
	}
	return d
}

// addedKeyLocked returns a key that the person added. Callers hold mu.
func (o *organization) addedKeyLocked(name string) (api.LockKey, bool) {
	value, _ := o.view.Setting(settingAddedKey + name)
	word, text, _ := strings.Cut(value, " ")
	r, err := lock.ParseRecipient(text)
	if err != nil {
		return api.LockKey{}, false
	}
	d := o.describeKeyLocked(r)
	if d.Name, d.Standing = name, api.KeyTrusted; word == wordUntrusted {
		d.Standing = api.KeyUntrusted
	}
	return d, true
}

// ChangeKey makes, imports, adds or revokes a key, or says how the person stands to one. [API-110]
func (n *Node) ChangeKey(_ context.Context, request api.KeyRequest) (api.KeyResult, error) {
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return api.KeyResult{}, err
	}
	if (request.Do == "trust" || request.Do == "untrust") && len(named) > 1 { // a member's name says which one is meant
		if o, _, err := n.resolve(request.Org, []string{request.Name}); err == nil {
			named = []*organization{o}
		}
	}
	if len(named) != 1 {
		if _, err := n.oneOrganization(request.Org); err != nil {
			return api.KeyResult{}, err
		}
	}
	o := named[0]
	if err := o.mayAct(); err != nil {
		return api.KeyResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch request.Do {
	case "make":
		return o.makeKeyLocked(request.Name)
	case "import":
		return o.importKeyLocked(request.Name, request.Identity)
	case "add":
		return o.addKeyLocked(request.Name, request.Recipient)
	case "trust", "untrust":
		return o.standToLocked(request)
	case "revoke":
		return o.revokeKeyLocked(request.Name)
	case "announce":
		return o.announceKeyLocked()
	}
	return api.KeyResult{}, api.Errorf(api.CodeUsage, "%q is nothing that is done with a key", request.Do)
}

func (o *organization) makeKeyLocked(name string) (api.KeyResult, error) {
	made, err := lock.Generate()
	if err != nil {
		return api.KeyResult{}, err
	}
	return o.newOwnKeyLocked(name, made)
}

func (o *organization) importKeyLocked(name, text string) (api.KeyResult, error) {
	all, err := lock.ParseIdentities(strings.NewReader(text))
	switch {
	case err != nil:
		return api.KeyResult{}, lockError(err)
	case len(all) > 1:
		return api.KeyResult{}, api.Errorf(api.CodeUsage, "there are %d private keys in it", len(all)).WithHint("import them one by one")
	}
	for _, k := range o.ownKeysLocked() {
		if k.identity.Recipient().String() == all[0].Recipient().String() {
			return api.KeyResult{Key: o.describeOwnKeyLocked(k), Already: true}, nil
		}
	}
	return o.newOwnKeyLocked(name, all[0])
}

func (o *organization) newOwnKeyLocked(name string, identity lock.Identity) (api.KeyResult, error) {
	if name == "" {
		name = o.freeKeyNameLocked()
	}
	if err := o.freeNameLocked(name); err != nil {
		return api.KeyResult{}, err
	}
	if len(o.ownKeysLocked()) >= maxOwnKeys {
		return api.KeyResult{}, api.Errorf(api.CodeRefused, "there are %d keys already, as many as an account has", maxOwnKeys)
	}
	k := ownKey{name: name, made: o.now().UnixMilli(), identity: identity}
	told, err := o.keepOwnKeyLocked(k)
	if err != nil {
		return api.KeyResult{}, err
	}
	return api.KeyResult{Key: o.describeOwnKeyLocked(k), Told: told}, nil
}

// freeNameLocked refuses a name that is none, or is taken by a key or a member. Callers hold mu.
func (o *organization) freeNameLocked(name string) error {
	if err := checkKeyName(name); err != nil {
		return err
	}
	own, _ := o.view.Setting(settingOwnKey + name)
	added, _ := o.view.Setting(settingAddedKey + name)
	_, member := o.findLocked(name)
	switch {
	case own != "", added != "":
		return api.Errorf(api.CodeUsage, "there is a key %q already", name).WithHint("give another name")
	case member && name != o.memberNameLocked(o.member):
		return api.Errorf(api.CodeUsage, "%q is a member: something locked for that name is for the member's own key", name).WithHint("give another name")
	}
	return nil
}

func (o *organization) addKeyLocked(name, text string) (api.KeyResult, error) {
	r, err := lock.ParseRecipient(text)
	if err != nil {
		return api.KeyResult{}, lockError(err)
	}
	if have, ok := o.addedKeyLocked(name); ok && have.Recipient == r.String() {
		return api.KeyResult{Key: have, Already: true}, nil
	}
	if err := o.freeNameLocked(name); err != nil {
		return api.KeyResult{}, err
	}
	return o.putAddedLocked(name, wordTrusted, r.String())
}

func (o *organization) putAddedLocked(name, word, recipient string) (api.KeyResult, error) {
	err := o.changeLocked(func(tx *store.Tx, effects *effects) error {
		return o.putSetting(tx, settingAddedKey+name, word+" "+recipient, effects)
	})
	k, _ := o.addedKeyLocked(name)
	return api.KeyResult{Key: k}, err
}

// changeLocked stores records and applies them. Callers hold mu.
func (o *organization) changeLocked(change func(*store.Tx, *effects) error) error {
	effects := newEffects()
	if err := o.node.store.Update(func(tx *store.Tx) error { effects = newEffects(); return change(tx, &effects) }); err != nil {
		return err
	}
	o.applyLocked(effects)
	return nil
}

// standToLocked notes that a person trusts a key, or does not. Of a member's key that changed it accepts the new one. Callers
// hold mu.
func (o *organization) standToLocked(request api.KeyRequest) (api.KeyResult, error) {
	word := wordTrusted
	if request.Do == "untrust" {
		word = wordUntrusted
	}
	if k, ok := o.addedKeyLocked(request.Name); ok {
		if (k.Standing == api.KeyTrusted) == (word == wordTrusted) {
			return api.KeyResult{Key: k, Already: true}, nil
		}
		return o.putAddedLocked(request.Name, word, k.Recipient)
	}
	member, ok := o.findLocked(request.Name)
	k, known := o.memberKeyLocked(member)
	if !ok || !known {
		return api.KeyResult{}, noKey(request.Name)
	}
	before := o.describeMemberKeyLocked(k)
	if word == wordTrusted && k.next != nil {
		k.said, k.next = *k.next, nil
	}
	r, err := lock.ParseRecipient(k.said.Recipient)
	switch {
	case err != nil:
		return api.KeyResult{}, lockError(err)
	case word == wordTrusted && k.said.Revoked:
		return api.KeyResult{}, api.Errorf(api.CodeRefused, "%s has revoked the key", o.personText(member)).WithHint("ask them for another one")
	case request.Fingerprint != "" && request.Fingerprint != r.Fingerprint():
		return api.KeyResult{}, api.Errorf(api.CodeRefused, "the key of %s is another one now: %s", o.personText(member), r.Fingerprint()).
			WithHint("compare these words with them")
	case k.word == word && before.Next == nil:
		return api.KeyResult{Key: before, Already: true}, nil
	}
	k.word = word
	err = o.changeLocked(func(tx *store.Tx, effects *effects) error {
		if word == wordUntrusted { // what waits goes on waiting
			return o.putSetting(tx, settingMemberKey+member.String(), word+" "+encodeSaid(k.said), effects)
		}
		return o.putMemberKey(tx, k, effects)
	})
	return api.KeyResult{Key: o.describeMemberKeyLocked(k)}, err
}

func noKey(name string) error {
	return api.Errorf(api.CodeNotFound, "no key %q", name).
		WithHint("`muster keys` lists them; a member's is heard of once they have one (muster keys make) and you are acquainted")
}

func (o *organization) ownKeyLocked(name string) (ownKey, error) {
	for _, k := range o.ownKeysLocked() {
		if k.name == name {
			return k, nil
		}
	}
	return ownKey{}, api.Errorf(api.CodeNotFound, "no key of yours is called %q", name).WithHint("`muster keys` lists them")
}

func (o *organization) revokeKeyLocked(name string) (api.KeyResult, error) {
	k, err := o.ownKeyLocked(name)
	if err != nil {
		return api.KeyResult{}, err
	}
	if k.revoked > 0 {
		return api.KeyResult{Key: o.describeOwnKeyLocked(k), Already: true}, nil
	}
	k.revoked = max(o.now().UnixMilli(), 1)
	told, err := o.keepOwnKeyLocked(k)
	return api.KeyResult{Key: o.describeOwnKeyLocked(k), Told: told}, err
}

// announceKeyLocked tells all acquaintances of the own key once more: one may have had a version that did not know keys.
func (o *organization) announceKeyLocked() (api.KeyResult, error) {
	k, ok := o.currentKeyLocked()
	if !ok {
		return api.KeyResult{}, api.Errorf(api.CodeNotFound, "there is no key of yours to tell of").WithHint("make one: muster keys make")
	}
	told, err := o.tellLockKeyLocked(k.identity.Recipient(), false)
	return api.KeyResult{Key: o.describeOwnKeyLocked(k), Told: told}, err
}

// ExportKey returns the private half of an own key. [API-110]
func (n *Node) ExportKey(_ context.Context, request api.ExportKeyRequest) (api.ExportKeyResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.ExportKeyResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	k, err := o.ownKeyLocked(request.Name)
	if err != nil {
		return api.ExportKeyResult{}, err
	}
	return api.ExportKeyResult{Name: k.name, Identity: k.identity.Secret()}, nil
}

// lockError gives an error of package lock its code.
func lockError(err error) error {
	wrong, isKey := errors.AsType[*lock.NoKeyError](err)
	text := func(err error) string { return strings.TrimPrefix(err.Error(), "lock: ") }
	switch {
	case err == nil:
		return nil
	case isKey:
		return noKeyOpens(wrong.Info)
	case errors.Is(err, lock.ErrPassphrase):
		return api.Errorf(api.CodeRefused, "the passphrase does not fit: %s", strings.TrimPrefix(text(err), "the passphrase does not fit: ")).
			WithHint("letter case and spaces count")
	case errors.Is(err, lock.ErrCostly):
		return api.Errorf(api.CodeRefused, "%s", text(err)).WithHint("save the file as it is and open it with the age tool, if you trust its sender")
	case errors.Is(err, lock.ErrKey), errors.Is(err, lock.ErrTooLong):
		return api.Errorf(api.CodeUsage, "%s", text(err))
	case errors.Is(err, lock.ErrFormat):
		return api.Errorf(api.CodeFailed, "%s", text(err))
	}
	return err
}

// noKeyOpens says for which kinds of key something is locked, and what to do.
func noKeyOpens(info lock.Info) error {
	if info.ByPassphrase() {
		return api.Errorf(api.CodeRefused, "it is locked with a passphrase").
			WithHint("its sender tells it to you, by another way; give it with --pass-fd or when you are asked")
	}
	return api.Errorf(api.CodeRefused, "none of your keys opens it: it is locked for %s", kindsText(info.Kinds)).
		WithHint("muster keys lists yours; a key that is not here: --identity-file FILE, or muster keys import FILE")
}
