// Command muster is the app: the device node, run by `muster start` in the foreground, and the command line that talks
// to it over the local API (node/apiclient).
//
// It owns flags, prompts, what is printed and the exit status: one file a command. It must not know how anything is
// done: the node does it. The outside contract is in each command's --help and in docs/spec/06-local-api.md.
package main

import (
	"context"
	"os"
)

// version is what `muster version` tells; releases set it with -ldflags.
var version = "dev"

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
