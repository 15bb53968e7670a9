package vault

import "errors"

// The errors to tell apart. Each is wrapped with the file or folder that it is about.
var (
	ErrWrongPassphrase = errors.New("wrong passphrase")
	ErrWrongKeyFile    = errors.New("the key file is another folder's")
	ErrNoKeyFile       = errors.New("the key file is missing")
	ErrWrongKeyring    = errors.New("what lies in the keyring is another folder's")
	ErrLastWay         = errors.New("neither a passphrase nor a key file would unlock the folder then")
	ErrKeyFile         = errors.New("not a usable key file")
	ErrNoSlot          = errors.New("the folder is not unlocked in this way")
	ErrNoUnlock        = errors.New("neither a passphrase nor a key file was given")
	ErrPassphrase      = errors.New("not a usable passphrase")
	ErrInUse           = errors.New("another program uses this folder")
	ErrDamaged         = errors.New("damaged")
	ErrNewer           = errors.New("made by a newer version of Muster")
	ErrFolder          = errors.New("not usable as a private folder")
)
