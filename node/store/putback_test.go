package store

import (
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// What a folder that was put back noted under numbers that it had used before gets others, and is found there; what the account's
// other devices have under these numbers comes back. [HIST-29]
func TestMakeWay(t *testing.T) {
	author := keys.PublicKey{100}
	target := letterOf(author, 50, nil)
	reaction := func(emoji string) history.Record {
		a := actOn(author, history.KindReaction, history.Reaction{Message: target.Message.ID(), Emoji: emoji, Time: 2000})
		a.Signed = []byte{1}
		return history.Record{Kind: history.RecordAct, Act: &a}
	}
	draft := func(id byte, text string) history.Record {
		return history.Record{Kind: history.RecordDraft, Draft: &history.Draft{ID: [history.NonceSize]byte{id}, Content: &history.DraftContent{Text: text, Time: 1}}}
	}
	tag := func(word string) history.Record {
		return history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: target.Message.ID(), Tag: word}}
	}
	all := map[string][2]history.Record{ // before the folder was put back, and after
		"messages":            {letterOf(author, 1, nil), letterOf(author, 2, nil)},
		"acts":                {reaction("+"), reaction("-")},
		"tags":                {tag("one"), tag("two")},
		"drafts":              {draft(1, "one"), draft(2, "two")},
		"one draft":           {draft(1, "one"), draft(1, "two")},
		"message and draft":   {letterOf(author, 1, nil), draft(1, "two")},
		"draft and message":   {draft(1, "one"), letterOf(author, 2, nil)},
		"a tag and a message": {tag("one"), letterOf(author, 2, nil)},
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			note := func(s *Store, clock int64, r history.Record) {
				update(t, s, func(tx *Tx) error {
					if r.Act != nil {
						_, err := tx.AddAct(orgA, identity, clock, *r.Act)
						return err
					}
					_, err := tx.AppendRecord(orgA, identity, clock, r)
					return err
				})
			}
			before, after := &sibling{Store: open(t), identity: identity}, &sibling{Store: open(t), identity: identity}
			for s, r := range map[*sibling]history.Record{before: c[0], after: c[1]} {
				note(s.Store, 1000, target)
				note(s.Store, 2000, r)
			}
			var lost []history.Record
			view(t, before.Store, func(tx *Tx) error {
				for _, item := range before.items(t) {
					r, err := tx.Shared(orgA, item)
					if err != nil {
						return err
					}
					lost = append(lost, r)
				}
				return nil
			})
			for _, r := range lost {
				update(t, after.Store, func(tx *Tx) error {
					as, moved, err := tx.MakeWay(orgA, identity, r)
					if err != nil || moved != (r.Sequence == 2) || moved != (as.Was == 2) {
						t.Errorf("number %d was moved: %v, %v", r.Sequence, moved, err)
					}
					_, err = tx.Merge(orgA, as, forGood)
					return err
				})
			}
			after.give(t, before)
			if a, b := before.items(t), after.items(t); len(a) < 2 || len(a) != len(b) || name != "one draft" && len(a) != 3 {
				t.Errorf("%d records are shared there, %d here", len(a), len(b))
			}
			view(t, after.Store, func(tx *Tx) error {
				if c[1].Message != nil {
					r, err := tx.Message(orgA, c[1].Message.ID())
					if err != nil || r.Sequence != 3 || r.Check(orgA) != nil {
						t.Errorf("the message is number %d, %v", r.Sequence, err)
					}
				}
				if acts, err := tx.Acts(orgA, target.Message.ID()); err != nil || c[1].Act != nil && len(acts) != 2 {
					t.Errorf("%d acts, %v", len(acts), err)
				}
				return nil
			})
		})
	}
}

// Three devices come in step when the third learned of the numbers that were used twice before the one whose folder was put back
// heard of the others. [HIST-29]
func TestMakeWayAmongThree(t *testing.T) {
	author := keys.PublicKey{100}
	target := letterOf(author, 50, nil)
	reaction := func(emoji string) history.Record {
		a := actOn(author, history.KindReaction, history.Reaction{Message: target.Message.ID(), Emoji: emoji, Time: 2000})
		return history.Record{Kind: history.RecordAct, Act: &a}
	}
	tag := func(word string) history.Record {
		return history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: target.Message.ID(), Tag: word}}
	}
	draft := func(id byte, text string) history.Record {
		return history.Record{Kind: history.RecordDraft, Draft: &history.Draft{ID: [history.NonceSize]byte{id}, Content: &history.DraftContent{Text: text, Time: 1}}}
	}
	for name, c := range map[string][2]history.Record{
		"messages":          {letterOf(author, 1, nil), letterOf(author, 2, nil)},
		"acts":              {reaction("+"), reaction("-")},
		"tags":              {tag("one"), tag("two")},
		"drafts":            {draft(1, "one"), draft(2, "two")},
		"a tag and a draft": {tag("one"), draft(2, "two")},
	} {
		t.Run(name, func(t *testing.T) {
			device := func(seed byte) *sibling {
				return &sibling{Store: open(t), identity: keys.FromSeed([32]byte{seed})}
			}
			lost, phone, desk, tablet := device(1), device(1), device(2), device(3)
			for s, r := range map[*sibling]history.Record{lost: c[0], phone: c[1]} {
				for i, r := range []history.Record{target, r} {
					update(t, s.Store, func(tx *Tx) error {
						if r.Act != nil {
							_, err := tx.AddAct(orgA, s.identity, int64(1000+i), *r.Act)
							return err
						}
						_, err := tx.AppendRecord(orgA, s.identity, int64(1000+i), r)
						return err
					})
				}
			}
			lost.give(t, desk)
			phone.give(t, tablet)
			all := []*sibling{desk, tablet, phone}
			for round, added := 0, 1; added > 0; round++ {
				if round > 5 {
					t.Fatal("it goes on for ever")
				}
				added = 0
				for _, a := range all {
					for _, b := range all {
						added += a.give(t, b)
					}
				}
			}
			if name == "tags" { // a bar from the number that was used twice on may not take what was noted under it before
				for _, s := range all[:2] {
					view(t, s.Store, func(tx *Tx) error {
						v, err := tx.Fold(orgA, keys.MemberID{2}, func(r history.Record) bool { return r.Sequence < 3 })
						if err != nil || len(v.Threads().TagsOf(target.Message.ID())) != 1 {
							t.Errorf("device %d has tags %q, %v", s.identity.Public()[0], v.Threads().TagsOf(target.Message.ID()), err)
						}
						return nil
					})
				}
			}
			want := phone.items(t)
			if len(want) != 3 {
				t.Errorf("%d records are shared", len(want))
			}
			for _, s := range all {
				if got := s.items(t); len(got) != len(want) || !slices.Equal(got, want) {
					t.Errorf("device %d shares %d records, the phone %d, or others", s.identity.Public()[0], len(got), len(want))
				}
			}
		})
	}
}
