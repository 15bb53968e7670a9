package history

import "muster.example/internal/keys"

// Renumber returns a record under another number, because its device gave the one that it has to another record too. Its clock stays,
// so that it counts as before. It is to be signed anew. [HIST-29]
func (r Record) Renumber(sequence uint64) Record {
	r.Was, r.Sequence, r.Signature = r.Sequence, sequence, keys.Signature{}
	return r
}

// Likeness is the same for a record under each number that its device gave it, whether what a message says is erased or not, and for
// no other record. [HIST-29]
func (r Record) Likeness() keys.RecordID {
	r.Sequence, r.Was = 0, 0
	return keys.Hash[keys.Record](keys.DomainRecord, r.signed())
}
