package vector

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarshalAndParse(t *testing.T) {
	for _, want := range []Vector{
		{Expect: "ok", Rule: "[KEY-1]", Comment: "nothing"},
		{Expect: "decode", Rule: "[WIRE-2]", Comment: "a: b", Inputs: []string{"type: x", "text: a: b"},
			Data: bytes.Repeat([]byte{0xab}, 2*lineBytes+1)},
	} {
		got, err := Parse(want.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Data, got.Data); len(want.Data) > 0 && diff != "" {
			t.Error(diff)
		}
		want.Data, got.Data = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"no blank line": "expect: ok\nrule: [KEY-1]\ncomment: x\n",
		"a wrong order": "rule: [KEY-1]\nexpect: ok\ncomment: x\n\n",
		"no comment":    "expect: ok\nrule: [KEY-1]\n\n",
		"no value":      "expect: ok\nrule: [KEY-1]\ncomment: \n\n",
		"odd hex":       "expect: ok\nrule: [KEY-1]\ncomment: x\n\nabc\n",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v, want ErrForm", name, err)
		}
	}
}

func TestInput(t *testing.T) {
	v := Vector{Inputs: []string{"a: 1", "ab: 2"}}
	if v.Input("a") != "1" || v.Input("ab") != "2" || v.Input("b") != "" {
		t.Errorf("inputs of %v are read wrongly", v.Inputs)
	}
}
