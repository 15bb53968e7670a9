package sim

import (
	"fmt"
	"slices"
	"time"

	"muster.example/node/api"
)

// letter is a message that somebody wrote, as all must show it in the end.
type letter struct {
	id, text string
	from     *person
	to       []*person
	gone     bool // its author took it back
}

// letters is what people wrote to each other and to a group, who may be away.
type letters struct {
	*world
	group string
	all   []*letter
	read  int // of all, those that are not read again by lack: they were as they must be for days
}

// write has one write to another, or to the group if there is nobody named.
func (l *letters) write(from *person, text string, to ...*person) *letter {
	l.t.Helper()
	request := api.SendRequest{Text: text}
	for _, p := range to {
		request.To = append(request.To, p.id)
	}
	if len(to) == 0 {
		request.To = append(request.To, l.group)
		to = slices.DeleteFunc(slices.Clone(l.world.all), func(p *person) bool { return p == from })
	}
	sent, err := from.node.Send(l.t.Context(), request)
	if err != nil {
		l.t.Fatalf("%s writes %q: %v", from.name, text, err)
	}
	one := &letter{id: sent.ID, text: text, from: from, to: to}
	l.all = append(l.all, one)
	return one
}

// edit has its author give a letter another text.
func (l *letters) edit(one *letter, text string) {
	l.t.Helper()
	if _, err := one.from.node.Edit(l.t.Context(), api.EditRequest{ID: one.id, Text: text}); err != nil {
		l.t.Fatalf("%s edits %q: %v", one.from.name, one.text, err)
	}
	one.text = text
}

// takeBack has its author delete a letter.
func (l *letters) takeBack(one *letter) {
	l.t.Helper()
	if _, err := one.from.node.Delete(l.t.Context(), api.DeleteRequest{IDs: []string{one.id}}); err != nil {
		l.t.Fatalf("%s deletes %q: %v", one.from.name, one.text, err)
	}
	one.gone = true
}

// lack says what somebody who runs does not show as it must be, or shows beside it, "" if nothing.
func (l *letters) lack() string {
	for _, p := range l.world.all {
		if p.running == nil {
			continue
		}
		var want []string
		for i, one := range l.all {
			mine := one.from == p
			if !mine && !slices.Contains(one.to, p) {
				continue
			}
			if i >= l.read {
				m, err := p.node.Read(l.t.Context(), api.ReadRequest{ID: one.id})
				never := one.gone && code(err) == api.CodeNotFound // it was taken back before it came
				if !never && (err != nil || m.Deleted != one.gone || !one.gone && m.Text != one.text) {
					return fmt.Sprintf("%s shows %q of %s as %q, deleted %v, %v", p.name, one.text, one.from.name, m.Text, m.Deleted, err)
				}
			}
			if !mine && !one.gone {
				want = append(want, one.text)
			}
		}
		has := slices.DeleteFunc(p.inbox(), func(text string) bool { return text == "" })
		if slices.Sort(want); !slices.Equal(has, want) {
			return fmt.Sprintf("%s has %d of %d\n%q\nof\n%q", p.name, len(has), len(want), has, want)
		}
	}
	return ""
}

// complete waits until everybody who runs shows everything that is for them, once and as it must be.
func (l *letters) complete(limit time.Duration, when string) {
	l.t.Helper()
	defer func() {
		if l.t.Failed() {
			l.t.Log(l.lack())
		}
	}()
	l.await(limit, when+" all have all", func() bool { return l.lack() == "" })
}

// receipted waits until the authors of these letters, if they run, have the receipts of all.
func (l *letters) receipted(limit time.Duration, when string, some ...*letter) {
	l.t.Helper()
	l.await(limit, when+" their authors know", func() bool {
		return !slices.ContainsFunc(some, func(one *letter) bool {
			if one.from.running == nil || one.gone {
				return false
			}
			_, delivered := one.from.ways(one.id)
			return !delivered
		})
	})
}
