package main

import (
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
)

func (a *app) newVersion() *cobra.Command {
	return a.command(manual{
		use:      "version",
		short:    "show the version of this program",
		about:    "Shows the version of this program. It needs no node and no folder.",
		output:   "One line: muster, its version, the Go release and the platform.",
		json:     `{"version", "go", "platform"}`,
		examples: []string{"muster version --json"},
		see:      []string{"status"},
	}, exactly(), func(*cobra.Command, []string) error {
		platform := runtime.GOOS + "/" + runtime.GOARCH
		answer := map[string]string{"version": version, "go": runtime.Version(), "platform": platform}
		return a.answer(answer, func(w io.Writer) {
			terminal.Printf(w, "muster %s (%s, %s)\n", terminal.Line(version), terminal.Line(runtime.Version()), platform)
		})
	})
}
