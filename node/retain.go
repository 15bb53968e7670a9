package node

import (
	"context"
	"time"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Retention says for how long history is kept. [API-82]
func (n *Node) Retention(_ context.Context, query api.RetentionQuery) ([]api.Retention, error) {
	named, err := n.organizationsNamed(query.Org)
	if err != nil {
		return nil, err
	}
	all := make([]api.Retention, 0, len(named))
	for _, o := range named {
		o.mu.Lock()
		described, err := o.describeRetentionLocked(o.retentionLocked())
		o.mu.Unlock()
		if err != nil {
			return nil, err
		}
		all = append(all, described)
	}
	return all, nil
}

// SetRetention chooses for how long history is kept, in one organization or in all, if nothing goes by that or the request says that it
// may; else it says how much would go. [API-82]
func (n *Node) SetRetention(_ context.Context, request api.RetentionRequest) ([]api.Retention, error) {
	keeps, err := history.ParseRetention(request.Keep)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "history cannot be kept for %q: %v", request.Keep, err)
	}
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return nil, err
	}
	all := make([]api.Retention, 0, len(named))
	older := 0
	for _, o := range named {
		o.mu.Lock()
		described, err := o.describeRetentionLocked(keeps)
		o.mu.Unlock()
		if err != nil {
			return nil, err
		}
		older += described.Older
		all = append(all, described)
	}
	if older > 0 && !request.Erase {
		return all, nil
	}
	for i, o := range named {
		if err := o.choose(settingRetention, keeps.String()); err != nil {
			return nil, err
		}
		if err := o.confirmKeeping(keeps); err != nil {
			return nil, err
		}
		all[i].Chosen, all[i].Default, all[i].Due = true, false, time.Time{}
	}
	return all, nil
}

// describeRetentionLocked says what a choice means here. Callers hold mu.
func (o *organization) describeRetentionLocked(keeps history.Retention) (api.Retention, error) {
	_, chosen := o.view.Setting(settingRetention)
	described := api.Retention{Org: o.org.String(), OrgName: o.roll.State().OrgName(), Keep: keeps.String(), Default: !chosen}
	horizon := keeps.Horizon(o.now().UnixMilli())
	described.From = moment(horizon)
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		keeping, err := tx.Keeping(o.org)
		if err == nil && keeping.At > 0 && keeps == history.Retention(keeping.Coming) {
			described.Due = moment(keeping.At)
		}
		if err == nil && horizon > 0 {
			described.Older, err = tx.CountPast(o.org, horizon)
		}
		return err
	})
	return described, err
}

// confirmKeeping has a choice be in force at once: it was made here, or by another device and now here too. [HIST-61]
func (o *organization) confirmKeeping(keeps history.Retention) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer wake(o.wakeErase)
	return o.node.store.Update(func(tx *store.Tx) error { return tx.PutKeeping(o.org, store.Keeping{Months: uint64(keeps)}) })
}
