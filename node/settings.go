package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// The values of a setting that is a switch.
const (
	on  = "on"
	off = "off"
)

// The settings of messages.
const (
	settingReceipts = "receipts"
	settingExpires  = "expires"
)

// ownSetting is something that a person chooses for an account: a record of the history, which the newest of says. [HIST-17]
type ownSetting struct {
	name   string
	preset string // the value if nobody chose one
	about  string
	// parse returns a value as it is kept, or an error that says what may be given.
	parse func(value string) (string, error)
	// chosen, if not nil, does what follows from a value that was stored. The organization's mu is not held.
	chosen func(o *organization, value string)
	// device: it is this device's alone, and no other one of the account hears of it.
	device bool
}

// ownSettings are all settings, in the order in which they are listed.
func ownSettings() []ownSetting {
	return []ownSetting{
		{name: settingReceipts, preset: off, about: "on: tell authors who do the same that you have read their messages, and be told", parse: oneOf(on, off)},
		{name: settingExpires, preset: "never", about: "how long your messages live if you do not say: 10m, 24h, 7d, never", parse: parseLifetime},
		{name: settingDirect, preset: membership.ReachAnywhere.String(), about: "from where your devices may have direct connections with other members': anywhere, local, never",
			parse:  oneOf(membership.ReachAnywhere.String(), membership.ReachLocal.String(), membership.ReachNowhere.String()),
			chosen: func(o *organization, _ string) { o.chooseDirect() }},
		{name: settingCarry, preset: on, about: "off: this device carries nothing for other members where no rendezvous node can be reached", parse: oneOf(on, off),
			chosen: func(o *organization, _ string) { o.carriers.changed() }, device: true},
		{name: settingCarryBytes, preset: carryByPolicy, about: "how much this device carries for other members at most, as 64MiB; policy: what the policy says", parse: parseCarry,
			chosen: func(o *organization, _ string) { o.carriers.changed() }, device: true},
		{name: settingAway, about: "a text that answers, once a day, who writes to you alone; empty: none. The device on which you set it answers", parse: parseAway},
	}
}

// oneOf returns a parse that takes just some words.
func oneOf(words ...string) func(string) (string, error) {
	return func(value string) (string, error) {
		if !slices.Contains(words, value) {
			return "", fmt.Errorf("it is %s", strings.Join(words, " or "))
		}
		return value, nil
	}
}

// parseLifetime takes a lifetime in seconds or as ParseLifetime has it.
func parseLifetime(value string) (string, error) {
	_, err := api.ParseLifetime(value)
	return value, err
}

// settingLocked returns the value of a setting. Callers hold mu.
func (o *organization) settingLocked(name string) string {
	for _, s := range ownSettings() {
		if s.name != name {
			continue
		}
		if value, ok := o.chosenLocked(s); ok {
			if value, err := s.parse(value); err == nil { // another version may know more values
				return value
			}
		}
		return s.preset
	}
	return ""
}

// lifetimeLocked returns the lifetime of a message that a person asked for, or that the settings say, in seconds. Callers hold mu.
func (o *organization) lifetimeLocked(asked int64) (uint64, error) {
	if asked == 0 {
		lifetime, err := api.ParseLifetime(o.settingLocked(settingExpires))
		if err != nil || lifetime == 0 {
			return 0, err
		}
		asked = int64(lifetime / time.Second)
	}
	if asked < int64(shortestLifetime/time.Second) || asked > history.MaxLifetime {
		return 0, api.Errorf(api.CodeUsage, "a message lives a minute to 366 days")
	}
	return uint64(asked), nil
}

// Settings lists the settings of each organization.
func (n *Node) Settings(_ context.Context, query api.SettingsQuery) ([]api.Setting, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Setting
	for _, o := range named {
		all = append(all, o.settings("")...)
	}
	return all, nil
}

// settings describes all settings, or the named one.
func (o *organization) settings(name string) (all []api.Setting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range ownSettings() {
		if name == "" || s.name == name {
			_, chosen := o.chosenLocked(s)
			all = append(all, api.Setting{
				Org: o.org.String(), OrgName: o.roll.State().OrgName(), Name: s.name, Value: o.settingLocked(s.name),
				Default: !chosen, About: s.about,
			})
		}
	}
	return all
}

// SetSetting chooses a value in one organization, or in all. [API-21]
func (n *Node) SetSetting(_ context.Context, request api.SettingRequest) ([]api.Setting, error) {
	at := slices.IndexFunc(ownSettings(), func(s ownSetting) bool { return s.name == request.Name })
	if at < 0 {
		return nil, api.Errorf(api.CodeNotFound, "there is no setting %q", request.Name).WithHint("`muster settings` lists them")
	}
	s := ownSettings()[at]
	value, err := s.parse(request.Value)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%s cannot be %q: %v", s.name, request.Value, err)
	}
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Setting
	for _, o := range named {
		choose := o.choose
		if s.device {
			choose = o.chooseHere
		}
		if err := choose(s.name, value); err != nil {
			return nil, err
		}
		if s.chosen != nil {
			s.chosen(o, value)
		}
		all = append(all, o.settings(s.name)...)
	}
	return all, nil
}

// chosenLocked returns the value that was chosen for a setting, for the account or for this device. Callers hold mu.
func (o *organization) chosenLocked(s ownSetting) (value string, chosen bool) {
	if s.device {
		value, chosen = o.chosenHere[s.name]
		return value, chosen
	}
	return o.view.Setting(s.name)
}

// chooseHere stores a value for this device alone.
func (o *organization) chooseHere(name, value string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutDeviceSetting(o.org, name, value) }); err != nil {
		return err
	}
	o.chosenHere[name] = value
	return nil
}

// choose stores a value, unless it is there.
func (o *organization) choose(name, value string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if have, ok := o.view.Setting(name); ok && have == value {
		return nil
	}
	var record history.Record
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		record, err = tx.AppendRecord(o.org, o.self, o.now().UnixMilli(),
			history.Record{Kind: history.RecordSetting, Setting: &history.Setting{Name: name, Value: value}})
		return err
	})
	if err != nil {
		return err
	}
	o.view.Apply(record)
	wake(o.wakeSiblings)
	if name == settingSkin {
		o.tellSkinLocked()
	}
	return nil
}
