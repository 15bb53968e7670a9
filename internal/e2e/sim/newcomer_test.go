package sim

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/rendezvous"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// watchGroup is a group whose author, one more member and newcomer have a device each. The newcomer is not in it yet, and
// the other two have the author's chain.
type watchGroup struct {
	*world
	liar                     *liar
	tap                      *tap
	id                       keys.GroupID
	accounts                 []*account
	author, member, newcomer *person
}

func (w *world) watchGroup() *watchGroup {
	w.t.Helper()
	w.node.stop()
	g := &watchGroup{world: w, tap: w.node.tap()}
	tapping := w.node.change
	g.liar = w.node.corrupt()
	lying := w.node.change
	w.node.change = func(cfg *rendezvous.Config) { tapping(cfg); lying(cfg) }
	w.node.start()
	g.accounts = w.crowd(3, 1, func(int, *person) {})
	w.assemble(func(*person) {})
	g.author, g.member, g.newcomer = w.all[0], w.all[1], w.all[2]
	made, err := g.author.act(membership.Event{Group: &membership.NewGroup{
		Name: "watch", Admission: group.Open, Writers: group.Everybody, Listed: true,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	g.id = membership.GroupOf(g.author.inOrg(), made)
	g.enter(g.member)
	time.Sleep(time.Second)
	w.await(time.Minute, "everybody has the roll", w.together)
	g.send("the first, which tells the chain")
	w.await(time.Minute, "it has come", func() bool { return len(g.member.inbox()) == 1 })
	return g
}

func (g *watchGroup) enter(p *person) {
	g.t.Helper()
	if _, err := p.act(membership.Event{GroupJoin: &membership.GroupJoin{Group: g.id}}); err != nil {
		g.t.Fatal(err)
	}
}

func (g *watchGroup) send(text string) {
	g.t.Helper()
	request := api.SendRequest{To: []string{g.id.String()}, Text: text}
	if _, err := g.author.node.Send(g.t.Context(), request); err != nil {
		g.t.Fatal(err)
	}
}

// sendFile has the author send a file of so many bytes.
func (g *watchGroup) sendFile(text string, size int) {
	g.t.Helper()
	upload, err := g.author.node.Upload(g.t.Context(), "log", bytes.NewReader(bytes.Repeat([]byte("log "), size/4)))
	if err != nil {
		g.t.Fatal(err)
	}
	request := api.SendRequest{To: []string{g.id.String()}, Text: text, Attachments: []string{upload.ID}}
	if _, err := g.author.node.Send(g.t.Context(), request); err != nil {
		g.t.Fatal(err)
	}
}

// answer has the node say what change makes of each answer to a post of the author.
func (g *watchGroup) answer(change func(*rvproto.AnswerFrame)) {
	author := g.author.identity().Public()
	g.liar.say(func(on protocol.ID, to keys.PublicKey, frame []byte) []byte {
		answer, err := rvproto.ParseAnswer(frame)
		if on != rvproto.PostPieces || to != author || err != nil {
			return frame
		}
		change(&answer)
		return rvproto.AppendAnswer(nil, answer)
	})
}

// later is an answer by which the author keeps what it has posted.
func later(answer *rvproto.AnswerFrame) {
	*answer = rvproto.AnswerFrame{ID: answer.ID, Status: wire.StatusFull}
}

// opened returns what the newcomer's keys open of all that was ever queued.
func (g *watchGroup) opened() (all []envelope.Content) {
	g.t.Helper()
	g.newcomer.stop()
	l := g.newcomer.rob()
	for _, e := range g.tap.taken {
		if e.envelope.ParsedHeader().Kind == envelope.KindAnnounce {
			l.learn(e.envelope)
		}
	}
	for _, e := range g.tap.taken {
		if opened, ok := l.open(g.t, e.envelope); ok && e.envelope.ParsedHeader().Kind == envelope.KindMessage {
			all = append(all, opened.Content)
		}
	}
	return all
}

// onlyAfter checks that the newcomer's keys open one message and no other.
func (g *watchGroup) onlyAfter(text string) {
	g.t.Helper()
	all := g.opened()
	if len(all) == 0 {
		g.t.Error("the newcomer's keys open nothing")
	}
	others := 0
	for _, content := range all {
		if history.Kind(content.Kind)&^history.Anew != history.KindText {
			others++
			continue
		}
		if got, err := history.DecodeText(content.Body); err != nil || got.Text != text {
			g.t.Errorf("the newcomer's keys open %q, %v", got.Text, err)
		}
	}
	if others > 0 {
		g.t.Errorf("the newcomer's keys open %d bodies that are no text", others)
	}
}

// TestSimSealedAnewIsNotForNewcomers has a message to a group sealed once more, for a device that the author did not know
// of, when somebody has entered the group meanwhile: the newcomer's keys must not open it, whoever gave them the envelope.
// [ENV-18]
func TestSimSealedAnewIsNotForNewcomers(t *testing.T) {
	simulate(t, 1, func(w *world) {
		g := w.watchGroup()
		w.apart([]*person{g.author})
		g.send("before the newcomer") // sealed before the author notices that nothing goes through
		late := w.another(g.accounts[1])
		g.enter(g.newcomer)
		w.net.Heal()
		w.await(10*time.Minute, "the device that is new has it", func() bool { return slices.Contains(late.inbox(), "before the newcomer") })
		g.send("after the newcomer")
		w.await(10*time.Minute, "the newcomer gets what is for them", func() bool {
			return slices.Contains(g.newcomer.inbox(), "after the newcomer")
		})
		g.onlyAfter("after the newcomer")
	})
}

// TestSimLyingListOfNewerDevices has the node name the device of somebody who entered the group later, in its answer to what
// was posted before: the author believes its roll alone, and the newcomer's keys open nothing of before. [ENV-25]
func TestSimLyingListOfNewerDevices(t *testing.T) {
	simulate(t, 1, func(w *world) {
		g := w.watchGroup()
		g.member.stop()
		g.answer(later)
		g.send("before the newcomer")
		time.Sleep(time.Minute)
		g.enter(g.newcomer)
		time.Sleep(time.Minute)
		device, told := g.newcomer.identity().Public(), 0
		g.answer(func(answer *rvproto.AnswerFrame) {
			if answer.Status == wire.StatusOK && !slices.Contains(answer.Newer, device) {
				answer.Newer = append(answer.Newer, device)
				told++
			}
		})
		time.Sleep(10 * time.Minute)
		if told == 0 {
			t.Fatal("the node named nobody")
		}
		g.member.start()
		g.send("after the newcomer")
		w.await(10*time.Minute, "the newcomer gets what is for them", func() bool {
			return slices.Contains(g.newcomer.inbox(), "after the newcomer")
		})
		g.onlyAfter("after the newcomer")
	})
}

// TestSimFileUnderWayIsNotForNewcomers has somebody enter the group while a file is under way: of what is sealed after that
// their keys open nothing of the file, whoever gives them its envelopes. [ENV-25]
func TestSimFileUnderWayIsNotForNewcomers(t *testing.T) {
	simulate(t, 1, func(w *world) {
		g := w.watchGroup()
		g.member.stop()
		g.answer(later)
		g.sendFile("the log", 8<<20)
		w.await(time.Minute, "some of it is under way", func() bool { return len(g.tap.taken) > 10 })
		time.Sleep(time.Minute)
		before := len(g.tap.taken)
		g.enter(g.newcomer)
		time.Sleep(time.Minute)
		g.liar.say(nil)
		g.member.start()
		w.await(time.Hour, "the file has come", func() bool { return slices.Contains(g.member.inbox(), "the log") && g.author.status().Outbox == 0 })
		if len(g.tap.taken) == before {
			t.Fatal("the whole file was sealed before the newcomer came")
		}
		g.send("after the newcomer")
		w.await(10*time.Minute, "the newcomer gets what is for them", func() bool {
			return slices.Contains(g.newcomer.inbox(), "after the newcomer")
		})
		g.onlyAfter("after the newcomer")
	})
}
