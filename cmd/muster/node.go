package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"muster.example/internal/drive"
	"muster.example/internal/linkcost"
	"muster.example/internal/nearby"
	"muster.example/internal/nearby/mdns"
	"muster.example/internal/netwatch"
	"muster.example/node"
	"muster.example/node/localapi"
	"muster.example/node/rotation"
	"muster.example/node/vault"
)

// device is what start runs: the node's facade and its life.
type device interface {
	localapi.Backend
	Run(ctx context.Context) error
	Close() error
}

// testOnlyClock is what the person's clock shows; nil for the real one.
var testOnlyClock func() time.Time

// newDevice makes the node of an unlocked folder. Without direct paths it says and hears nothing on local networks either.
func newDevice(v *vault.Vault, log *slog.Logger, noDirect bool) (device, error) {
	var networks nearby.Network
	if !noDirect {
		networks = mdns.New(log)
	}
	if err := rotation.Sweep(v); err != nil {
		return nil, explain(err)
	}
	server, err := newServer(v, log)
	if err != nil {
		return nil, err
	}
	return node.New(node.Config{
		Dir:      v.Path(rotation.Store),
		Key:      v.Key("store"),
		Index:    v.Path(rotation.Index),
		IndexKey: v.Key("index"),
		Landing:  v.Path(rotation.Landing),
		Evidence: filepath.Join(v.Dir(), "evidence"),
		Version:  version,
		Log:      log,
		NoDirect: noDirect,
		Nearby:   networks,
		Networks: netwatch.Watch,
		LinkCost: linkcost.Watch,
		Server:   server,
		Drives:   drive.System{},
		Clock:    testOnlyClock,
	})
}
