package sim

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
)

// scene is a trio whose rendezvous node has a liar before it, who knows the node's key and the whole roll.
type scene struct {
	*world
	liar              *liar
	key               keys.PrivateKey
	org               keys.OrgID
	alice, bob, carol *person
	victim            keys.PublicKey     // carol's device
	honest            rvproto.RollAnswer // the whole roll, as everybody has it
}

func hostile(t *testing.T, seed uint64, test func(t *testing.T, s *scene)) {
	t.Helper()
	simulate(t, seed, func(w *world) {
		w.node.stop()
		s := &scene{world: w, liar: w.node.corrupt()}
		w.node.start()
		s.alice, s.bob, s.carol = w.trio()
		s.key, s.org, s.victim = w.node.key(), s.alice.org(), s.carol.device()
		s.listen()
		zoe := w.person("zoe") // whoever joins is shown all of it
		zoe.join(s.alice.invite(api.InviteRequest{}))
		s.carol.follow(zoe)
		s.liar.say(nil)
		test(w.t, s)
	})
}

// listen makes the liar honest, and learn the roll from what it answers.
func (s *scene) listen() {
	s.liar.say(func(on protocol.ID, _ keys.PublicKey, frame []byte) []byte {
		if answer, ok := rollAnswer(on, frame); ok && len(answer.Entries) > len(s.honest.Entries) {
			s.honest = answer
		}
		return frame
	})
}

// newcomer has somebody join after the lie began.
func (s *scene) newcomer(name string) *person {
	s.t.Helper()
	p := s.person(name)
	p.join(s.alice.invite(api.InviteRequest{}))
	s.alice.follow(p)
	return p
}

// lieToCarol tells carol's device what lie makes of each answer about the roll, and note, unless it is nil, in place of
// every checkpoint that is announced.
func (s *scene) lieToCarol(note func() []byte, lie func(answer rvproto.RollAnswer) rvproto.RollAnswer) {
	s.liar.say(func(on protocol.ID, to keys.PublicKey, frame []byte) []byte {
		if to != s.victim {
			return frame
		}
		if answer, ok := rollAnswer(on, frame); ok {
			return wire.Encode(lie(answer))
		}
		if note != nil {
			return headless(frame, note())
		}
		return frame
	})
}

// forkForCarol shows carol each new entry under another nonce: the same events, and another tree.
func (s *scene) forkForCarol() {
	shadow, shown := s.fold(), make(map[uint64][]byte)
	s.lieToCarol(nil, func(answer rvproto.RollAnswer) rvproto.RollAnswer {
		from := s.size(answer) - uint64(len(answer.Entries))
		for i, data := range answer.Entries {
			if at := from + uint64(i); at == shadow.Size() {
				shown[at] = s.fork(shadow, data)
			}
			answer.Entries[i] = shown[from+uint64(i)]
		}
		return s.sign(shadow, from, answer)
	})
}

// alarmed waits until a person's status shows an alarm with a text.
func (p *person) alarmed(limit time.Duration, text string) {
	p.world.t.Helper()
	p.world.await(limit, p.name+" is alarmed: "+text, func() bool { return p.hasAlarm(text) })
}

func (p *person) hasAlarm(text string) bool {
	return slices.ContainsFunc(p.status().Alarms, func(alarm string) bool { return strings.Contains(alarm, text) })
}

// holdsEvidence fails unless a person's one file of evidence proves that a node lied about an organization.
func (p *person) holdsEvidence(org keys.OrgID, node keys.PublicKey) {
	t := p.world.t
	t.Helper()
	files := p.status().Evidence
	if len(files) != 1 || !p.status().Roll.Distrusted {
		t.Fatalf("%s has the evidence %q", p.name, files)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := membership.ParseEvidence(data)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := evidence.Verify()
	if err != nil || verdict.Org != org || verdict.Node != node {
		t.Errorf("%s can prove %+v, %v", p.name, verdict, err)
	}
}

// device returns the person's device.
func (p *person) device() keys.PublicKey {
	key, err := keys.ParsePublicKey(p.status().Devices[0].Device)
	if err != nil {
		p.world.t.Fatal(err)
	}
	return key
}

func (p *person) org() keys.OrgID {
	org, err := keys.ParseID[keys.Org](p.status().Org)
	if err != nil {
		p.world.t.Fatal(err)
	}
	return org
}

// headless replaces the checkpoints that the long-lived streams announce.
func headless(frame, note []byte) []byte {
	if hello, err := rvproto.ParseHello(frame); err == nil {
		hello.Checkpoint = note
		return rvproto.AppendHello(nil, hello)
	}
	if _, err := rvproto.ParseHead(frame); err == nil {
		return rvproto.AppendHead(nil, rvproto.HeadFrame{Checkpoint: note})
	}
	return frame
}

// rollAnswer decodes an answer on the roll protocol that has a checkpoint.
func rollAnswer(on protocol.ID, frame []byte) (rvproto.RollAnswer, bool) {
	if on != rvproto.Roll {
		return rvproto.RollAnswer{}, false
	}
	answer, err := rvproto.Parse[rvproto.RollAnswer](frame)
	return answer, err == nil && len(answer.Checkpoint) > 0
}

// TestSimHostileRoll has the operator lie about the roll to one member. Each lie is noticed by an alarm, nobody is let in
// by it, and messages go on among those who were members before.
func TestSimHostileRoll(t *testing.T) {
	t.Run("an older roll than before", func(t *testing.T) {
		hostile(t, 1, func(t *testing.T, s *scene) {
			dave := s.newcomer("dave")
			s.carol.follow(dave)
			s.lieToCarol(nil, func(rvproto.RollAnswer) rvproto.RollAnswer {
				return rvproto.RollAnswer{Checkpoint: s.honest.Checkpoint}
			})
			s.newcomer("erin") // the head that carol hears of makes her fetch
			s.carol.alarmed(time.Hour, "older roll than before")
			if s.carol.contact(dave) == "" {
				t.Error("carol has forgotten dave")
			}
		})
	})

	t.Run("a frozen roll", func(t *testing.T) {
		hostile(t, 2, func(t *testing.T, s *scene) {
			frozen := func() []byte { return s.honest.Checkpoint }
			s.lieToCarol(frozen, func(rvproto.RollAnswer) rvproto.RollAnswer {
				return rvproto.RollAnswer{Checkpoint: frozen()}
			})
			dave := s.newcomer("dave")
			s.alice.send("hello carol", s.carol) // it names the roll that alice sees
			s.carol.alarmed(time.Hour, "knows a larger roll")
			s.await(time.Hour, "the message came all the same", func() bool { return slices.Contains(s.carol.inbox(), "hello carol") })
			if s.carol.contact(dave) != "" {
				t.Error("the lie was not told")
			}
			s.carol.alarmed(6*time.Hour, "more than 3 hours old")
		})
	})

	t.Run("a forked roll", func(t *testing.T) {
		hostile(t, 3, func(t *testing.T, s *scene) {
			s.forkForCarol()
			dave := s.newcomer("dave")
			s.carol.follow(dave) // she cannot know yet
			if len(s.carol.status().Alarms) != 0 {
				t.Fatalf("alarms before the fork could be seen: %q", s.carol.status().Alarms)
			}
			s.alice.send("hello carol", s.carol)
			s.carol.alarmed(time.Hour, "was shown another roll")
			s.carol.send("hello bob", s.bob)
			s.bob.alarmed(time.Hour, "was shown another roll")
			for _, p := range []*person{s.carol, s.bob} {
				p.stop()
				p.start()
				p.holdsEvidence(s.org, s.key.Public())
			}
			erin := s.newcomer("erin")
			time.Sleep(time.Hour)
			if s.carol.contact(erin) != "" || s.bob.contact(erin) != "" {
				t.Error("who has proof of the lie takes new events all the same")
			}
			s.carol.send("messages go on", s.bob)
			s.await(time.Hour, "messages go on", func() bool { return slices.Contains(s.bob.inbox(), "messages go on") })
		})
	})

	t.Run("a forked roll that is larger", func(t *testing.T) {
		hostile(t, 7, func(t *testing.T, s *scene) {
			// Carol has followed the honest roll, and is then shown one whose last entries have other nonces.
			shadow, shown := s.fold(), slices.Clone(s.honest.Entries)
			s.listen()
			dave := s.newcomer("dave")
			s.carol.follow(dave)
			for _, data := range s.honest.Entries[len(shown):] {
				shown = append(shown, s.fork(shadow, data))
			}
			s.lieToCarol(nil, func(answer rvproto.RollAnswer) rvproto.RollAnswer {
				from := s.size(answer) - uint64(len(answer.Entries))
				for i, data := range answer.Entries {
					if from+uint64(i) == shadow.Size() {
						shown = append(shown, s.fork(shadow, data))
					}
				}
				answer.Entries = shown[from:]
				return s.sign(shadow, from, answer)
			})
			erin := s.newcomer("erin")
			s.carol.alarmed(time.Hour, "it signed two that go on differently")
			s.carol.holdsEvidence(s.org, s.key.Public())
			if s.carol.contact(erin) != "" || s.carol.contact(dave) == "" {
				t.Error("carol has left the roll that she had")
			}
		})
	})

	t.Run("the node makes itself a member", func(t *testing.T) {
		hostile(t, 4, func(t *testing.T, s *scene) {
			own, invitation := keys.Generate(), keys.Generate()
			event := membership.SignEvent(membership.Event{Org: s.org, Counter: 1, At: s.fold().Size(), Join: &membership.Join{
				Invitation: invitation.Public(), Name: "support", Recovery: keys.Generate().Public(),
			}}, own, &invitation)
			entry, err := membership.NewEntry(rand.Reader, time.Now().UnixMilli(), membership.Audience{}, event)
			if err != nil {
				t.Fatal(err)
			}
			note, proof := s.forge(entry)
			s.lieToCarol(func() []byte { return note }, func(rvproto.RollAnswer) rvproto.RollAnswer {
				return rvproto.RollAnswer{Checkpoint: note, Entries: [][]byte{entry.Marshal()}, Proof: proof}
			})
			s.carol.stop()
			s.carol.start()
			s.carol.alarmed(time.Hour, "that the rules forbid")
			contacts, err := s.carol.node.Contacts(context.Background(), api.ContactsQuery{All: true})
			if err != nil || len(contacts) != 3 {
				t.Errorf("carol sees %d others, %v", len(contacts), err)
			}
			s.alice.send("hello carol", s.carol)
			s.await(time.Hour, "messages go on", func() bool { return slices.Contains(s.carol.inbox(), "hello carol") })
		})
	})

	t.Run("an event hidden from one member", func(t *testing.T) {
		hostile(t, 5, func(t *testing.T, s *scene) {
			shadow := s.fold() // signed afresh again and again, and never longer
			fresh := func() []byte { return s.checkpoint(shadow) }
			s.lieToCarol(fresh, func(rvproto.RollAnswer) rvproto.RollAnswer { return rvproto.RollAnswer{Checkpoint: fresh()} })
			dave := s.newcomer("dave")
			s.carol.alarmed(3*time.Hour, "knows a larger roll") // the others' gossip says so, before anybody writes
			if s.carol.contact(dave) != "" {
				t.Error("the lie was not told well")
			}
		})
	})

	t.Run("a prekey of the node's own", func(t *testing.T) {
		hostile(t, 6, func(t *testing.T, s *scene) {
			dave := s.newcomer("dave")
			dave.follow(s.alice)
			s.alice.acquaint(dave)
			_, planted, err := envelope.NewPrekey(rand.Reader, keys.Generate(), s.org, time.Now().Add(24*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			device := s.alice.device()
			s.liar.say(func(on protocol.ID, to keys.PublicKey, frame []byte) []byte {
				answer, err := rvproto.Parse[rvproto.PrekeyAnswer](frame)
				if on != rvproto.Prekey || to != device || err != nil {
					return frame
				}
				for i := range answer.Prekeys {
					answer.Prekeys[i] = planted
				}
				return wire.Encode(answer)
			})
			s.alice.send("for dave's eyes only", dave) // the first message: a chain is to be announced
			s.alice.alarmed(time.Hour, "is not the device's")
			if len(dave.inbox()) != 0 || s.node.queued() != 0 {
				t.Error("something was sealed all the same")
			}
			s.liar.say(nil)
			s.await(time.Hour, "it goes out once the node is honest", func() bool {
				return slices.Equal(dave.inbox(), []string{"for dave's eyes only"})
			})
		})
	})
}

// entries returns the honest roll's entries.
func (s *scene) entries() []membership.Entry {
	var entries []membership.Entry
	for _, data := range s.honest.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// fold returns a roll of the liar's own that begins as the honest one.
func (s *scene) fold() *membership.Roll {
	shadow := membership.NewRoll(s.org)
	for _, entry := range s.entries() {
		if err := shadow.Append(entry); err != nil {
			s.t.Fatal(err)
		}
	}
	return shadow
}

// fork appends an entry's event to a shadow roll under another nonce and returns the new entry.
func (s *scene) fork(shadow *membership.Roll, data []byte) []byte {
	entry, err := membership.ParseEntry(data)
	if err != nil {
		s.t.Error(err)
	}
	forked, err := membership.NewEntry(rand.Reader, entry.Time, membership.Audience{}, entry.Event)
	if err != nil {
		s.t.Error(err)
	}
	if err := shadow.Append(forked); err != nil {
		s.t.Error(err)
	}
	return forked.Marshal()
}

// size returns the size of the honest checkpoint in an answer.
func (s *scene) size(answer rvproto.RollAnswer) uint64 {
	checkpoint, err := membership.OpenCheckpoint(answer.Checkpoint, s.org, s.key.Public())
	if err != nil {
		s.t.Error(err)
	}
	return checkpoint.Size
}

// checkpoint signs a shadow roll with the node's key.
func (s *scene) checkpoint(shadow *membership.Roll) []byte {
	root, err := shadow.Root(shadow.Size())
	if err != nil {
		s.t.Error(err)
	}
	return membership.SignCheckpoint(s.key, s.org, 1, shadow.Size(), root, time.Now())
}

// sign makes an answer show a shadow roll from a size on.
func (s *scene) sign(shadow *membership.Roll, from uint64, answer rvproto.RollAnswer) rvproto.RollAnswer {
	proof, err := shadow.ProveConsistency(from, shadow.Size())
	if err != nil {
		s.t.Error(err)
	}
	answer.Proof = nil
	for _, hash := range proof {
		answer.Proof = append(answer.Proof, hash)
	}
	answer.Checkpoint = s.checkpoint(shadow)
	return answer
}

// forge signs the honest roll with one more entry, valid or not, and proves that the one continues the other.
func (s *scene) forge(last membership.Entry) (note []byte, proof [][32]byte) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	entries := append(s.entries(), last)
	for i, entry := range entries {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), entry.Leaf(), reader)
		if err != nil {
			s.t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	size := int64(len(entries))
	tree, err := tlog.TreeHash(size, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	tail, err := tlog.ProveTree(size, size-1, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, hash := range tail {
		proof = append(proof, hash)
	}
	return membership.SignCheckpoint(s.key, s.org, 1, uint64(size), tree, time.Now()), proof
}
