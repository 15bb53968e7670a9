//go:build !unix

package replicated

import "io/fs"

// othersMay cannot tell where modes do not say who may read.
func othersMay(fs.FileMode) bool { return false }
