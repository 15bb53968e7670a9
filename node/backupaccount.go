package node

import (
	"context"
	"slices"

	"muster.example/membership"
	"muster.example/node/account"
	"muster.example/node/store"
)

// backedUpAccount returns what a backup says of the account: its organizations, of which this device may not act in some.
// [BACKUP-40]
func (n *Node) backedUpAccount() (account.Account, error) {
	said := account.Account{Version: account.Version, Time: n.now().UnixMilli()}
	for _, o := range n.all() {
		one, err := o.backedUp()
		if err != nil {
			return said, err
		}
		said.Orgs = append(said.Orgs, one)
	}
	slices.SortFunc(said.Orgs, func(a, b account.Organization) int { return a.Org.Compare(b.Org) })
	return said, nil
}

func (o *organization) backedUp() (account.Organization, error) {
	number, err := o.recoveryNumber()
	if err != nil {
		return account.Organization{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	self, _ := state.Member(o.member)
	said := account.Organization{
		Org: o.org, Name: state.OrgName(), Member: o.member, MemberName: self.Name, Number: number, Device: o.device,
		Nodes: []membership.NodeAddress{{Key: o.at.Key, Addresses: o.node.shownAt(o.at)}},
	}
	devices := self.Devices[:min(len(self.Devices), account.MaxDevices)]
	for _, device := range devices {
		said.Devices = append(said.Devices, device.Key)
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		kept, err := tx.Checkpoint(o.org)
		if err != nil {
			return err
		}
		newest, err := membership.OpenCheckpoint(kept.Note, o.org, o.at.Key)
		said.Checkpoint, said.Size = kept.Note, newest.Size
		return err
	})
	if o.common > 0 { // the roll is being replaced, and its checkpoint is the new one's already or covers more than is here
		said.Size = 0
	}
	return said, err
}

// rollPages visits the pages of the roll from the one on that has an entry's index, as far as the account says. The visit
// may take its time: no transaction is open meanwhile. [BACKUP-41]
func (o *organization) rollPages(ctx context.Context, size uint64, visit func(account.Page) error) error {
	for first := uint64(0); first < size; first += account.PageEntries {
		page := account.Page{Org: o.org, First: first}
		err := o.node.store.View(func(tx *store.Tx) error {
			return tx.EntriesFrom(o.org, first, func(_ uint64, entry []byte) (bool, error) {
				page.Entries = append(page.Entries, slices.Clone(entry))
				return uint64(len(page.Entries)) < min(account.PageEntries, size-first), nil
			})
		})
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && len(page.Entries) > 0 {
			err = visit(page)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
