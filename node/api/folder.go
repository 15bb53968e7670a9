package api

// FolderLock tells whether the folder is locked, and how it is unlocked. Of a locked folder it says nothing but that.
type FolderLock struct {
	Locked bool      `json:"locked"`
	New    bool      `json:"new,omitzero"` // locked, and nobody chose a passphrase yet
	Ways   List[Way] `json:"ways"`         // by number; none of a new folder
	// The rest is empty while it is locked.
	IdleMinutes int  `json:"idle_minutes,omitzero"` // without use after which it locks itself; 0: never
	OnSleep     bool `json:"on_sleep,omitzero"`     // it locks itself when the computer sleeps
}

// The kinds of ways to unlock a folder.
const (
	WayPassphrase = "passphrase"
	WayKeyFile    = "key_file"
	WayKeyring    = "keyring"
)

// Way is one way to unlock the folder.
type Way struct {
	Number int    `json:"number"`         // from 1
	Kind   string `json:"kind"`           // passphrase, key_file, keyring; more may come
	Cost   *Cost  `json:"cost,omitempty"` // of a passphrase
}

// Cost is what it costs to try one passphrase: argon2id's parameters.
type Cost struct {
	Passes    uint32 `json:"passes"`
	MemoryKiB uint32 `json:"memory_kib"`
	Lanes     uint8  `json:"lanes"`
}

// Key unlocks a folder. Exactly one of its fields is given.
type Key struct {
	Passphrase []byte `json:"passphrase,omitempty"` // UTF-8; in JSON the base64 form of it, so that no copy stays in strings
	KeyFile    string `json:"key_file,omitzero"`    // the whole path of a key file on the node's computer
	Keyring    bool   `json:"keyring,omitzero"`     // what lies in the keyring of the node's system
}

// Forget overwrites the passphrase.
func (k *Key) Forget() { clear(k.Passphrase) }

// LockFolderRequest locks the folder now.
type LockFolderRequest struct{}

// MaxIdleMinutes is the longest time without use after which a folder locks itself.
const MaxIdleMinutes = 7 * 24 * 60

// LockSettings says when the folder locks itself. What is nil stays as it is.
type LockSettings struct {
	IdleMinutes *int  `json:"idle_minutes,omitempty"` // 1 to MaxIdleMinutes; 0: never
	OnSleep     *bool `json:"on_sleep,omitempty"`
}

// WaysRequest changes how the folder is unlocked. All of it is done or nothing.
type WaysRequest struct {
	Proof      Key    `json:"proof"`                // unlocks the folder as it is now
	Passphrase []byte `json:"passphrase,omitempty"` // the new one, in place of the old; as in Key
	CostMillis int    `json:"cost_ms,omitzero"`     // how long a try of the new one is to take: 100 to 10,000; 0: 600
	KeyFile    string `json:"key_file,omitzero"`    // the whole path of one more key file, made if missing
	Keyring    bool   `json:"keyring,omitzero"`     // put a new secret in the keyring, in place of an earlier one
	Remove     []int  `json:"remove,omitempty"`     // numbers of ways that go
}

// Forget overwrites the passphrases.
func (r *WaysRequest) Forget() {
	r.Proof.Forget()
	clear(r.Passphrase)
}
