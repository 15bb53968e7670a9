package node

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"muster.example/node/api"
	"muster.example/node/store"
)

// Status tells what the node is and whom it reaches.
func (n *Node) Status(context.Context) (api.StatusResult, error) {
	result := api.StatusResult{Version: n.config.Version, Applications: n.applicationList(), Joining: n.candidacyList()}
	var err error
	if result.Wiped, err = n.wiped(); err != nil {
		return result, err
	}
	if result.Backup, err = n.backups.status(); err != nil {
		return result, err
	}
	for _, o := range n.all() {
		status, err := o.status(o.now())
		if err != nil {
			return result, err
		}
		result.Orgs = append(result.Orgs, status)
	}
	return result, nil
}

// joined is addresses as one text.
func joined(addresses []string) string { return strings.Join(addresses, " ") }

func (o *organization) status(now time.Time) (api.OrgStatus, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	grace := time.Duration(state.Policy().OfflineGrace) * time.Second
	status := api.OrgStatus{
		Org: o.org.String(), Name: state.OrgName(), Member: o.member.String(), MemberName: o.memberNameLocked(o.member),
		Roll: api.RollStatus{
			Size: o.roll.Size(), Time: o.checkpoint.Time.UTC(), Fresh: o.distrust == nil && now.Sub(o.checkpoint.Time) < grace,
			Distrusted: o.distrust != nil,
		},
	}
	for _, node := range o.describeNodesLocked() {
		one := api.RendezvousStatus{
			Address: joined(node.Addresses), Node: node.Node, Connected: node.Connected,
			Role: node.Role, LatencyMS: node.LatencyMS, Posting: node.Posting,
		}
		if node.Role == api.NodeOrders {
			one.Connected, one.Here = o.client != nil && o.client.Node == o.at.Key || node.Connected, o.hereLocked(o.at.Key)
		}
		status.Rendezvous = append(status.Rendezvous, one)
	}
	if former := o.formerHereLocked(); former != nil {
		status.Rendezvous = append(status.Rendezvous, *former)
	}
	status.Excluded, status.Readmissions, status.Newcomers = o.exclusionLocked(), o.readmissionsLocked(), o.describeNewcomersLocked()
	status.Unconfirmed = o.unconfirmedLocked(o.member)
	if self, _ := state.Member(o.member); self.FrozenUntil > now.UnixMilli() {
		status.FrozenUntil = time.UnixMilli(self.FrozenUntil).UTC()
	}
	for _, device := range state.Devices(o.member) {
		status.Devices = append(status.Devices, api.DeviceStatus{
			Device: device.String(), This: device == o.device, Path: o.siblings.path(device),
		})
	}
	status.Peers = o.peersLocked()
	err := o.node.store.View(func(tx *store.Tx) error {
		err := tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			status.Outbox += len(o.membersDevicesLocked(w.Pending))
			return true, nil
		})
		if err != nil {
			return err
		}
		err = tx.Jobs(o.org, func(j store.Job) (bool, error) {
			status.Outbox += len(o.devicesLocked(j.Place))
			return true, nil
		})
		if err != nil {
			return err
		}
		var since int64
		if status.Missing, since, err = tx.Missing(o.org); err != nil {
			return err
		}
		if since > 0 {
			status.MissingSince = time.UnixMilli(since).UTC()
		}
		if status.Warnings, err = o.warningsLocked(); err != nil {
			return err
		}
		if status.Parked, err = o.parkedNow(tx, now); err != nil {
			return err
		}
		if status.Notices, err = o.recentNotices(tx, now); err != nil {
			return err
		}
		alarms, err := tx.Alarms(o.org)
		for _, a := range alarms {
			if a.Kind == alarmVerify && !contains(status.Warnings, a.Text) {
				continue // it was verified again
			}
			raised := api.Alarm{Time: time.UnixMilli(a.Time).UTC(), Kind: a.Kind, Text: a.Text}
			text := raised.Time.Format(time.RFC3339) + " " + a.Text
			if a.File != "" {
				path := filepath.Join(o.node.config.Evidence, a.File)
				text += "; evidence: " + path
				status.Evidence = append(status.Evidence, path)
				raised.Evidence = path
			}
			status.Raised = append(status.Raised, raised)
			status.Alarms = append(status.Alarms, text)
		}
		return err
	})
	return status, err
}

// Watch returns what happens from now on, until ctx ends. A watcher that falls too far behind is closed.
func (n *Node) Watch(ctx context.Context, query api.WatchQuery) (<-chan api.Event, error) {
	if query.Org == "" {
		return n.hub.watch(ctx, ""), nil
	}
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	return n.hub.watch(ctx, o.org.String()), nil
}
