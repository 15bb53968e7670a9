package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// What is sealed on a chain after it was announced to the archive opens with the offline key, and nothing before. [ARC-2]
func TestArchiveOpensAChainFromWhereItWasTold(t *testing.T) {
	w := newWorld(t, "archive")
	a := w.archive(t)
	for _, place := range []Place{Among(w.alice.member, w.bob.member), InGroup(w.group), AtDesk(w.alice.member)} {
		c := w.chainAt(t, place)
		var line Line
		before := w.seal(t, c, &line, "before")
		in, err := a.opener.Announce(a.announce(t, w, c))
		if err != nil {
			t.Fatal(err)
		}
		if !in.Place().Equal(place) || in.Sender() != w.alice.key() || in.Start() != 2 {
			t.Errorf("%+v of %s from %d", in.Place(), in.Sender().Short(), in.Start())
		}
		if _, err := in.Open(before); !errors.Is(err, ErrBefore) {
			t.Errorf("what was sealed before opens: %v", err)
		}
		for i := range 3 {
			opened, err := in.Open(w.seal(t, c, &line, fmt.Sprint("after ", i)))
			if err != nil || string(opened.Content.Body) != fmt.Sprint("after ", i) {
				t.Fatalf("%q, %v", opened.Content.Body, err)
			}
		}
	}
}

// A device does not take what is announced to the archive for its own, and the archive not what is announced to a device. [ARC-2]
func TestArchiveAndDevicesDoNotTakeEachOthers(t *testing.T) {
	w := newWorld(t, "archive apart")
	a := w.archive(t)
	c := w.chain(t)
	if _, err := w.openAnnounce(a.announce(t, w, c), w.bob); !errors.Is(err, ErrPrekey) {
		t.Errorf("a device: %v", err)
	}
	if _, err := a.opener.Announce(w.announce(t, c, w.bob)); !errors.Is(err, ErrPrekey) {
		t.Errorf("the archive: %v", err)
	}
	if other := w.archive(t); other.key.ID() == a.key.ID() {
		t.Error("two archives with one id")
	}
}

// An introduction and a report open with the offline key where the archive has a slot, and nowhere else. What names their
// content is what their receiver names. [ARC-3] [ARC-5]
func TestArchiveOpensIntroductionsAndReports(t *testing.T) {
	w := newWorld(t, "archive slots")
	a := w.archive(t)
	without, err := SealIntroduction(w.random, w.alice.device, w.introduction("hello"), []Prekey{w.bob.prekey}, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.opener.Introduction(without); !errors.Is(err, ErrPrekey) {
		t.Errorf("without a slot: %v", err)
	}
	with, err := SealIntroduction(w.random, w.alice.device, w.introduction("hello"), []Prekey{w.bob.prekey, a.key.Prekey()}, testMeta)
	if err != nil || len(with.Bytes()) != len(without.Bytes()) {
		t.Fatalf("%d bytes with the archive, %d without: %v", len(with.Bytes()), len(without.Bytes()), err)
	}
	got, id, err := a.opener.Introduction(reparse(t, with))
	there, errThere := OpenIntroduction(with, w.org, w.bob.key(), []PrekeyPrivate{w.bob.private}, w.memberOf)
	if err != nil || errThere != nil || got.Text != "hello" || id != there.ContentID() || id.IsZero() {
		t.Errorf("%q %v %v", got.Text, err, errThere)
	}
	if other := w.introduction("hallo"); other.ContentID() == id {
		t.Error("another text with the same id")
	}

	sealed, err := SealReport(w.random, w.alice.device, w.complaint(t), []Prekey{w.bob.prekey, a.key.Prekey()}, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	report, id, err := a.opener.Report(reparse(t, sealed))
	toBob, errBob := OpenReport(sealed, w.org, w.bob.key(), []PrekeyPrivate{w.bob.private}, w.memberOf)
	if err != nil || errBob != nil || len(report.Messages) == 0 || id != toBob.ContentID() {
		t.Errorf("%v %v", err, errBob)
	}
}

// The opener of one kind refuses the others. [ARC-2] [ARC-3] [ARC-6]
func TestArchiveOpenerRefusesOtherKinds(t *testing.T) {
	w := newWorld(t, "archive kinds")
	a := w.archive(t)
	announced, attested := a.announce(t, w, w.chain(t)), a.attest(t, w, Attested{})
	for what, err := range map[string]error{
		"announce":     second(a.opener.Announce(attested)),
		"attestation":  second(a.opener.Attestation(announced)),
		"introduction": third(a.opener.Introduction(announced)),
		"report":       third(a.opener.Report(announced)),
	} {
		if !errors.Is(err, ErrKind) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// The archive's keys are read as they are written, and print as nothing. [ARC-7]
func TestArchiveKeyTexts(t *testing.T) {
	w := newWorld(t, "archive text")
	a := w.archive(t)
	kem, err := ParseArchivePublic(" " + FormatArchivePublic(a.private.Public()) + "\n")
	if err != nil || !bytes.Equal(kem, a.private.Public()) {
		t.Error(err)
	}
	if _, err := ParseArchivePublic(a.private.Text()); err == nil || bytes.Contains([]byte(err.Error()), []byte(a.private.Text()[20:40])) {
		t.Errorf("a private key in the place of a public one: %v", err)
	}
	for _, text := range []string{fmt.Sprint(a.private), fmt.Sprintf("%#v", a.private), a.private.LogValue().String()} {
		if text != "[archive key]" {
			t.Errorf("it prints as %q", text)
		}
	}
	for _, data := range [][]byte{{}, {0}, {255, 1}, bytes.Repeat([]byte{0xa5}, 33)} {
		if got, err := bech32Decode("x", bech32Encode("x", data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%x: %x, %v", data, got, err)
		}
	}
}

// Of two entries about an envelope the first counts, and too many are refused. [ARC-5]
func TestAttestationBounds(t *testing.T) {
	w := newWorld(t, "attestation bounds")
	a := w.archive(t)
	got, err := a.opener.Attestation(a.attest(t, w, Attested{Content: keys.ContentID{1}}, Attested{Content: keys.ContentID{2}}))
	if err != nil || len(got.Seen) != 1 || got.Seen[0].Content != (keys.ContentID{1}) {
		t.Errorf("%+v, %v", got, err)
	}
	many := make([]Attested, MaxAttested+1)
	for i := range many {
		many[i].Envelope = keys.EnvelopeID{byte(i), byte(i >> 8)}
	}
	if _, err := SealAttestation(w.random, w.bob.device, a.key, many, testMeta); !errors.Is(err, ErrMalformed) {
		t.Errorf("%d: %v", len(many), err)
	}
	if _, err := SealAttestation(w.random, w.bob.device, a.key, many[1:], testMeta); err != nil {
		t.Errorf("%d: %v", MaxAttested, err)
	}
}

// FuzzAttestation is what the HPKE ciphertext of an attestation holds, and signs it.
func FuzzAttestation(f *testing.F) {
	w := newWorld(f, "fuzz attestation")
	a := w.archive(f)
	header := a.attest(f, w, Attested{}).ParsedHeader()
	f.Add(wire.Encode(Attestation{Org: w.org, Device: w.bob.key(), Seen: []Attested{{Envelope: keys.EnvelopeID{1}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := a.opener.Attestation(a.shut(t, w, header, data, w.bob.device, keys.DomainAttestation))
		if err == nil && !bytes.Equal(wire.Encode(got), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

// FuzzArchiveText: what is read as a key is written again as the same text.
func FuzzArchiveText(f *testing.F) {
	w := newWorld(f, "fuzz archive text")
	a := w.archive(f)
	f.Add(string(a.private.File()))
	f.Add(FormatArchivePublic(a.private.Public()))
	f.Fuzz(func(t *testing.T, text string) {
		if private, err := ParseArchivePrivate([]byte(text)); err == nil {
			if again, err := ParseArchivePrivate(private.File()); err != nil || again.seed != private.seed {
				t.Fatal("read, and not again from what it writes")
			}
		}
		if data, err := bech32Decode("age1pq", text); err == nil && bech32Encode("age1pq", data) != lower(text) {
			t.Fatal("read, and written otherwise")
		}
	})
}

func lower(text string) string { return string(bytes.ToLower([]byte(text))) }
