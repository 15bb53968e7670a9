//go:build unix

package replicated

import "io/fs"

// othersMay reports whether a mode lets anybody but the owner read a file.
func othersMay(mode fs.FileMode) bool { return mode&0o077 != 0 }
