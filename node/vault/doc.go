// Package vault guards a node's folder: who may open it, one program at a time, and the data key under which everything
// in it is encrypted at rest.
//
// It owns the folder's mode, its LOCK and FORMAT, and the file keyslots, in which the data key lies wrapped once for
// each way to unlock it: a passphrase (argon2id) or a key file. It hands out one key for each use, derived from the
// data key. It must not know what is stored under those keys, nor ask anybody anything: a passphrase comes from a
// function of the caller's.
//
// Layout of keyslots, in canonical CBOR (internal/wire):
//
//	file   = [body bstr, mac bstr .size 32, sum bstr .size 32]
//	body   = {1: version = 1, 2: id bstr .size 16, 3: [1*8 slot]}
//	slot   = [header bstr, nonce bstr .size 24, wrapped bstr .size 48]
//	header = {1: kind (1 passphrase, 2 key file), 2: salt bstr .size 16, ? 3: [time, memory in KiB, threads]}
//
// wrapped is the data key under XChaCha20-Poly1305 with the slot's key; its associated data is the store's domain, a
// zero byte, the id and the header. A passphrase's slot key is argon2id over the NFC of the passphrase and the salt, a
// key file's is HKDF-SHA256 over the file's secret and the salt. mac is HMAC-SHA256 over body under a key derived from
// the data key: who can unlock one slot sees whether any other was changed. sum is SHA-256 over body and mac: damage is
// told from a wrong passphrase.
package vault
