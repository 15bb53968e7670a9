package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"strconv"
	"strings"
	"testing"

	"github.com/mr-tron/base58"

	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// The layers that refuse a vector of this spec.
const (
	layerText      = "text"
	layerSignature = "signature"
	layerWords     = "words"
)

func TestVectors(t *testing.T) {
	cases := make(map[string]vector.Vector)
	addTexts(cases)
	addHashes(cases)
	addSignatures(cases)
	addRecovery(cases)
	addBackup(cases)
	vector.Run(t, "../../docs/spec/testdata/keys", *update, cases, func(t *testing.T, v vector.Vector) {
		switch v.Input("kind") {
		case "peer":
			id, err := ParsePublicKey(unquoted(t, v))
			checkText(t, v, id[:], id.String(), err)
		case "id":
			id, err := ParseID[Org](unquoted(t, v))
			checkText(t, v, id[:], id.String(), err)
		case "hash":
			checkHash(t, v)
		case "signature":
			checkSignature(t, v)
		case "words":
			checkWords(t, v)
		case "series":
			checkSeries(t, v)
		case "backup":
			checkBackup(t, v)
		default:
			t.Fatalf("unknown kind %q", v.Input("kind"))
		}
	})
}

// addTexts makes the cases of text forms. The text is quoted as in JSON.
func addTexts(cases map[string]vector.Vector) {
	key, id := seeded(1).Public(), Hash[Org](DomainOrg, []byte("founding event"))
	add := func(name, kind, rule, expect, comment, text string, data []byte) {
		cases[name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment,
			Inputs: []string{"kind: " + kind, "text: " + strconv.Quote(text)}, Data: data}
	}
	peer := func(name, comment, text string) { add("peer_"+name, "peer", "[KEY-1]", layerText, comment, text, nil) }
	ident := func(name, comment, text string) { add("id_"+name, "id", "[KEY-2]", layerText, comment, text, nil) }
	text := key.String()
	add("peer_ok", "peer", "[KEY-1]", "ok", "the key of the seed of 32 bytes 01", text, key[:])
	peer("empty", "no text", "")
	peer("cut", "the last character is missing", text[:51])
	peer("long", "one character more", text+"1")
	peer("alphabet", "a zero, which base58 does not have", text[:51]+"0")
	peer("secp256k1", "a key of another kind in as many bytes",
		base58.Encode(append([]byte{0x00, 0x24, 0x08, 0x02, 0x12, 0x20}, key[:]...)))
	text = id.String()
	add("id_ok", "id", "[KEY-2]", "ok", "an identifier", text, id[:])
	add("id_ok_zero", "id", "[KEY-2]", "ok", "the zero identifier, which names nothing", OrgID{}.String(), make([]byte, IDSize))
	ident("upper_case", "upper case", strings.ToUpper(text))
	ident("cut", "the last character is missing", text[:51])
	ident("long", "one character more", text+"a")
	ident("padded", "padding", text[:51]+"=")
	ident("newline", "a line break in the middle", text[:25]+"\n"+text[26:])
	ident("stray_bits", "bits beyond the 256th are set", strings.Repeat("a", 51)+"b")
}

func unquoted(t *testing.T, v vector.Vector) string {
	t.Helper()
	text, err := strconv.Unquote(v.Input("text"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkText(t *testing.T, v vector.Vector, data []byte, written string, err error) {
	t.Helper()
	if v.Expect != "ok" {
		if err == nil {
			t.Errorf("read as %x", data)
		}
		return
	}
	if err != nil || !bytes.Equal(data, v.Data) || written != unquoted(t, v) {
		t.Errorf("read as %x, written %q, %v", data, written, err)
	}
}

func addHashes(cases map[string]vector.Vector) {
	for name, parts := range map[string][]string{"no_part": {}, "empty_part": {""}, "two_parts": {"a", "bc"}, "moved_border": {"ab", "c"}} {
		var raw [][]byte
		var shown []string
		for _, part := range parts {
			raw, shown = append(raw, []byte(part)), append(shown, "<"+hex.EncodeToString([]byte(part))+">")
		}
		id := Hash[Org](DomainOrg, raw...)
		cases["hash_"+name] = vector.Vector{Expect: "ok", Rule: "[KEY-4]", Comment: "the hash of these parts under the domain",
			Inputs: []string{"kind: hash", "domain: " + string(DomainOrg), "parts: " + strings.Join(append(shown, "end"), " ")}, Data: id[:]}
	}
}

func checkHash(t *testing.T, v vector.Vector) {
	var parts [][]byte
	for field := range strings.FieldsSeq(v.Input("parts")) {
		if field != "end" {
			parts = append(parts, decoded(t, strings.Trim(field, "<>")))
		}
	}
	if id := Hash[Org](Domain(v.Input("domain")), parts...); !bytes.Equal(id[:], v.Data) {
		t.Errorf("the hash is %x", id)
	}
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func addSignatures(cases map[string]vector.Vector) {
	org, body := Hash[Org](DomainOrg, []byte("founding event")), []byte("body")
	add := func(name, expect, comment string, key PublicKey, domain Domain, org OrgID, body []byte, signature Signature) {
		cases["signature_"+name] = vector.Vector{Expect: expect, Rule: "[KEY-5]", Comment: comment, Inputs: []string{
			"kind: signature", "key: " + hex.EncodeToString(key[:]), "domain: " + string(domain),
			"org: " + hex.EncodeToString(org[:]), "body: " + hex.EncodeToString(body),
		}, Data: signature[:]}
	}
	signer := seeded(1)
	key, good := signer.Public(), signer.Sign(DomainEvent, org, body)
	add("ok", "ok", "by the seed of 32 bytes 01", key, DomainEvent, org, body, good)
	add("ok_no_org", "ok", "the zero organization stands for none", key, DomainOrg, OrgID{}, body, signer.Sign(DomainOrg, OrgID{}, body))
	add("other_domain", layerSignature, "made for another domain", key, DomainGrant, org, body, good)
	add("other_org", layerSignature, "made for another organization", key, DomainEvent, OrgID{}, body, good)
	add("other_body", layerSignature, "made for another body", key, DomainEvent, org, []byte("bodx"), good)
	add("other_key", layerSignature, "made by another key", seeded(2).Public(), DomainEvent, org, body, good)
	bare := good
	copy(bare[:], ed25519.Sign(signer.Standard(), body))
	add("bare", layerSignature, "a signature of the body alone", key, DomainEvent, org, body, bare)
	zero := PublicKey{}
	forged, _ := forge(zero, DomainEvent, org, body)
	add("small_order", layerSignature, "plain Ed25519 accepts this forgery for the zero key, which has small order",
		zero, DomainEvent, org, body, forged)
}

func checkSignature(t *testing.T, v vector.Vector) {
	key, org := PublicKey(decoded(t, v.Input("key"))), OrgID(decoded(t, v.Input("org")))
	err := key.Verify(Domain(v.Input("domain")), org, decoded(t, v.Input("body")), Signature(v.Data))
	if v.Expect == "ok" && err != nil || v.Expect != "ok" && !errors.Is(err, ErrSignature) {
		t.Errorf("got %v, want %s", err, v.Expect)
	}
}

func addRecovery(cases map[string]vector.Vector) {
	seed := RecoverySeed([]byte(knownEntropy))
	words := func(name, expect, comment, text string, data []byte) {
		cases["words_"+name] = vector.Vector{Expect: expect, Rule: "[KEY-6]", Comment: comment,
			Inputs: []string{"kind: words", "text: " + strconv.Quote(text)}, Data: data}
	}
	list := strings.Fields(knownWords)
	words("ok", "ok", "24 words of the English list", knownWords, seed[:])
	words("swapped", layerWords, "two words are swapped", strings.Join(append([]string{list[1], list[0]}, list[2:]...), " "), nil)
	words("missing", layerWords, "23 words", strings.Join(list[:23], " "), nil)
	words("unknown", layerWords, "a word that is not on the list", strings.Replace(knownWords, "camp", "champ", 1), nil)
	for _, index := range []uint32{0, 1, 1<<32 - 1} {
		key := seed.Key(index).Public()
		cases["series_"+strconv.FormatUint(uint64(index), 10)] = vector.Vector{Expect: "ok", Rule: "[KEY-7]",
			Comment: "the public recovery key of this number",
			Inputs:  []string{"kind: series", "seed: " + hex.EncodeToString(seed[:]), "number: " + strconv.FormatUint(uint64(index), 10)},
			Data:    key[:]}
	}
}

func checkWords(t *testing.T, v vector.Vector) {
	seed, err := ParseWords(unquoted(t, v))
	if v.Expect != "ok" {
		if !errors.Is(err, ErrWords) {
			t.Errorf("got %v, want ErrWords", err)
		}
		return
	}
	if err != nil || !bytes.Equal(seed[:], v.Data) {
		t.Errorf("read as %x, %v", seed[:], err)
	}
}

func checkSeries(t *testing.T, v vector.Vector) {
	number, err := strconv.ParseUint(v.Input("number"), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	if key := RecoverySeed(decoded(t, v.Input("seed"))).Key(uint32(number)).Public(); !bytes.Equal(key[:], v.Data) {
		t.Errorf("the key is %x", key)
	}
}
