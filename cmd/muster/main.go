// Command muster is the app: the device node, run by `muster start` in the foreground, and the command line that talks
// to it over the local API (node/apiclient).
//
// It owns flags, prompts, what is printed and the exit status: one file a command. It must not know how anything is
// done: the node does it. The outside contract is in each command's --help and in docs/spec/06-local-api.md.
package main

import (
	"context"
	"os"

	"muster.example/internal/coredump"
	"muster.example/internal/terminal"
)

// version is what `muster version` tells; releases set it with -ldflags.
var version = "dev"

func main() {
	if err := coredump.Forbid(); err != nil {
		terminal.Printf(os.Stderr, "warning: a crash may leave what this program knows on the disk: %v\n", err)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
