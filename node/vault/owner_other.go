//go:build !unix

package vault

import "io/fs"

// ownedByUs takes the system's word: where there are no numbered owners, folders in a user's profile are that user's.
func ownedByUs(fs.FileInfo) bool { return true }
