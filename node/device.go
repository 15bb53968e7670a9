package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Devices lists the own account in an organization, or in all, with every device that it has or had.
func (n *Node) Devices(_ context.Context, query api.DevicesQuery) ([]api.Account, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	var all []api.Account
	for _, o := range named {
		account, err := o.account(o.now())
		if err != nil {
			return nil, err
		}
		all = append(all, account)
	}
	return all, nil
}

func (o *organization) account(now time.Time) (api.Account, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	account := api.Account{
		Org: o.org.String(), OrgName: state.OrgName(), Member: o.member.String(), MemberName: o.memberNameLocked(o.member),
		Excluded: o.exclusionLocked(),
	}
	if self.FrozenUntil > now.UnixMilli() {
		account.FrozenUntil = time.UnixMilli(self.FrozenUntil).UTC()
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		choice, err := tx.Choice(o.org)
		if err != nil {
			return err
		}
		account.Obeys = obeysText(choice)
		for _, d := range self.Devices {
			described, err := o.describeDeviceLocked(tx, d, now)
			if err != nil {
				return err
			}
			account.Devices = append(account.Devices, described)
		}
		return nil
	})
	account.Readmissions = o.readmissionsLocked()
	return account, err
}

// describeDeviceLocked describes a device of the own account. Callers hold mu.
func (o *organization) describeDeviceLocked(tx *store.Tx, d membership.MemberDevice, now time.Time) (api.Device, error) {
	standing := d.Standing
	if d.Key == o.device && o.exclusion != nil {
		standing = o.exclusion.Standing // what the roll here may not say yet
	}
	described := api.Device{
		Org: o.org.String(), Device: d.Key.String(), Name: "…" + d.Key.Short(), This: d.Key == o.device,
		IntroducedBy: keyText(d.By), Elder: keyText(d.Elder), Since: d.Since,
		Barred: standing != membership.StandingActive, Standing: standing.String(), Wipe: d.Wipe,
	}
	if d.Standing == membership.StandingBarred && d.BarredAt > 0 {
		described.BarredBy, described.BarredAt = o.signerTextLocked(d.BarredBy), time.UnixMilli(d.BarredAt).UTC()
	}
	if d.Barred {
		described.BarredFrom = d.Cut
	}
	described.History, described.Path = o.siblings.describe(d.Key, now), o.siblings.path(d.Key)
	if described.History != nil {
		o.describeLanded(described.History, now)
	}
	seen, err := tx.Sighting(o.org, d.Key)
	if d.Key == o.device {
		seen = now.UnixMilli()
		if err == nil {
			described.Parked, err = o.parkedNow(tx, now)
		}
	}
	if seen > 0 {
		at := time.UnixMilli(seen).UTC()
		described.LastSeen = &at
	}
	return described, err
}

// readmissionsLocked describes the re-admissions of the own account that wait. Callers hold mu.
func (o *organization) readmissionsLocked() []api.Waiting {
	state := o.roll.State()
	self, _ := state.Member(o.member)
	var all []api.Waiting
	for _, r := range self.Readmissions {
		described := api.Waiting{
			Readmission: r.Event.String(), By: r.By.String(), Device: r.Device.String(), Recovery: r.Recovery.String(),
			Due: time.UnixMilli(r.Due).UTC(), Rooted: r.Rooted,
		}
		if admin, ok := state.AccountOf(r.By); ok {
			described.ByName = o.memberNameLocked(admin)
		}
		all = append(all, described)
	}
	return all
}

func keyText(key keys.PublicKey) string {
	if key.IsZero() {
		return ""
	}
	return key.String()
}

// signerTextLocked says whose a key is that signed something about the own account: the recovery key, a device of it, or
// an admin by name. Callers hold mu.
func (o *organization) signerTextLocked(key keys.PublicKey) string {
	state := o.roll.State()
	if owner, ok := state.IsRecoveryKey(key); ok && owner == o.member {
		return "the recovery key"
	}
	if state.IsRootKey(key) {
		return "the organization's root key"
	}
	owner, ok := state.AccountOf(key)
	switch {
	case ok && owner == o.member:
		return "device …" + key.Short()
	case ok:
		return o.memberNameLocked(owner)
	default:
		return "key …" + key.Short()
	}
}

// findDevices finds devices of the own account: each "this", an id, or the end of one of at least four characters.
func (o *organization) findDevicesLocked(names []string) ([]keys.PublicKey, error) {
	var found []keys.PublicKey
	for _, name := range names {
		key, err := o.findDeviceLocked(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, key) {
			found = append(found, key)
		}
	}
	return found, nil
}

func (o *organization) findDeviceLocked(name string) (keys.PublicKey, error) {
	if name == "this" {
		return o.device, nil
	}
	self, _ := o.roll.State().Member(o.member)
	end := strings.TrimLeft(name, "….")
	var found []keys.PublicKey
	for _, d := range self.Devices {
		if text := d.Key.String(); text == end || len(end) >= 4 && strings.HasSuffix(text, end) {
			found = append(found, d.Key)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return keys.PublicKey{}, api.Errorf(api.CodeNotFound, "your account has no device %q", name).
			WithHint("`muster device list` shows the devices; the end of an id is enough")
	default:
		return keys.PublicKey{}, api.Errorf(api.CodeUsage, "%q is the end of more than one device's id", name)
	}
}

// mostSeniorFirstLocked orders devices so that each comes before those that it stands above; this device comes last, for
// it can sign no more once it is barred. Callers hold mu.
func (o *organization) mostSeniorFirstLocked(devices []keys.PublicKey) {
	self, _ := o.roll.State().Member(o.member)
	depth := func(key keys.PublicKey) (n int) {
		for _, d := range self.Devices {
			if o.roll.State().Senior(d.Key, key) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(devices, func(a, b keys.PublicKey) int {
		switch {
		case a == o.device && b != a:
			return 1
		case b == o.device && a != b:
			return -1
		}
		return depth(a) - depth(b)
	})
}
