package main

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

// folder returns the folder of the node, or of the archive's service for commands of it: --dir, else MUSTER_DIR, else the
// one in the XDG data directory.
func folder(c *cobra.Command) (string, error) {
	dir, err := c.Flags().GetString("dir")
	if err != nil {
		return "", err
	}
	if dir == "" {
		dir = os.Getenv("MUSTER_DIR")
	}
	if dir == "" {
		dir = filepath.Join(xdg.DataHome, defaultFolder(c))
	}
	return filepath.Abs(dir)
}

func defaultFolder(c *cobra.Command) string {
	for ; c != nil; c = c.Parent() {
		if c.Name() == "archive" {
			return "muster-archive"
		}
	}
	return "muster-rendezvous"
}

func wantsJSON(c *cobra.Command) bool {
	wants, err := c.Flags().GetBool("json")
	return err == nil && wants
}
