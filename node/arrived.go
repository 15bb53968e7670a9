package node

import (
	"slices"
	"time"

	"muster.example/node/api"
	"muster.example/sync/history"
)

// chose reports whether other devices of the account gave a setting of a name.
func (e *effects) chose(name string) bool {
	return slices.ContainsFunc(e.arrived, func(r history.Record) bool { return r.Setting != nil && r.Setting.Name == name })
}

// tellHistoryLocked tells watchers that other devices of the account gave records. Callers hold mu.
func (o *organization) tellHistoryLocked() {
	o.historyTold = time.Now()
	o.node.hub.publish(api.Event{Kind: api.EventHistory, Time: o.historyTold.UTC(), Org: o.org.String()})
}
