package authority

// Counters are the last counter that each key used. An event counts only with its signer's next one: what was sequenced
// once is not sequenced again, and what was withheld is dead as soon as its signer has signed another under the same
// number. [ROLL-14]
type Counters map[Key]uint64

// Next returns the counter that the next event of a key must have: 1 for a key that has signed none.
func (c Counters) Next(key Key) uint64 { return c[key] + 1 }

// Due reports whether a counter is the key's next.
func (c Counters) Due(key Key, counter uint64) bool { return counter == c.Next(key) }

// Use takes a counter up.
func (c Counters) Use(key Key, counter uint64) { c[key] = counter }
