package envelope

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// archive is an organization's archive with its private key.
type archive struct {
	service keys.PublicKey
	private ArchivePrivate
	key     ArchiveKey
	opener  ArchiveOpener
}

func (w *world) archive(t testing.TB) archive {
	t.Helper()
	a := archive{service: keys.FromSeed(w.bytes(t)).Public()}
	var err error
	if a.private, err = GenerateArchiveKey(w.random); err != nil {
		t.Fatal(err)
	}
	if a.key, err = NewArchiveKey(w.org, a.service, a.private.Public()); err != nil {
		t.Fatal(err)
	}
	if a.opener, err = a.private.For(w.org, a.service); err != nil {
		t.Fatal(err)
	}
	return a
}

// announce is alice's announcement of a chain to an archive.
func (a archive) announce(t testing.TB, w *world, c *Chain) Envelope {
	t.Helper()
	e, err := c.Announce(w.random, w.alice.device, a.key.Prekey(), c.metaAt())
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

// attest is bob's attestation.
func (a archive) attest(t testing.TB, w *world, seen ...Attested) Envelope {
	t.Helper()
	e, err := SealAttestation(w.random, w.bob.device, a.key, seen, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

// vector is what the archive's reader has.
func (a archive) vector(w *world, e Envelope) vector {
	return vector{data: e.Bytes(), inputs: [][2]string{inputID("org", w.org), inputID("service", a.service), {"key", a.private.Text()}}}
}

// forgedAttestation is an attestation of bob's whose sealer keeps to no rule.
type forgedAttestation struct {
	body   func(*Attestation)
	signer keys.PrivateKey
	domain keys.Domain
	header func(*Header)
}

func (a archive) forge(t testing.TB, w *world, f forgedAttestation) Envelope {
	t.Helper()
	body := Attestation{Org: w.org, Device: w.bob.key(), Seen: []Attested{{Envelope: keys.EnvelopeID{1}}, {Envelope: keys.EnvelopeID{2}}}}
	header, err := newHeader(w.random, Header{Kind: KindAttestation, Sender: w.bob.key()}, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	if f.body != nil {
		f.body(&body)
	}
	if f.header != nil {
		f.header(&header)
	}
	if f.signer.IsZero() {
		f.signer = w.bob.device
	}
	if f.domain == "" {
		f.domain = keys.DomainAttestation
	}
	return a.shut(t, w, header, wire.Encode(body), f.signer, f.domain)
}

// shut signs and seals bytes as an attestation's.
func (a archive) shut(t testing.TB, w *world, header Header, body []byte, signer keys.PrivateKey, domain keys.Domain) Envelope {
	t.Helper()
	signed := wire.Encode(signedWire{Body: body, Signature: signer.Sign(domain, w.org, body)})
	encoded := wire.Encode(header)
	info := hpkeInfo(keys.DomainAttestation, w.org, keys.ChainID{}, header.Sender, a.key.prekey)
	sealed, err := hpkeSeal(a.key.prekey.public, info, encoded, pad(signed, paddedSize(4+len(signed))))
	if err != nil {
		t.Fatal(err)
	}
	id := a.key.ID()
	return newEnvelope(header, encoded, append(id[:], sealed...))
}

func attestationForged(f forgedAttestation) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		a := w.archive(t)
		return a.vector(w, a.forge(t, w, f))
	}
}

var archiveMakers = []vectorMaker{
	{"archive_announce", "ok", "[ARC-2]", "a chain announced to the archive", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		e := a.announce(t, w, w.chain(t))
		in, err := a.opener.Announce(e)
		if err != nil {
			t.Fatal(err)
		}
		v := a.vector(w, e)
		v.inputs = append(v.inputs, input("inbound", in.Marshal()))
		return v
	}},
	{"archive_device", "prekey", "[ARC-2]", "a chain announced to a device, shown to the archive", func(t *testing.T, w *world) vector {
		return w.archive(t).vector(w, w.announce(t, w.chain(t), w.bob))
	}},
	{"archive_other", "prekey", "[ARC-1]", "a chain announced to the archive of another service with the same key", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		e := a.announce(t, w, w.chain(t))
		a.service = w.carol.key()
		return a.vector(w, e)
	}},
	{"archive_domain", "signature", "[ARC-2]", "an announcement to the archive signed as one to a device", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		c := w.chain(t)
		e := a.announce(t, w, c)
		body := wire.Encode(announceBody{Org: c.org, Members: c.place.Members, Chain: c.id, Anchor: c.anchor, Position: c.next, Key: c.key, Prekey: a.key.ID()})
		signed := wire.Encode(signedWire{Body: body, Signature: w.alice.device.Sign(keys.DomainAnnounce, w.org, body)})
		info := hpkeInfo(keys.DomainArchive, w.org, c.id, c.sender, a.key.prekey)
		sealed, err := hpkeSeal(a.key.prekey.public, info, e.Header, pad(signed, paddedSize(4+len(signed))))
		if err != nil {
			t.Fatal(err)
		}
		id := a.key.ID()
		return a.vector(w, newEnvelope(e.parsed, e.Header, append(id[:], sealed...)))
	}},
	{"attestation_ok", "ok", "[ARC-5]", "a device opened two envelopes", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		v := a.vector(w, a.attest(t, w, Attested{Envelope: keys.EnvelopeID{2}, Content: keys.ContentID{3}}, Attested{Envelope: keys.EnvelopeID{1}}))
		v.inputs = append(v.inputs, inputID("envelope", keys.EnvelopeID{1}), inputID("content", keys.ContentID{}),
			inputID("envelope", keys.EnvelopeID{2}), inputID("content", keys.ContentID{3}))
		return v
	}},
	{"attestation_none", "malformed", "[ARC-5]", "of no envelope", attestationForged(forgedAttestation{body: func(a *Attestation) { a.Seen = []Attested{} }})},
	{"attestation_order", "malformed", "[ARC-5]", "envelopes out of order", attestationForged(forgedAttestation{
		body: func(a *Attestation) { a.Seen[0], a.Seen[1] = a.Seen[1], a.Seen[0] },
	})},
	{"attestation_twice", "malformed", "[ARC-5]", "an envelope twice", attestationForged(forgedAttestation{
		body: func(a *Attestation) { a.Seen[1] = a.Seen[0] },
	})},
	{"attestation_device", "binding", "[ARC-5]", "of another device than its sender", attestationForged(forgedAttestation{
		body: func(a *Attestation) { a.Device = keys.PublicKey{7} },
	})},
	{"attestation_org", "binding", "[ARC-5]", "in another organization", attestationForged(forgedAttestation{
		body: func(a *Attestation) { a.Org = keys.OrgID{7} },
	})},
	{"attestation_signer", "signature", "[ARC-5]", "signed by another device", attestationForged(forgedAttestation{signer: keys.FromSeed([32]byte{7})})},
	{"attestation_domain", "signature", "[ARC-5]", "signed as a receipt", attestationForged(forgedAttestation{domain: keys.DomainReceipt})},
	{"attestation_other", "prekey", "[ARC-6]", "for another archive", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		e := a.attest(t, w, Attested{})
		return w.archive(t).vector(w, e)
	}},
	{"parse_attestationleave", "malformed", "[ENV-5]", "an attestation with the leave of a group", func(t *testing.T, w *world) vector {
		e := w.archive(t).forge(t, w, forgedAttestation{header: claim(LeaveGroup, w.group)})
		return vector{inputs: [][2]string{{"max", "1048576"}}, data: e.Bytes()}
	}},
	{"parse_attestationchain", "malformed", "[ENV-5]", "an attestation with a chain", func(t *testing.T, w *world) vector {
		e := w.archive(t).forge(t, w, forgedAttestation{header: func(h *Header) { h.Chain = keys.ChainID{1} }})
		return vector{inputs: [][2]string{{"max", "1048576"}}, data: e.Bytes()}
	}},
	{"archivekey_ok", "ok", "[ARC-7]", "a private key's file", func(t *testing.T, w *world) vector {
		a := w.archive(t)
		return vector{inputs: [][2]string{input("public", a.private.Public())}, data: a.private.File()}
	}},
	{"archivekey_checksum", "malformed", "[ARC-7]", "a letter is another", func(t *testing.T, w *world) vector {
		text := []byte(w.archive(t).private.Text())
		if text[30] == 'Q' {
			text[30] = 'P'
		} else {
			text[30] = 'Q'
		}
		return vector{data: text}
	}},
	{"archivekey_case", "malformed", "[ARC-7]", "small and large letters", func(t *testing.T, w *world) vector {
		text := []byte(w.archive(t).private.Text())
		text[0] = 'a'
		return vector{data: text}
	}},
	{"archivekey_two", "malformed", "[ARC-7]", "two keys in a file", func(t *testing.T, w *world) vector {
		text := w.archive(t).private.Text() + "\n"
		return vector{data: []byte(text + text)}
	}},
	{"archivekey_none", "malformed", "[ARC-7]", "no key in a file", func(*testing.T, *world) vector { return vector{data: []byte("# nothing\n")} }},
	{"archivekey_short", "malformed", "[ARC-7]", "a seed of 31 bytes", func(*testing.T, *world) vector {
		return vector{data: []byte(bech32Encode(archivePrivatePrefix, make([]byte, 31)))}
	}},
}

func init() {
	opener := func(in *inputs) ArchiveOpener {
		org, service := keys.OrgID(in.id("org")), keys.PublicKey(in.id("service"))
		private, err := ParseArchivePrivate([]byte(in.next("key")))
		if err != nil {
			in.t.Fatal(err)
		}
		o, err := private.For(org, service)
		if err != nil {
			in.t.Fatal(err)
		}
		return o
	}
	groups["archive"] = func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		inbound, err := opener(in).Announce(e)
		if err != nil {
			return err
		}
		in.want("inbound", inbound.Marshal())
		return nil
	}
	groups["attestation"] = func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		a, err := opener(in).Attestation(e)
		if err != nil {
			return err
		}
		for _, seen := range a.Seen {
			in.want("envelope", seen.Envelope[:])
			in.want("content", seen.Content[:])
		}
		return nil
	}
	groups["archivekey"] = func(in *inputs, data []byte) error {
		private, err := ParseArchivePrivate(data)
		if err != nil {
			return err
		}
		in.want("public", private.Public())
		return nil
	}
}
