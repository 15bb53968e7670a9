//go:build !linux

package testnet

import "testing"

// TempDir is t.TempDir in memory, where the system has room for that.
func TempDir(t *testing.T) string {
	t.Helper()
	return t.TempDir()
}
