package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"muster.example/internal/keys"
	"muster.example/node"
	"muster.example/node/rotation"
	"muster.example/node/vault"
	"muster.example/rendezvous/hosted"
)

// server is the rendezvous node in this program, as the device sees it. Neither knows the other.
type server struct{ *hosted.Server }

// newServer makes it, in the folder of the device and under its key: while that is locked, nothing is served and nothing can be read.
// Nothing is in the folder, and nothing is started, before somebody asks for it.
func newServer(v *vault.Vault, log *slog.Logger) (node.Server, error) {
	s, err := hosted.New(hosted.Config{
		Dir: filepath.Join(v.Dir(), rotation.Rendezvous), Seal: v.Key("rendezvous"), Identity: filepath.Base(v.Path(rotation.Identity)), Version: version, Logger: log.With("part", "rendezvous"),
	})
	return server{s}, err
}

// Claim implements node.Server.
func (s server) Claim(ctx context.Context, places node.ServerPlaces) (string, error) {
	return s.Server.Claim(ctx, hosted.Places(places))
}

// Move implements node.Server.
func (s server) Move(ctx context.Context, places node.ServerPlaces) error {
	return s.Server.Move(ctx, hosted.Places(places))
}

// Status implements node.Server.
func (s server) Status() node.ServerStatus {
	now := s.Server.Status()
	status := node.ServerStatus{
		Running: now.Running, Failed: now.Failed, Since: now.Since, Places: node.ServerPlaces(now.Places),
		Addresses: now.Node.Addresses, Orgs: make(map[keys.OrgID]node.ServerOrg),
	}
	for _, o := range now.Node.Orgs {
		status.Orgs[o.Org] = node.ServerOrg{
			Members: o.Members, Online: o.DevicesOnline, Entries: o.Entries, Bodies: o.Bodies, Bytes: o.Bytes, Moved: o.Moved, Untold: o.Untold,
		}
	}
	return status
}
