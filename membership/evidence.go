package membership

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

const (
	// EvidenceVersion is the version of evidence that this build writes and reads.
	EvidenceVersion = 1
	// MaxEvidence is the size of evidence in bytes. A proof of a broken rule holds every entry before it: about 30,000
	// of them fit. [ROLL-63]
	MaxEvidence = 16 << 20
	// MaxEvidenceEntries is the number of entries in evidence. [ROLL-63]
	MaxEvidenceEntries = 1 << 16
)

var (
	// ErrEvidence means that bytes are not evidence in its one form.
	ErrEvidence = errors.New("membership: not evidence")
	// ErrUnproved means that evidence does not prove what it says.
	ErrUnproved = errors.New("membership: the evidence proves nothing")
)

// Evidence is a proof, complete in itself, that a sequencer broke its word: whoever reads it needs no roll, no network
// and nobody's word. Exactly one of the kinds is set. Numbers of keys are never used again. [ROLL-63]
type Evidence struct {
	Version uint8      `cbor:"1,keyasint"`
	Org     keys.OrgID `cbor:"2,keyasint"`

	Fork   *Fork   `cbor:"10,keyasint,omitempty"`
	Broken *Broken `cbor:"11,keyasint,omitempty"`
}

// Fork proves that a sequencer signed two rolls of which neither begins the other. Root is what the tree of Larger has at
// the size of Smaller, which Consistency proves; it is another than the root that was signed with Smaller. Found, Named
// and Inclusion prove who the sequencer is: the organization is the hash of Found, and Named is in the tree of Larger.
// [ROLL-64]
type Fork struct {
	Larger      [HeadBytes]byte `cbor:"1,keyasint"`
	Smaller     [HeadBytes]byte `cbor:"2,keyasint"` // of the size of Larger, or smaller
	Root        Hash            `cbor:"3,keyasint"`
	Consistency []Hash          `cbor:"4,keyasint"` // from Smaller's size and Root to Larger
	Found       []byte          `cbor:"5,keyasint"` // the founding event
	Named       []byte          `cbor:"6,keyasint"` // the entry with the rendezvous event of the term
	Index       uint64          `cbor:"7,keyasint"` // of Named
	Inclusion   []Hash          `cbor:"8,keyasint"` // of Named in Larger
}

// Broken proves that a sequencer signed a roll with an entry that the rules refuse: the last of Entries, which are all up
// to it, so that anybody can fold them again. [ROLL-65]
type Broken struct {
	Head        [HeadBytes]byte `cbor:"1,keyasint"`
	Entries     [][]byte        `cbor:"2,keyasint"`
	Consistency []Hash          `cbor:"3,keyasint"` // from Entries to Head
}

// Verdict is what evidence proves. OrgName is what the founder called the organization: people's text.
type Verdict struct {
	Org     keys.OrgID
	OrgName string
	Node    keys.PublicKey // the sequencer that broke its word
	Term    uint64
	What    string // one English sentence about the node
}

// NewFork returns the evidence that own, the head of a checkpoint that was adopted, and other, which is not larger, cannot
// both be true. found is the organization's first entry, named the entry at index that names the sequencer of their
// term. ErrUnproved if they do not prove it.
func (r *Roll) NewFork(own, other Head, found, named Entry, index uint64) (Evidence, error) {
	if other.Size > own.Size || own.Size > r.Size() || index >= own.Size {
		return Evidence{}, fmt.Errorf("%w: sizes %d and %d", ErrUnproved, own.Size, other.Size)
	}
	root, errRoot := r.Root(other.Size)
	consistency, errConsistency := r.ProveConsistency(other.Size, own.Size)
	inclusion, errInclusion := r.ProveInclusion(index, own.Size)
	if err := errors.Join(errRoot, errConsistency, errInclusion); err != nil {
		return Evidence{}, err
	}
	e := Evidence{Version: EvidenceVersion, Org: r.state.org, Fork: &Fork{
		Larger: [HeadBytes]byte(own.Marshal()), Smaller: [HeadBytes]byte(other.Marshal()), Root: root,
		Consistency: consistency, Found: found.Event, Named: named.Marshal(), Index: index, Inclusion: inclusion,
	}}
	_, err := e.Verify()
	return e, err
}

// NewBroken returns the evidence that the entry number index, of all the entries that head commits to, breaks a rule.
// ErrUnproved if it does not, ErrEvidence if the roll is too long for evidence.
func NewBroken(org keys.OrgID, head Head, entries []Entry, index uint64) (Evidence, error) {
	if uint64(len(entries)) != head.Size || index >= head.Size {
		return Evidence{}, fmt.Errorf("%w: %d entries for size %d", ErrUnproved, len(entries), head.Size)
	}
	var whole tree
	b := &Broken{Head: [HeadBytes]byte(head.Marshal())}
	size := 0
	for i, entry := range entries {
		var err error
		if whole, err = whole.add(uint64(i), entry.Leaf()); err != nil {
			return Evidence{}, err
		}
		if uint64(i) <= index {
			b.Entries = append(b.Entries, entry.Marshal())
			size += len(b.Entries[i]) + 3
		}
	}
	if index >= MaxEvidenceEntries || size > MaxEvidence-4096 {
		return Evidence{}, fmt.Errorf("%w: %d bytes of entries", ErrEvidence, size)
	}
	if index+1 < head.Size {
		var err error
		if b.Consistency, err = tlog.ProveTree(int64(head.Size), int64(index)+1, whole); err != nil {
			return Evidence{}, err
		}
	}
	e := Evidence{Version: EvidenceVersion, Org: org, Broken: b}
	_, err := e.Verify()
	return e, err
}

// Marshal returns the evidence as it is kept in files.
func (e Evidence) Marshal() []byte { return wire.Encode(e) }

// ParseEvidence reads what Marshal wrote; ErrEvidence for everything else. It proves nothing yet. [ROLL-63]
func ParseEvidence(data []byte) (Evidence, error) {
	if len(data) > MaxEvidence {
		return Evidence{}, fmt.Errorf("%w: more than %d bytes", ErrEvidence, MaxEvidence)
	}
	var e Evidence
	if err := wire.Decode(data, &e); err != nil {
		return Evidence{}, fmt.Errorf("%w: %v", ErrEvidence, err)
	}
	if err := e.form(); err != nil {
		return Evidence{}, fmt.Errorf("%w: %v", ErrEvidence, err)
	}
	return e, nil
}

// form checks what can be said of the parts without what they prove. [ROLL-63]
func (e Evidence) form() error {
	switch {
	case e.Version != EvidenceVersion:
		return fmt.Errorf("version %d, this build knows %d", e.Version, EvidenceVersion)
	case (e.Fork != nil) == (e.Broken != nil):
		return errors.New("not one kind")
	case e.Fork != nil:
		return e.Fork.form()
	default:
		return e.Broken.form()
	}
}

func (f *Fork) form() error {
	_, errLarger := ParseHead(f.Larger[:])
	_, errSmaller := ParseHead(f.Smaller[:])
	_, errNamed := ParseEntry(f.Named)
	_, _, errFound := decodeEvent(f.Found)
	if len(f.Consistency) > MaxProof || len(f.Inclusion) > MaxProof {
		return fmt.Errorf("a proof of more than %d hashes", MaxProof)
	}
	return errors.Join(errLarger, errSmaller, errNamed, errFound)
}

func (b *Broken) form() error {
	if len(b.Entries) == 0 || len(b.Entries) > MaxEvidenceEntries || len(b.Consistency) > MaxProof {
		return fmt.Errorf("%d entries and %d hashes", len(b.Entries), len(b.Consistency))
	}
	for _, data := range b.Entries {
		if _, err := ParseEntry(data); err != nil {
			return err
		}
	}
	_, err := ParseHead(b.Head[:])
	return err
}

// Verify returns what the evidence proves, or an error that wraps ErrUnproved (ErrEvidence for evidence that ParseEvidence
// would refuse). It asks nobody and believes nothing: a forger would need the sequencer's key. [ROLL-64] [ROLL-65]
func (e Evidence) Verify() (Verdict, error) {
	if err := e.form(); err != nil {
		return Verdict{}, fmt.Errorf("%w: %v", ErrEvidence, err)
	}
	var verdict Verdict
	var err error
	if e.Fork != nil {
		verdict, err = e.Fork.verify(e.Org)
	} else {
		verdict, err = e.Broken.verify(e.Org)
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	verdict.Org = e.Org
	return verdict, nil
}

// verify: one key that the organization's own events name signed both heads, and they contradict each other. [ROLL-64]
func (f *Fork) verify(org keys.OrgID) (Verdict, error) {
	larger, err := ParseHead(f.Larger[:])
	if err != nil {
		return Verdict{}, err
	}
	smaller, err := ParseHead(f.Smaller[:])
	if err != nil {
		return Verdict{}, err
	}
	verdict, err := f.sequencer(org, larger)
	if err != nil {
		return Verdict{}, err
	}
	if err := errors.Join(larger.Verify(org, verdict.Node), smaller.Verify(org, verdict.Node)); err != nil {
		return Verdict{}, err
	}
	if smaller.Term != larger.Term {
		return Verdict{}, fmt.Errorf("heads of the terms %d and %d", larger.Term, smaller.Term)
	}
	if err := VerifyConsistency(smaller.Size, f.Root, larger.Size, larger.Root, f.Consistency); err != nil {
		return Verdict{}, err
	}
	if f.Root == smaller.Root {
		return Verdict{}, errors.New("the smaller head begins the larger one")
	}
	verdict.What = fmt.Sprintf("signed two rolls that cannot both be true: they differ in their first %d entries", smaller.Size)
	return verdict, nil
}

// sequencer returns the node that the roll of a head names for the head's term. In the first term it is the founder who
// names it, by device or root key, in the second entry; that who names a later one was an admin is known to those who have the roll. [ROLL-64]
func (f *Fork) sequencer(org keys.OrgID, head Head) (Verdict, error) {
	found, founder, err := OpenEvent(f.Found)
	if err != nil {
		return Verdict{}, fmt.Errorf("the founding event: %w", err)
	}
	if found.Found == nil || founder.Org != org {
		return Verdict{}, errors.New("the founding event is not the organization's")
	}
	entry, err := ParseEntry(f.Named)
	if err != nil {
		return Verdict{}, err
	}
	named, by, err := OpenEvent(entry.Event)
	if err != nil {
		return Verdict{}, fmt.Errorf("the event that names the sequencer: %w", err)
	}
	switch {
	case named.Rendezvous == nil || by.Org != org || named.Rendezvous.Term != head.Term:
		return Verdict{}, errors.New("no event that names the sequencer of the term")
	case (head.Term == 1) != (f.Index == 1), head.Term == 1 && by.Signer != founder.Signer && by.Signer != found.Found.Root:
		return Verdict{}, errors.New("the event that names the sequencer is not in its place")
	}
	if err := VerifyInclusion(entry, f.Index, head.Size, head.Root, f.Inclusion); err != nil {
		return Verdict{}, fmt.Errorf("the event that names the sequencer: %w", err)
	}
	return Verdict{OrgName: found.Found.OrgName, Node: named.Rendezvous.Node, Term: head.Term}, nil
}

// verify: the entries begin the roll of the head, all but the last fold, and the sequencer that they name signed the head.
// [ROLL-65]
func (b *Broken) verify(org keys.OrgID) (Verdict, error) {
	roll, last := NewRoll(org), len(b.Entries)-1
	for i, data := range b.Entries[:last] {
		entry, err := ParseEntry(data)
		if err != nil {
			return Verdict{}, err
		}
		if err := roll.Append(entry); err != nil {
			return Verdict{}, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	head, err := ParseHead(b.Head[:])
	if err != nil {
		return Verdict{}, err
	}
	if err := roll.VerifyHead(head); err != nil {
		return Verdict{}, err
	}
	entry, err := ParseEntry(b.Entries[last])
	if err != nil {
		return Verdict{}, err
	}
	grown, err := roll.tree.add(uint64(last), entry.Leaf())
	if err != nil {
		return Verdict{}, err
	}
	root, err := grown.root(uint64(last) + 1)
	if err != nil {
		return Verdict{}, err
	}
	if err := VerifyConsistency(uint64(last)+1, root, head.Size, head.Root, b.Consistency); err != nil {
		return Verdict{}, err
	}
	if roll.unjudged(entry) {
		return Verdict{}, fmt.Errorf("entry %d follows from entries that are shown without their events", last)
	}
	reason, refused := ReasonOf(roll.Append(entry))
	if !refused {
		return Verdict{}, fmt.Errorf("entry %d breaks no rule", last)
	}
	node, _ := roll.state.sequencerOf(head.Term)
	return Verdict{
		OrgName: roll.state.OrgName(), Node: node, Term: head.Term,
		What: fmt.Sprintf("signed a roll whose entry %d the rules refuse: %s", last, reason.String()),
	}, nil
}
