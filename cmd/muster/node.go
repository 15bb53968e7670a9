package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"muster.example/node"
	"muster.example/node/localapi"
	"muster.example/node/vault"
)

// device is what start runs: the node's facade and its life.
type device interface {
	localapi.Backend
	Run(ctx context.Context) error
	Close() error
}

// newDevice makes the node of an unlocked folder.
func newDevice(v *vault.Vault, log *slog.Logger) (device, error) {
	return node.New(node.Config{
		Dir:      filepath.Join(v.Dir(), "store"),
		Key:      v.Key("store"),
		Index:    filepath.Join(v.Dir(), "index"),
		IndexKey: v.Key("index"),
		Evidence: filepath.Join(v.Dir(), "evidence"),
		Version:  version,
		Log:      log,
	})
}
