package account

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
	"muster.example/membership"
)

var update = flag.Bool("update", false, "write the test vectors anew")

func key(b byte) keys.PublicKey { return keys.FromSeed([keys.SeedSize]byte{b}).Public() }

// example is an account in two organizations.
func example() Account {
	organization := func(b byte) Organization {
		return Organization{
			Org: keys.OrgID{b}, Name: "Lighthouse", Member: keys.MemberID{b, 1}, MemberName: "Ada",
			Nodes:  []membership.NodeAddress{{Key: key(5), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}},
			Number: 1, Size: 7, Checkpoint: []byte("a note"), Device: key(2), Devices: []keys.PublicKey{key(1), key(2)},
		}
	}
	return Account{Version: Version, Time: 1700000000000, Orgs: []Organization{organization(1), organization(2)}}
}

// cases are the vectors of docs/spec/testdata/account.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, kind, expect, rule, comment string, data []byte) {
		all[kind+"_"+name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Inputs: []string{"type: " + kind}, Data: data}
	}
	account := func(name, expect, comment string, change func(*Account)) {
		a := example()
		change(&a)
		add(name, "account", expect, "BACKUP-40", comment, wire.Encode(a))
	}
	account("full", "ok", "two organizations", func(*Account) {})
	account("none", "ok", "no organization", func(a *Account) { a.Orgs = nil })
	account("version", "account", "another version", func(a *Account) { a.Version = 2 })
	account("time", "account", "a time beyond all dates", func(a *Account) { a.Time = membership.MaxTime + 1 })
	account("order", "account", "organizations out of order", func(a *Account) { a.Orgs[0], a.Orgs[1] = a.Orgs[1], a.Orgs[0] })
	account("twice", "account", "an organization twice", func(a *Account) { a.Orgs[1] = a.Orgs[0] })
	account("orgless", "account", "no organization's id", func(a *Account) { a.Orgs[0].Org = keys.OrgID{} })
	account("memberless", "account", "no member", func(a *Account) { a.Orgs[0].Member = keys.MemberID{} })
	account("deviceless", "account", "no device", func(a *Account) { a.Orgs[0].Device = keys.PublicKey{} })
	account("name", "account", "a name that is too long", func(a *Account) { a.Orgs[0].Name = strings.Repeat("x", MaxName+1) })
	account("nowhere", "account", "no rendezvous node", func(a *Account) { a.Orgs[0].Nodes = nil })
	account("keyless", "account", "a rendezvous node without a key", func(a *Account) { a.Orgs[0].Nodes[0].Key = keys.PublicKey{} })
	account("address", "account", "an address that is no multiaddress", func(a *Account) { a.Orgs[0].Nodes[0].Addresses[0] = "192.0.2.1:4747" })
	account("checkpoint", "account", "no checkpoint", func(a *Account) { a.Orgs[0].Checkpoint = nil })
	account("note", "account", "a checkpoint that is too long", func(a *Account) { a.Orgs[0].Checkpoint = make([]byte, membership.MaxNote+1) })
	add("trailing", "account", "account", "BACKUP-40", "a byte behind the account", append(example().Encode(), 0))

	page := func(name, expect, comment string, p Page) {
		add(name, "page", expect, "BACKUP-41", comment, p.Encode())
	}
	entry := []byte{1, 2, 3}
	page("last", "ok", "the only page of a small roll", Page{Org: keys.OrgID{1}, Entries: [][]byte{entry, entry}})
	page("second", "ok", "the second page", Page{Org: keys.OrgID{1}, First: PageEntries, Entries: [][]byte{entry}})
	page("place", "account", "entries from within a page on", Page{Org: keys.OrgID{1}, First: 1, Entries: [][]byte{entry}})
	page("empty", "account", "no entry", Page{Org: keys.OrgID{1}})
	page("orgless", "account", "no organization", Page{Entries: [][]byte{entry}})
	page("hole", "account", "an entry of no bytes", Page{Org: keys.OrgID{1}, Entries: [][]byte{nil}})
	page("entry", "account", "an entry that is too long", Page{Org: keys.OrgID{1}, Entries: [][]byte{make([]byte, membership.MaxEntry+1)}})
	piece := func(name, expect, comment string, p Piece) {
		add(name, "piece", expect, "BACKUP-42", comment, p.Encode())
	}
	good := Piece{Author: key(1), Nonce: [16]byte{1}, Index: 3, Data: entry}
	piece("full", "ok", "the fourth chunk", good)
	for name, change := range map[string]func(*Piece){
		"author": func(p *Piece) { p.Author = keys.PublicKey{} },
		"index":  func(p *Piece) { p.Index = MaxChunks },
		"empty":  func(p *Piece) { p.Data = nil },
	} {
		bad := good
		change(&bad)
		piece(name, "account", "a piece of bad "+name, bad)
	}
	return all
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/account", *update, cases(), func(t *testing.T, v vector.Vector) {
		var again []byte
		var err error
		switch v.Input("type") {
		case "account":
			var a Account
			if a, err = Decode(v.Data); err == nil {
				again = a.Encode()
			}
		case "page":
			var p Page
			if p, err = DecodePage(v.Data); err == nil {
				again = p.Encode()
			}
		case "piece":
			var p Piece
			if p, err = DecodePiece(v.Data); err == nil {
				again = p.Encode()
			}
		default:
			t.Fatalf("type %q", v.Input("type"))
		}
		switch {
		case v.Expect == "ok" && (err != nil || !bytes.Equal(again, v.Data)):
			t.Errorf("read: %v, and written again as %x", err, again)
		case v.Expect == "account" && !errors.Is(err, ErrAccount):
			t.Errorf("%v, not refused as no account", err)
		}
	})
}

func TestTooMuchIsRefused(t *testing.T) {
	a := example()
	a.Orgs[0].Devices = make([]keys.PublicKey, MaxDevices+1)
	for i := range a.Orgs[0].Devices {
		a.Orgs[0].Devices[i] = keys.PublicKey{1, byte(i), byte(i >> 8)}
	}
	if _, err := Decode(a.Encode()); !errors.Is(err, ErrAccount) {
		t.Errorf("%d devices: %v", len(a.Orgs[0].Devices), err)
	}
	a = example()
	for i := range MaxOrgs + 1 {
		o := a.Orgs[0]
		o.Org = keys.OrgID{2, byte(i >> 8), byte(i), 1}
		a.Orgs = append(a.Orgs, o)
	}
	a.Orgs = a.Orgs[2:]
	if _, err := Decode(a.Encode()); !errors.Is(err, ErrAccount) {
		t.Errorf("%d organizations: %v", len(a.Orgs), err)
	}
	a.Orgs = a.Orgs[:MaxOrgs]
	if _, err := Decode(a.Encode()); err != nil {
		t.Errorf("%d organizations: %v", len(a.Orgs), err)
	}
	p := Page{Org: keys.OrgID{1}}
	for range PageEntries {
		p.Entries = append(p.Entries, make([]byte, membership.MaxEntry))
	}
	if _, err := DecodePage(p.Encode()); err != nil {
		t.Errorf("the largest page: %v", err)
	}
	p.Entries = append(p.Entries, []byte{1})
	if _, err := DecodePage(p.Encode()); !errors.Is(err, ErrAccount) {
		t.Errorf("%d entries: %v", len(p.Entries), err)
	}
	for _, size := range []int{MaxAccount + 1, MaxPage + 1, MaxPiece + 1} {
		_, errA := Decode(make([]byte, size))
		_, errP := DecodePage(make([]byte, size))
		_, errC := DecodePiece(make([]byte, size))
		if !errors.Is(errA, ErrAccount) || !errors.Is(errP, ErrAccount) || !errors.Is(errC, ErrAccount) {
			t.Errorf("%d bytes: %v, %v, %v", size, errA, errP, errC)
		}
	}
	largest := Piece{Author: key(1), Nonce: [16]byte{1}, Index: MaxChunks - 1, Data: make([]byte, ChunkSize)}
	if _, err := DecodePiece(largest.Encode()); err != nil {
		t.Errorf("the largest piece: %v", err)
	}
	largest.Data = append(largest.Data, 1)
	if _, err := DecodePiece(largest.Encode()); !errors.Is(err, ErrAccount) {
		t.Errorf("a piece that is too long: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range cases() {
		f.Add(v.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := Decode(data); err == nil && !bytes.Equal(a.Encode(), data) {
			t.Errorf("account %x is written %x", data, a.Encode())
		}
		if p, err := DecodePage(data); err == nil && !bytes.Equal(p.Encode(), data) {
			t.Errorf("page %x is written %x", data, p.Encode())
		}
		if p, err := DecodePiece(data); err == nil && !bytes.Equal(p.Encode(), data) {
			t.Errorf("piece %x is written %x", data, p.Encode())
		}
	})
}
