package envelope

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the vectors of the spec anew")

const vectorDir = "../../docs/spec/testdata/envelope"

// vector is one file: what must become of data under the inputs.
type vector struct {
	expect, rule, comment string
	inputs                [][2]string
	data                  []byte
}

// layers names each refusal as the vectors do.
var layers = []struct {
	name string
	err  error
}{
	{"clone", ErrCloned}, {"replay", ErrReplayed}, {"large", ErrTooLarge}, {"kind", ErrKind}, {"prekey", ErrPrekey},
	{"chain", ErrChain}, {"open", ErrOpen}, {"signature", ErrSignature}, {"binding", ErrBinding}, {"member", ErrMember},
	{"expired", ErrExpired}, {"skip", ErrSkipped}, {"before", ErrBefore}, {"text", ErrText}, {"malformed", ErrMalformed},
}

func layerOf(err error) string {
	if err == nil {
		return "ok"
	}
	for _, layer := range layers {
		if errors.Is(err, layer.err) {
			return layer.name
		}
	}
	return err.Error()
}

func (v vector) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "expect: %s\nrule: %s\ncomment: %s\n", v.expect, v.rule, v.comment)
	for _, input := range v.inputs {
		fmt.Fprintf(&b, "%s: %s\n", input[0], input[1])
	}
	b.WriteByte('\n')
	for text := hex.EncodeToString(v.data); text != ""; {
		n := min(100, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

func parseVector(text string) (vector, error) {
	head, body, found := strings.Cut(text, "\n\n")
	if !found {
		return vector{}, errors.New("no blank line")
	}
	var v vector
	for i, line := range strings.Split(head, "\n") {
		key, value, found := strings.Cut(line, ": ")
		if want := []string{"expect", "rule", "comment"}; !found || i < 3 && key != want[i] {
			return vector{}, fmt.Errorf("line %d", i+1)
		}
		v.inputs = append(v.inputs, [2]string{key, value})
	}
	if len(v.inputs) < 3 {
		return vector{}, errors.New("too few lines")
	}
	v.expect, v.rule, v.comment, v.inputs = v.inputs[0][1], v.inputs[1][1], v.inputs[2][1], v.inputs[3:]
	var err error
	v.data, err = hex.DecodeString(strings.ReplaceAll(body, "\n", ""))
	return v, err
}

func readVectors(t testing.TB) map[string]vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorDir, err)
	}
	vectors := make(map[string]vector)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseVector(string(text))
		if err != nil || v.String() != string(text) {
			t.Fatalf("%s is not in the form of a vector: %v", file, err)
		}
		vectors[strings.TrimSuffix(filepath.Base(file), ".txt")] = v
	}
	return vectors
}

// inputs reads the lines of a vector. Each line must be asked for: an unknown one fails.
type inputs struct {
	t    *testing.T
	rest [][2]string
}

// next takes the next line, which must have the key.
func (in *inputs) next(key string) string {
	in.t.Helper()
	if len(in.rest) == 0 || in.rest[0][0] != key {
		in.t.Fatalf("want the input %q, have %v", key, in.rest)
	}
	value := in.rest[0][1]
	in.rest = in.rest[1:]
	return value
}

func (in *inputs) bytes(key string) []byte {
	in.t.Helper()
	raw, err := hex.DecodeString(in.next(key))
	if err != nil {
		in.t.Fatal(err)
	}
	return raw
}

func (in *inputs) id(key string) [32]byte { in.t.Helper(); return [32]byte(in.bytes(key)) }

func (in *inputs) number(key string) int64 {
	in.t.Helper()
	n, err := strconv.ParseInt(in.next(key), 10, 64)
	if err != nil {
		in.t.Fatal(err)
	}
	return n
}

func (in *inputs) private(org keys.OrgID) PrekeyPrivate {
	in.t.Helper()
	raw := in.bytes("prekey")
	var stored prekeyPrivateWire
	var signed signedWire
	var prekey Prekey
	if err := errors.Join(wire.Decode(raw, &stored), wire.Decode(stored.Signed, &signed), wire.Decode(signed.Body, &prekey)); err != nil {
		in.t.Fatal(err)
	}
	private, err := UnmarshalPrekeyPrivate(raw, prekey.Org, prekey.Device)
	if err != nil {
		in.t.Fatal(err)
	}
	return private
}

// members reads the two lines that say which member the sender and the receiver are, and of which group or at whose desk
// they are.
func (in *inputs) members() (members map[keys.PublicKey]keys.MemberID, partOf map[keys.PublicKey][32]byte) {
	in.t.Helper()
	members, partOf = make(map[keys.PublicKey]keys.MemberID), make(map[keys.PublicKey][32]byte)
	for range 2 {
		var ids [3][32]byte
		words := strings.Fields(in.next("member"))
		for i, word := range words {
			raw, err := hex.DecodeString(word)
			if err != nil || i == len(ids) || len(raw) != keys.IDSize {
				in.t.Fatal(words, err)
			}
			ids[i] = [32]byte(raw)
		}
		members[ids[0]], partOf[ids[0]] = ids[1], ids[2]
	}
	return members, partOf
}

// admits answers from those lines.
func (in *inputs) admits() admission {
	in.t.Helper()
	members, partOf := in.members()
	return func(place Place, device keys.PublicKey) bool {
		at := partOf[device]
		return place.Has(members[device]) || at != [32]byte{} && (place.Group == at || place.Guest == at)
	}
}

func (in *inputs) memberOf() MemberOf {
	in.t.Helper()
	members, _ := in.members()
	return func(device keys.PublicKey) (keys.MemberID, bool) { m, ok := members[device]; return m, ok }
}

// want compares an output that a vector of the layer ok states.
func (in *inputs) want(key string, got []byte) {
	in.t.Helper()
	if want := in.bytes(key); !bytes.Equal(want, got) {
		in.t.Errorf("%s: got %x, want %x", key, got, want)
	}
}

// groups runs a vector of each group and returns the error of the layer that refused.
var groups = map[string]func(in *inputs, data []byte) error{
	"schedule": func(in *inputs, data []byte) error {
		key := chainKey(data)
		for _, output := range []struct {
			name string
			key  [keySize]byte
		}{{"anchor", key.anchor()}, {"next", key.next()}, {"message", key.message()}, {"witness", key.message().witness()}} {
			in.want(output.name, output.key[:])
		}
		return nil
	},
	"conversation": func(in *inputs, data []byte) error {
		var members []keys.MemberID
		org := keys.OrgID(in.id("org"))
		for part := range slices.Chunk(data, keys.IDSize) {
			members = append(members, keys.MemberID(part))
		}
		place := Place{Members: members}
		switch in.next("place") {
		case "group":
			place = Place{Group: keys.GroupID(data)}
		case "guest":
			place = AtDesk(members[0])
		}
		if !place.Valid() {
			return fmt.Errorf("%w: place", ErrMalformed)
		}
		id := place.ID(org)
		in.want("id", id[:])
		return nil
	},
	"parse": func(in *inputs, data []byte) error {
		e, err := Parse(data, int(in.number("max")))
		if err != nil {
			return err
		}
		id := e.ID()
		in.want("id", id[:])
		if !bytes.Equal(e.Bytes(), data) {
			in.t.Error("encodes otherwise")
		}
		return nil
	},
	"prekey": func(in *inputs, data []byte) error {
		p, err := OpenPrekey(data, in.id("org"), in.id("device"), time.Unix(in.number("now"), 0))
		if err != nil {
			return err
		}
		in.want("id", p.id[:])
		return nil
	},
	"announce": func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		org, self := keys.OrgID(in.id("org")), keys.PublicKey(in.id("self"))
		inbound, err := OpenAnnounce(e, org, self, lookup(in.private(org)), in.admits())
		if err != nil {
			return err
		}
		in.want("inbound", inbound.Marshal())
		return nil
	},
	"message": func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		inbound, err := UnmarshalInbound(in.bytes("inbound"))
		if err != nil {
			in.t.Fatal(err)
		}
		opened, err := inbound.Open(e)
		if err != nil {
			return err
		}
		in.want("content", opened.ContentBytes)
		in.want("id", opened.ID[:])
		in.want("after", inbound.Marshal())
		return nil
	},
	"introduction": func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		org, self := keys.OrgID(in.id("org")), keys.PublicKey(in.id("self"))
		got, err := OpenIntroduction(e, org, self, []PrekeyPrivate{in.private(org)}, in.memberOf())
		if err != nil {
			return err
		}
		in.want("text", []byte(got.Text))
		return nil
	},
	"report": func(in *inputs, data []byte) error {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			return err
		}
		org, self := keys.OrgID(in.id("org")), keys.PublicKey(in.id("self"))
		got, err := OpenReport(e, org, self, []PrekeyPrivate{in.private(org)}, in.memberOf())
		if err != nil {
			return err
		}
		in.want("text", []byte(got.Text))
		in.want("first", got.Messages[0].Content)
		return nil
	},
	"receipt": func(in *inputs, data []byte) error {
		r, err := OpenReceipt(data, in.id("org"))
		if err != nil {
			return err
		}
		in.want("device", r.Device[:])
		return nil
	},
	"carried": func(in *inputs, data []byte) error {
		org := keys.OrgID(in.id("org"))
		c, err := ParseCarried(data, MaxEnvelope)
		if err != nil {
			return err
		}
		if err := c.Verify(org); err != nil {
			return err
		}
		in.want("id", c.Label.ID[:])
		return nil
	},
	"text": func(_ *inputs, data []byte) error { return CheckText(string(data)) },
	"chain": func(_ *inputs, data []byte) error {
		_, err := UnmarshalChain(data)
		return err
	},
	"inbound": func(_ *inputs, data []byte) error {
		_, err := UnmarshalInbound(data)
		return err
	},
}

// TestVectors checks every vector of the spec; with -update it writes them first.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	vectors := readVectors(t)
	for _, name := range slices.Sorted(maps.Keys(vectors)) {
		t.Run(name, func(t *testing.T) {
			v := vectors[name]
			group, _, _ := strings.Cut(name, "_")
			run, ok := groups[group]
			if !ok {
				t.Fatalf("no group %q", group)
			}
			in := &inputs{t: t, rest: v.inputs}
			if got := layerOf(run(in, v.data)); got != v.expect {
				t.Errorf("got %s, want %s", got, v.expect)
			}
			if v.expect == "ok" && len(in.rest) > 0 {
				t.Errorf("inputs that nobody asked for: %v", in.rest)
			}
		})
	}
}

// Every vector has a maker and every maker a vector: what is in the folder is what -update writes.
func TestVectorsAreAllMade(t *testing.T) {
	var want []string
	for _, m := range allMakers {
		want = append(want, m.name)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(readVectors(t))); !slices.Equal(got, want) {
		t.Errorf("files %v\nmakers %v", got, want)
	}
}
