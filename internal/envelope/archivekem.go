package envelope

import "crypto/hpke"

// KEM returns the private key for MLKEM768-X25519, for what else is sealed to the archive's key: its store.
func (p ArchivePrivate) KEM() hpke.PrivateKey { return p.private }
