package node

import (
	"iter"
	"slices"

	"muster.example/node/api"
	"muster.example/sync/history"
)

// turning is a page of a thread while it is filled. Whoever uses it holds the organization's mu.
type turning struct {
	*organization
	th     history.Thread
	hidden bool // what blocked members wrote is asked for
	limit  int
	size   int // bytes of text so far
	page   *api.ThreadPage
}

// taken is a run of messages that were put on the page, in the order in which they were visited.
type taken struct {
	at       []history.Position
	messages []api.Message
	more     bool // there was no room for what follows
}

// back fills the page with messages from before a position, from the newest for nil.
func (p *turning) back(before *history.Position) error {
	run, err := p.take(p.th.Back(before), p.limit)
	if err != nil || len(run.at) == 0 {
		return err
	}
	slices.Reverse(run.messages)
	p.page.Messages = run.messages
	if run.more {
		p.page.Earlier = positionText(run.at[len(run.at)-1])
	}
	return p.later(run.at[0])
}

// forth fills the page with messages from behind a position.
func (p *turning) forth(after history.Position) error {
	run, err := p.take(p.th.Forth(after), p.limit)
	if err != nil || len(run.at) == 0 {
		return err
	}
	p.page.Messages = run.messages
	if run.more {
		p.page.Later = positionText(run.at[len(run.at)-1])
	}
	if p.follows(p.th.Back(&run.at[0])) {
		p.page.Earlier = positionText(run.at[0])
	}
	return nil
}

// around fills the page with a message in its middle. Where the newest page has it, it is that one: so that what comes next
// is seen on it.
func (p *turning) around(id string) error {
	r, err := p.findMessageLocked(id)
	if err != nil {
		return err
	}
	at, ok := p.th.Position(r.Message.ID())
	if !ok {
		return api.Errorf(api.CodeNotFound, "message %q is not in this thread", id)
	}
	if p.countTo(p.th.Forth(at), p.limit) < p.limit {
		bare := *p.page
		err := p.back(nil)
		if has := func(m api.Message) bool { return m.ID == at.Message.String() }; err != nil || slices.ContainsFunc(p.page.Messages, has) {
			return err
		}
		*p.page, p.size = bare, 0 // long messages: it is on a page before
	}
	earlier, err := p.take(p.th.Back(p.next(at)), p.limit-p.limit/2)
	if err != nil {
		return err
	}
	later, err := p.take(p.th.Forth(at), p.limit-len(earlier.at))
	if err != nil {
		return err
	}
	if slices.Reverse(earlier.messages); earlier.more {
		p.page.Earlier = positionText(earlier.at[len(earlier.at)-1])
	}
	p.page.Messages = slices.Concat(earlier.messages, later.messages)
	if n := len(later.at); n > 0 {
		at = later.at[n-1]
	}
	return p.later(at)
}

// next returns where the message behind a position is, nil if there is none.
func (p *turning) next(after history.Position) *history.Position {
	for at := range p.th.Forth(after) {
		return &at
	}
	return nil
}

// later says where the page behind goes on, if there is one behind the newest message of this page.
func (p *turning) later(newest history.Position) error {
	if p.follows(p.th.Forth(newest)) {
		p.page.Later = positionText(newest)
	}
	return nil
}

// take puts messages on the page until there are as many as limit, or the page is full. Those that are left out between two
// of them are counted, and behind the last.
func (p *turning) take(visited iter.Seq2[history.Position, bool], limit int) (run taken, err error) {
	left := 0 // how many are left out since the last one
	for at, hides := range visited {
		if hides && !p.hidden {
			left++
			continue
		}
		if len(run.at) == limit || p.size > pageBytes {
			run.more = true
			return run, nil // the next page has what was left out
		}
		r, err := p.recordLocked(at.Message)
		if err != nil {
			return run, err
		}
		message := p.wholeLocked(r) // what is hidden is asked for
		if message.Sent {
			states, err := p.deliveryLocked(at.Message)
			if err != nil {
				return run, err
			}
			message.Delivery = progress(states)
		}
		run.at, run.messages = append(run.at, at), append(run.messages, message)
		p.page.Hidden, left = p.page.Hidden+left, 0
		p.size += textSize(r)
	}
	p.page.Hidden += left
	return run, nil
}

// follows reports whether there is a message to show.
func (p *turning) follows(visited iter.Seq2[history.Position, bool]) bool {
	return p.countTo(visited, 1) > 0
}

// countTo counts messages to show, up to a number.
func (p *turning) countTo(visited iter.Seq2[history.Position, bool], enough int) (count int) {
	for _, hides := range visited {
		if count == enough {
			break
		}
		if !hides || p.hidden {
			count++
		}
	}
	return count
}
