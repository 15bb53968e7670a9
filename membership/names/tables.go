package names

// Tables is the version of the Unicode tables: 15 is Unicode 15.0.0.
const Tables = 15

//go:generate go test -run ^TestTables$ -update

// kind is what a character of a name is. Characters that are in no kind are in no name, but for the separators.
type kind uint8

const (
	letter kind = iota + 1
	mark
	digit
)

// direction is what the Bidi rule asks of a character: the classes L, R or AL, and AN. All others are neutral.
type direction uint8

const (
	neutral direction = iota
	leftToRight
	rightToLeft
	arabicNumber
)

// property is what the characters of a span have in common.
type property struct {
	kind      kind
	direction direction
	scripts   uint8 // index into scriptSets
}

// span is a run of characters of names. A span of digits holds the ten of one system.
type span struct {
	first, last rune
	property    uint16 // index into properties
}

// lookup returns the index of the span that r is in, or false if r is in no name.
func lookup(r rune) (int, bool) {
	low, high := 0, len(spans)
	for low < high {
		if middle := int(uint(low+high) >> 1); spans[middle].last < r {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(spans) && spans[low].first <= r
}

// separator reports the characters that part a name without telling it from others.
func separator(r rune) bool {
	switch r {
	case ' ', '.', '-', '_', '\'':
		return true
	}
	return false
}

// scriptSet is a set of scripts, the bit i for scriptNames[i].
type scriptSet [3]uint64

func (s scriptSet) and(other scriptSet) scriptSet {
	return scriptSet{s[0] & other[0], s[1] & other[1], s[2] & other[2]}
}

func (s scriptSet) empty() bool { return s == scriptSet{} }

func (s scriptSet) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

// String returns the name of the one script in the set, not counting the ways of writing that combine scripts if there is
// a true one. It returns "" for other sets.
func (s scriptSet) String() string {
	text := ""
	for i, name := range scriptNames {
		switch {
		case !s.has(i):
		case text == "":
			text = name
		case i < trueScripts:
			return "" // several
		}
	}
	return text
}

// everyScript is the set for characters that go with any script.
var everyScript = scriptSet{^uint64(0), ^uint64(0), ^uint64(0)}

// resemblance is what a character becomes in a skeleton: indices into prototypes. Characters that look like themselves
// only, in all cases, have none.
type resemblance struct {
	from rune
	raw  uint16 // what it looks like, in lower case
	fold uint16 // what its lower case looks like
}

// stays is the index of a character that has no resemblance.
const stays = 1<<16 - 1

// resembling returns the index of the resemblance of r, or false if it has none.
func resembling(r rune) (int, bool) {
	page := int(r >> pageBits)
	if page < 0 || page >= len(pages)-1 {
		return 0, false
	}
	low, high := int(pages[page]), int(pages[page+1])
	for low < high {
		if middle := int(uint(low+high) >> 1); resemblances[middle].from < r {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(resemblances) && resemblances[low].from == r
}

// pageBits is how many low bits of a character do not choose its page: the page i of resemblances begins at pages[i].
const pageBits = 7
