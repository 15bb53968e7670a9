package main

import "os"

// lockedArguments is the command line of the program that takes the place of this one. It names no key file and no descriptor to read
// a passphrase from: who unlocks the folder again says by what.
func lockedArguments(dir string, o startOptions, taken string) []string {
	arguments := []string{os.Args[0], "start", "--dir", dir, "--web", o.address, "--" + takenFlag, taken}
	if o.noDirect {
		arguments = append(arguments, "--no-direct")
	}
	return arguments
}
