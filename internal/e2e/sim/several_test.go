package sim

import (
	"slices"
	"testing"
	"time"

	"muster.example/node/api"
)

// TestSimSeveralBeginWithoutANode has three people who may write to each other begin a conversation of three on a network without any server,
// and go on in it when there is one again: everybody has everything, once. [MSH-24]
func TestSimSeveralBeginWithoutANode(t *testing.T) {
	simulate(t, 103, func(w *world) {
		t := w.t
		w.direct(true)
		w.crowd(3, 1, func(int, *person) {})
		w.assemble(func(*person) {})
		w.alone()
		ann, ben, cas := w.all[0], w.all[1], w.all[2]
		want := make(map[*person][]string)
		write := func(from *person, text string) {
			request := api.SendRequest{Text: text}
			for _, to := range w.all {
				if to != from {
					request.To = append(request.To, to.id)
					want[to] = append(want[to], text)
				}
			}
			sent, err := from.node.Send(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			w.await(5*time.Minute, "those who are near have "+text, func() bool { _, delivered := from.ways(sent.ID); return delivered })
		}
		complete := func() bool {
			for p, texts := range want {
				slices.Sort(texts)
				if !slices.Equal(p.inbox(), texts) {
					return false
				}
			}
			return true
		}
		write(ann, "shall we go?")
		write(ben, "at noon")
		write(cas, "with the boat")
		if !complete() {
			t.Error("not everybody has everything, once\n", w.describe())
		}
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)
		write(ann, "we were there")
		w.await(10*time.Minute, "nothing waits anywhere", func() bool {
			return w.node.queued() == 0 && !slices.ContainsFunc(w.all, func(p *person) bool { return p.status().Outbox > 0 })
		})
		if !complete() {
			t.Error("with a server again not everybody has everything, once\n", w.describe())
		}
	})
}
