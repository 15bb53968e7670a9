package cpace

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gtank/ristretto255"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%x, want\n%x", what, got, want)
	}
}

// draftInput is that of the draft's appendix B.3.1.
func draftInput(t testing.TB) Input {
	return Input{
		Secret: []byte("Password"), Context: []byte("\x0bA_initiator\x0bB_responder"),
		Session: unhex(t, "7e4b4791d6a8ef019b936c79fb7f2c57"),
	}
}

// TestDraftVectors goes through appendix B.3 of draft-irtf-cfrg-cpace-21.
func TestDraftVectors(t *testing.T) {
	in := draftInput(t)
	equal(t, "the generator string", generatorString(in), unhex(t, `
		11435061636552697374726574746f3235350850617373776f726464
		00000000000000000000000000000000000000000000000000000000
		00000000000000000000000000000000000000000000000000000000
		00000000000000000000000000000000000000000000000000000000
		00000000000000000000000000000000180b415f696e69746961746f
		720b425f726573706f6e646572107e4b4791d6a8ef019b936c79fb7f
		2c57`))
	equal(t, "the generator", generator(in).Bytes(), unhex(t, "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56"))

	a := start([32]byte(unhex(t, "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08")), true, in, []byte("ADa"))
	b := start([32]byte(unhex(t, "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d")), false, in, []byte("ADb"))
	shareA, shareB := a.Share(), b.Share()
	equal(t, "A's share", shareA[:], unhex(t, "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157"))
	equal(t, "B's share", shareB[:], unhex(t, "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258"))
	for _, side := range []struct {
		run   *Run
		other [ShareSize]byte
	}{{a, shareB}, {b, shareA}} {
		point, err := multiply(side.run.scalar, side.other)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the secret point", point[:], unhex(t, "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f"))
	}
	isk := unhex(t, `
		b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dc
		ae7b35cd2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c
		3fa2068af7900447`)
	ofA, err := a.Finish(shareB, []byte("ADb"))
	if err != nil {
		t.Fatal(err)
	}
	ofB, err := b.Finish(shareA, []byte("ADa"))
	if err != nil {
		t.Fatal(err)
	}
	keyA, keyB := ofA.Key(), ofB.Key()
	equal(t, "A's key", keyA[:], isk)
	equal(t, "B's key", keyB[:], isk)
	if err := errors.Join(ofA.Confirm(ofB.Tag()), ofB.Confirm(ofA.Tag())); err != nil {
		t.Error(err)
	}
	if ofA.Confirm(ofA.Tag()) == nil {
		t.Error("a confirmation that comes back is taken for the other side's")
	}
}

// TestMultiplication goes through B.3.10 and B.3.11: what is no point, and the neutral element, end the run.
func TestMultiplication(t *testing.T) {
	scalar, err := ristretto255.NewScalar().SetCanonicalBytes(unhex(t, "7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05"))
	if err != nil {
		t.Fatal(err)
	}
	point, err := multiply(scalar, [32]byte(unhex(t, "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c")))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the product", point[:], unhex(t, "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e"))
	for what, bad := range map[string]string{
		"no point":            "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c",
		"the neutral element": strings.Repeat("00", 32),
		"all ones":            strings.Repeat("ff", 32),
	} {
		if _, err := multiply(scalar, [32]byte(unhex(t, bad))); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v, want ErrShare", what, err)
		}
		run := start([32]byte{1}, true, draftInput(t), nil)
		if s, err := run.Finish([32]byte(unhex(t, bad)), nil); !errors.Is(err, ErrShare) || s != nil {
			t.Errorf("a run with %s ends with %v, %v", what, s, err)
		}
	}
}

// TestWhatMustAgree changes one thing at a time, and nobody confirms the other.
func TestWhatMustAgree(t *testing.T) {
	for what, change := range map[string]func(in *Input, data *[]byte, share *[ShareSize]byte, initiator *bool){
		"the secret":          func(in *Input, _ *[]byte, _ *[ShareSize]byte, _ *bool) { in.Secret = []byte("password") },
		"the context":         func(in *Input, _ *[]byte, _ *[ShareSize]byte, _ *bool) { in.Context = nil },
		"the session":         func(in *Input, _ *[]byte, _ *[ShareSize]byte, _ *bool) { in.Session = []byte("other") },
		"what the other says": func(_ *Input, data *[]byte, _ *[ShareSize]byte, _ *bool) { *data = []byte("ADx") },
		"the roles":           func(_ *Input, _ *[]byte, _ *[ShareSize]byte, initiator *bool) { *initiator = true },
		"the share": func(_ *Input, _ *[]byte, share *[ShareSize]byte, _ *bool) {
			copy(share[:], ristretto255.NewGeneratorElement().Bytes())
		},
	} {
		in, data, initiator := draftInput(t), []byte("ADa"), false
		a := start([32]byte{5}, true, draftInput(t), []byte("ADa"))
		share := a.Share()
		change(&in, &data, &share, &initiator)
		b := start([32]byte{7}, initiator, in, []byte("ADb"))
		ofA, errA := a.Finish(b.Share(), []byte("ADb"))
		ofB, errB := b.Finish(share, data)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if ofA.Key() == ofB.Key() || ofA.Confirm(ofB.Tag()) == nil || ofB.Confirm(ofA.Tag()) == nil {
			t.Errorf("%s: the two differ and agree all the same", what)
		}
	}
}

func TestPrefixed(t *testing.T) {
	for n, want := range map[int]string{0: "00", 1: "01", 127: "7f", 128: "8001", 300: "ac02", 1 << 14: "808001"} {
		got := prefixed(nil, make([]byte, n))
		equal(t, fmt.Sprintf("the length %d", n), got[:len(got)-n], unhex(t, want))
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	run := start([32]byte{9}, true, draftInput(t), nil)
	s, err := run.Finish(start([32]byte{8}, false, draftInput(t), nil).Share(), nil)
	if err != nil {
		t.Fatal(err)
	}
	key := s.Key()
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", run, run, run, run), fmt.Sprintf("%v %+v %#v %s", s, s, s, s)} {
		if strings.Contains(text, fmt.Sprint(key[0], " ", key[1])) || !strings.Contains(text, "[cpace ") {
			t.Errorf("it prints as %s", text)
		}
	}
}

// FuzzShare: any share ends a run in ErrShare, or in a key that confirms only itself.
func FuzzShare(f *testing.F) {
	f.Add(make([]byte, ShareSize), []byte("ADb"))
	f.Add(ristretto255.NewGeneratorElement().Bytes(), []byte{})
	f.Fuzz(func(t *testing.T, share, data []byte) {
		if len(share) != ShareSize {
			return
		}
		run := start([32]byte{3}, true, draftInput(t), []byte("ADa"))
		s, err := run.Finish([ShareSize]byte(share), data)
		if err != nil {
			if !errors.Is(err, ErrShare) {
				t.Error(err)
			}
			return
		}
		if point, err := ristretto255.NewIdentityElement().SetCanonicalBytes(share); err != nil || point.Equal(ristretto255.NewIdentityElement()) == 1 {
			t.Errorf("%x counts as a point", share)
		}
		if s.Confirm([TagSize]byte{}) == nil {
			t.Error("no confirmation is one")
		}
	})
}
