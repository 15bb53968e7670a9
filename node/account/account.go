package account

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// ErrAccount means that bytes are not an account, or not a page of a roll, in the one form of this version.
var ErrAccount = errors.New("account: not what a backup says of an account")

// Account is one person's account in all organizations of one device. [BACKUP-40]
type Account struct {
	Version uint64         `cbor:"1,keyasint"`
	Time    int64          `cbor:"2,keyasint"` // when it was noted, unix milliseconds by the device's clock
	Orgs    []Organization `cbor:"3,keyasint"` // ordered by id
}

// Organization is the account in one organization.
type Organization struct {
	Org        keys.OrgID               `cbor:"1,keyasint"`
	Name       string                   `cbor:"2,keyasint"` // of the organization, for people until the roll is there
	Member     keys.MemberID            `cbor:"3,keyasint"`
	MemberName string                   `cbor:"4,keyasint"`
	Nodes      []membership.NodeAddress `cbor:"5,keyasint"`  // 1 to membership.MaxNodes; the one that orders the roll first
	Number     uint32                   `cbor:"6,keyasint"`  // of the recovery key in the series of the words: where to look first
	Size       uint64                   `cbor:"7,keyasint"`  // entries of the roll that the backup has in pages
	Checkpoint []byte                   `cbor:"8,keyasint"`  // the newest that was adopted, as signed
	Device     keys.PublicKey           `cbor:"9,keyasint"`  // that made the backup
	Devices    []keys.PublicKey         `cbor:"10,keyasint"` // of the account on the roll, active or not, in its order
}

// Page is a run of entries of one organization's roll, as its member has them. [BACKUP-41]
type Page struct {
	Org     keys.OrgID `cbor:"1,keyasint"`
	First   uint64     `cbor:"2,keyasint"` // index of the first entry, a multiple of PageEntries
	Entries [][]byte   `cbor:"3,keyasint"` // 1 to PageEntries
}

// Piece is one chunk of an attachment. [BACKUP-42]
type Piece struct {
	Author keys.PublicKey `cbor:"1,keyasint"` // the device that sent the file: the author of its message
	Nonce  [16]byte       `cbor:"2,keyasint"` // of the file
	Index  uint64         `cbor:"3,keyasint"` // of the chunk, below MaxChunks
	Data   []byte         `cbor:"4,keyasint"` // 1 to ChunkSize bytes
}

// Encode returns the account's bytes. One beyond a limit makes bytes that Decode refuses.
func (a Account) Encode() []byte {
	a.Version = Version
	return wire.Encode(a)
}

// Decode reads what Encode wrote, and nothing else. Errors wrap ErrAccount.
func Decode(data []byte) (Account, error) {
	if len(data) > MaxAccount {
		return Account{}, fmt.Errorf("%w: %d bytes", ErrAccount, len(data))
	}
	var a Account
	if err := wire.Decode(data, &a); err != nil {
		return Account{}, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	if a.Version != Version {
		return Account{}, fmt.Errorf("%w: version %d, this build knows %d", ErrAccount, a.Version, Version)
	}
	if a.Time < 0 || a.Time > membership.MaxTime || len(a.Orgs) > MaxOrgs {
		return Account{}, fmt.Errorf("%w: %d organizations, at %d", ErrAccount, len(a.Orgs), a.Time)
	}
	for i, o := range a.Orgs {
		if err := o.check(); err != nil {
			return Account{}, fmt.Errorf("%w: organization %d: %w", ErrAccount, i, err)
		}
		if i > 0 && a.Orgs[i-1].Org.Compare(o.Org) >= 0 {
			return Account{}, fmt.Errorf("%w: organizations out of order", ErrAccount)
		}
	}
	return a, nil
}

func (o Organization) check() error {
	switch {
	case o.Org.IsZero() || o.Member.IsZero() || o.Device.IsZero():
		return errors.New("it names no organization, member or device")
	case len(o.Name) > MaxName || len(o.MemberName) > MaxName || !utf8.ValidString(o.Name) || !utf8.ValidString(o.MemberName):
		return errors.New("a name that is too long")
	case len(o.Nodes) == 0 || len(o.Nodes) > membership.MaxNodes:
		return fmt.Errorf("%d rendezvous nodes", len(o.Nodes))
	case len(o.Checkpoint) == 0 || len(o.Checkpoint) > membership.MaxNote || o.Size > membership.MaxSize:
		return errors.New("a checkpoint that is none")
	case len(o.Devices) > MaxDevices:
		return fmt.Errorf("%d devices", len(o.Devices))
	}
	for _, device := range o.Devices {
		if device.IsZero() {
			return errors.New("a device without a key")
		}
	}
	for _, node := range o.Nodes {
		if !goodNode(node) {
			return errors.New("a rendezvous node without a good key and address")
		}
	}
	return nil
}

// goodNode checks where a rendezvous node is said to be, as cards and invitations are.
func goodNode(node membership.NodeAddress) bool {
	if node.Key.IsZero() || len(node.Addresses) == 0 || len(node.Addresses) > membership.MaxAddresses {
		return false
	}
	for _, address := range node.Addresses {
		if len(address) < 2 || len(address) > membership.MaxAddress || address[0] != '/' {
			return false
		}
		for i := range len(address) {
			if address[i] <= ' ' || address[i] > '~' {
				return false
			}
		}
	}
	return true
}

// Encode returns the page's bytes.
func (p Page) Encode() []byte { return wire.Encode(p) }

// DecodePage reads what Encode wrote, and nothing else. What its entries say it does not look at. Errors wrap ErrAccount.
func DecodePage(data []byte) (Page, error) {
	if len(data) > MaxPage {
		return Page{}, fmt.Errorf("%w: a page of %d bytes", ErrAccount, len(data))
	}
	var p Page
	if err := wire.Decode(data, &p); err != nil {
		return Page{}, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	if p.Org.IsZero() || p.First%PageEntries != 0 || p.First > membership.MaxSize || len(p.Entries) == 0 || len(p.Entries) > PageEntries {
		return Page{}, fmt.Errorf("%w: a page of %d entries from %d on", ErrAccount, len(p.Entries), p.First)
	}
	for _, entry := range p.Entries {
		if len(entry) == 0 || len(entry) > membership.MaxEntry {
			return Page{}, fmt.Errorf("%w: an entry of %d bytes", ErrAccount, len(entry))
		}
	}
	return p, nil
}

// Encode returns the piece's bytes.
func (p Piece) Encode() []byte { return wire.Encode(p) }

// DecodePiece reads what Encode wrote, and nothing else. Whether the file is what its message says only its hash tells. Errors wrap
// ErrAccount.
func DecodePiece(data []byte) (Piece, error) {
	if len(data) > MaxPiece {
		return Piece{}, fmt.Errorf("%w: a piece of %d bytes", ErrAccount, len(data))
	}
	var p Piece
	if err := wire.Decode(data, &p); err != nil {
		return Piece{}, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	if p.Author.IsZero() || p.Index >= MaxChunks || len(p.Data) == 0 || len(p.Data) > ChunkSize {
		return Piece{}, fmt.Errorf("%w: piece %d, of %d bytes", ErrAccount, p.Index, len(p.Data))
	}
	return p, nil
}
