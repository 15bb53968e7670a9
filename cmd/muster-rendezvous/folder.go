package main

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

// folder returns the node's folder: --dir, else MUSTER_DIR, else the one in the XDG data directory.
func folder(c *cobra.Command) (string, error) {
	dir, err := c.Flags().GetString("dir")
	if err != nil {
		return "", err
	}
	if dir == "" {
		dir = os.Getenv("MUSTER_DIR")
	}
	if dir == "" {
		dir = filepath.Join(xdg.DataHome, "muster-rendezvous")
	}
	return filepath.Abs(dir)
}

func wantsJSON(c *cobra.Command) bool {
	wants, err := c.Flags().GetBool("json")
	return err == nil && wants
}
