package membership_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

var update = flag.Bool("update", false, "write the vectors of docs/spec/testdata/roll anew")

const vectorDir = "../docs/spec/testdata/roll"

// vector is a file of docs/spec/testdata/roll: header lines, a blank line, and the bytes under test in hex.
type vector struct {
	name   string // group_case
	header [][2]string
	data   []byte
}

// newVector starts a vector. expect is "ok" or the layer that refuses.
func newVector(name, expect, rule, comment string, data []byte) vector {
	return vector{name: name, header: [][2]string{{"expect", expect}, {"rule", rule}, {"comment", comment}}, data: data}
}

func (v *vector) add(key, value string) { v.header = append(v.header, [2]string{key, value}) }

func (v *vector) format() []byte {
	var out bytes.Buffer
	for _, line := range v.header {
		fmt.Fprintf(&out, "%s: %s\n", line[0], line[1])
	}
	fmt.Fprintf(&out, "\n%x\n", v.data)
	return out.Bytes()
}

// all returns the values of a header key.
func (v *vector) all(key string) []string {
	var values []string
	for _, line := range v.header {
		if line[0] == key {
			values = append(values, line[1])
		}
	}
	return values
}

func (v *vector) get(t *testing.T, key string) string {
	t.Helper()
	values := v.all(key)
	if len(values) != 1 {
		t.Fatalf("%d header lines %q", len(values), key)
	}
	return values[0]
}

func (v *vector) number(t *testing.T, key string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(v.get(t, key), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (v *vector) roll(t *testing.T) *membership.Roll {
	t.Helper()
	org, err := keys.ParseID[keys.Org](v.get(t, "org"))
	if err != nil {
		t.Fatal(err)
	}
	roll := membership.NewRoll(org)
	for i, text := range v.all("entry") {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := membership.ParseEntry(raw)
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if err := roll.Append(entry); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	return roll
}

func (v *vector) proof(t *testing.T) []membership.Hash {
	t.Helper()
	var proof []membership.Hash
	for _, text := range v.all("proof") {
		proof = append(proof, hashOf(t, text))
	}
	return proof
}

func hashOf(t *testing.T, text string) membership.Hash {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 32 {
		t.Fatalf("%q is no hash", text)
	}
	return membership.Hash(raw)
}

// layer says where a refusal happens, as the vectors name it.
func layer(err error) string {
	reason, refused := membership.ReasonOf(err)
	switch {
	case err == nil:
		return "ok"
	case reason == membership.ReasonMalformed, errors.Is(err, membership.ErrInvitation),
		errors.Is(err, membership.ErrCheckpoint):
		return "decode"
	case reason == membership.ReasonSignature, reason == membership.ReasonKey,
		errors.Is(err, membership.ErrCheckpointSignature):
		return "signature"
	case refused:
		return "state"
	case errors.Is(err, membership.ErrProof):
		return "proof"
	}
	return "unknown"
}

// run decodes the vector's bytes with what its group is about.
func (v *vector) run(t *testing.T) error {
	t.Helper()
	group, _, _ := strings.Cut(v.name, "_")
	switch group {
	case "fold":
		return v.runFold(t)
	case "entry":
		_, err := membership.ParseEntry(v.data)
		return err
	case "grant":
		_, err := membership.OpenGrant(v.data, v.roll(t).State(), v.number(t, "heard"))
		return err
	case "invitation":
		_, err := membership.ParseInvitation(string(v.data))
		return err
	case "checkpoint":
		org, errOrg := keys.ParseID[keys.Org](v.get(t, "org"))
		node, errNode := keys.ParsePublicKey(v.get(t, "node"))
		if errOrg != nil || errNode != nil {
			t.Fatal(errOrg, errNode)
		}
		_, err := membership.OpenCheckpoint(v.data, org, node)
		return err
	case "consistency":
		return membership.VerifyConsistency(v.number(t, "old-size"), hashOf(t, v.get(t, "old-root")),
			v.number(t, "size"), membership.Hash(v.data), v.proof(t))
	case "inclusion":
		entry, err := membership.ParseEntry(v.data)
		if err != nil {
			t.Fatal(err)
		}
		return membership.VerifyInclusion(entry, v.number(t, "index"), v.number(t, "size"),
			hashOf(t, v.get(t, "root")), v.proof(t))
	}
	t.Fatalf("no group %q", group)
	return nil
}

// runFold appends the entry to the roll before it and, if it is accepted, compares the root.
func (v *vector) runFold(t *testing.T) error {
	roll := v.roll(t)
	entry, err := membership.ParseEntry(v.data)
	if err == nil {
		err = roll.Append(entry)
	}
	if err != nil {
		return err
	}
	if got := root(t, roll).String(); got != v.get(t, "root") {
		t.Errorf("root %s, want %s", got, v.get(t, "root"))
	}
	return nil
}

// vectors generates all files.
func vectors(t *testing.T) []vector {
	var all []vector
	all = append(all, foldVectors(t)...)
	all = append(all, entryVectors(t)...)
	all = append(all, grantVectors(t)...)
	all = append(all, checkpointVectors()...)
	all = append(all, proofVectors(t)...)
	for _, c := range linkCases(t) {
		expect := "ok"
		if !c.ok {
			expect = "decode"
		}
		all = append(all, newVector("invitation_"+c.name, expect, "[ROLL-62]", c.comment, []byte(c.link)))
	}
	slices.SortFunc(all, func(a, b vector) int { return strings.Compare(a.name, b.name) })
	return all
}

func expectOf(reason membership.Reason) string {
	if reason == 0 {
		return "ok"
	}
	return layer(&membership.Refusal{Reason: reason})
}

func (v *vector) addReason(reason membership.Reason) {
	if reason != 0 {
		v.add("reason", fmt.Sprintf("%d %v", reason, reason))
	}
}

func (v *vector) addRoll(o *membershiptest.Org) {
	v.add("org", o.ID.String())
	for _, entry := range o.Entries {
		v.add("entry", hex.EncodeToString(entry.Marshal()))
	}
}

func foldVectors(t *testing.T) []vector {
	var all []vector
	for _, c := range foldCases() {
		o := membershiptest.New(t, 1)
		entry := c.make(o)
		v := newVector("fold_"+c.name, expectOf(c.reason), c.rule, c.comment, entry.Marshal())
		v.addReason(c.reason)
		v.addRoll(o)
		if c.reason == 0 {
			if err := o.Roll.Append(entry); err != nil {
				t.Fatal(err)
			}
			v.add("root", root(t, o.Roll).String())
		}
		all = append(all, v)
	}
	return all
}

func entryVectors(t *testing.T) []vector {
	o := membershiptest.New(t, 1)
	guest := o.JoinAs("Ann", membership.RoleGuest)
	tagged := o.Entries[len(o.Entries)-1]
	all := []vector{
		newVector("entry_ok", "ok", "[ROLL-16]", "an entry", o.Entries[1].Marshal()),
		newVector("entry_ok_tagged", "ok", "[ROLL-16]", "an entry for desks: the name of "+guest.Name, tagged.Marshal()),
		newVector("entry_ok_hidden", "ok", "[ROLL-18]", "the same without its event", tagged.Hide().Marshal()),
	}
	for name, data := range entryFaults(o) {
		comment := "an entry with one fault: " + strings.ReplaceAll(name, "_", " ")
		all = append(all, newVector("entry_"+name, "decode", "[ROLL-16]", comment, data))
	}
	return all
}

func grantVectors(t *testing.T) []vector {
	var all []vector
	for _, c := range heardCases() {
		o, ann, bob := grantOrg(t)
		data := c.make(o, ann, bob)
		v := newVector("grant_"+c.name, expectOf(c.reason), c.rule, c.comment, data)
		v.addReason(c.reason)
		v.addRoll(o)
		v.add("heard", fmt.Sprint(c.at(o)))
		all = append(all, v)
	}
	return all
}

func checkpointVectors() []vector {
	node, org := keys.FromSeed([32]byte{1}), keys.OrgID{2}
	note := membership.SignCheckpoint(node, org, 1, 7, membership.Hash{5}, time.Unix(checkpointTime, 0))
	var all []vector
	for _, c := range checkpointCases() {
		v := newVector("checkpoint_"+c.name, layer(c.want), c.rule, c.comment, []byte(c.change(string(note), node, org)))
		v.add("org", org.String())
		v.add("node", node.Public().String())
		all = append(all, v)
	}
	return all
}

func proofVectors(t *testing.T) []vector {
	o := grown(t, 1, 11)
	consistency := func(name, expect, comment string, old, size uint64, change func([]membership.Hash)) vector {
		proof, err := o.Roll.ProveConsistency(old, size)
		if err != nil {
			t.Fatal(err)
		}
		change(proof)
		last := o.RootAt(size)
		v := newVector("consistency_"+name, expect, "[ROLL-51]", comment, last[:])
		v.add("old-size", fmt.Sprint(old))
		v.add("old-root", o.RootAt(old).String())
		v.add("size", fmt.Sprint(size))
		for _, hash := range proof {
			v.add("proof", hash.String())
		}
		return v
	}
	inclusion := func(name, expect, comment string, index, shown uint64) vector {
		proof, err := o.Roll.ProveInclusion(index, 11)
		if err != nil {
			t.Fatal(err)
		}
		v := newVector("inclusion_"+name, expect, "[ROLL-50]", comment, o.Entries[shown].Marshal())
		v.add("index", fmt.Sprint(index))
		v.add("size", "11")
		v.add("root", o.RootAt(11).String())
		for _, hash := range proof {
			v.add("proof", hash.String())
		}
		return v
	}
	keep := func([]membership.Hash) {}
	return []vector{
		consistency("ok", "ok", "from 6 entries to 11", 6, 11, keep),
		consistency("ok_power", "ok", "from a power of two", 8, 11, keep),
		consistency("ok_empty", "ok", "from the empty roll, without a proof", 0, 11, keep),
		consistency("ok_same", "ok", "from a roll to itself, without a proof", 11, 11, keep),
		consistency("bit", "proof", "one bit of the proof is wrong", 6, 11, func(p []membership.Hash) { p[0][0] ^= 1 }),
		inclusion("ok", "ok", "the fifth of 11 entries", 4, 4),
		inclusion("ok_last", "ok", "the last of 11 entries", 10, 10),
		inclusion("other", "proof", "another entry than the proof is for", 4, 5),
	}
}

// The files are those that the generator makes, and no others. go test -run TestVectorFiles -update writes them.
func TestVectorFiles(t *testing.T) {
	want := make(map[string]bool)
	for _, v := range vectors(t) {
		path := filepath.Join(vectorDir, v.name+".txt")
		want[path] = true
		if *update {
			if err := os.WriteFile(path, v.format(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, v.format()) {
			t.Errorf("%s is not what the generator makes: %v", path, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !want[path] {
			t.Errorf("%s has no generator", path)
		}
	}
}

// Each file is accepted, or refused by the layer and for the reason that it names.
func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			err := v.run(t)
			if got, want := layer(err), v.get(t, "expect"); got != want {
				t.Errorf("%s: %v (%s), want %s", v.get(t, "comment"), err, got, want)
			}
			reason, refused := membership.ReasonOf(err)
			var want []string
			if refused {
				want = []string{fmt.Sprintf("%d %v", reason, reason)}
			}
			if got := v.all("reason"); len(got) > 0 && !slices.Equal(got, want) {
				t.Errorf("refused for %q, want %q", want, got)
			}
		})
	}
}

// readVectors reads the files. A header key that the runner does not know fails.
func readVectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	known := strings.Fields("expect rule comment reason org entry node root size old-size old-root index proof heard")
	var all []vector
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		header, body, _ := strings.Cut(string(text), "\n\n")
		v := vector{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
		for line := range strings.Lines(header) {
			key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if !ok || !slices.Contains(known, key) {
				t.Fatalf("%s: header line %q", path, line)
			}
			v.add(key, value)
		}
		if v.data, err = hex.DecodeString(strings.TrimSuffix(body, "\n")); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, v)
	}
	return all
}

// Bytes that this build made on the day when the format was fixed. They never change: a roll once made stays readable.
// 2026-11-23, version 1.
func TestPinnedBytes(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann := o.Join("Ann")
	o.AddDevice(ann)
	for what, pair := range map[string][2]string{
		"organization": {o.ID.String(), pinnedOrg},
		"member":       {ann.ID.String(), pinnedMember},
		"root":         {root(t, o.Roll).String(), pinnedRoot},
		"rendezvous":   {hex.EncodeToString(o.Entries[1].Marshal()), pinnedEntry},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s:\n got %s\nwant %s", what, pair[0], pair[1])
		}
	}
}

const (
	pinnedOrg    = "pswl4kfkghihzva3ukevqdaylcyucuzlctwr6v5ockyranrg7w6q"
	pinnedMember = "kcswlwuornpj7t3dhkti7jbkoqpg67iqexnrau2wddwph2ad7hga"
	pinnedRoot   = "2Kzq6ynu4s8OhdrQHGqwFZ0HDYvT2UI4hRVPhNarNPk="
	pinnedEntry  = "84a10100504acf6dc59c9590cd2099171074627a0b1b0000019b76daabe858dd835897a601010258207cacbe28aa31d07cd4" +
		"1ba289580c1858b141532b14ed1f57ae12b1103626fdbd03582041cf271dbc3c528c786527e5ddce314e2c8522628bf4bbeb" +
		"0bd41a6aba828118040205010ba30158209f117b77043541f3380c19ea476b9f96728401deba8f9909c1e7e0520ec7a9d202" +
		"81781f2f6970342f3139322e302e322e312f7564702f343030312f717569632d76310301584053d98fded618a3f925bfa916" +
		"e79e52e5fa01fc64bf89f3a7fb74ae13f71f40b323a50a4bc3d4158fcb22101db3d8097709f0ee53cc0c9c3074e5d613feff" +
		"020640"
)
