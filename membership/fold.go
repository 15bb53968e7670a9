package membership

import (
	"muster.example/internal/keys"
	"muster.example/membership/authority"
	"muster.example/membership/group"
)

// change is an event on its way into the state: everything a rule may ask about it.
type change struct {
	data     []byte // as signed
	event    Event
	by       Principal
	now      int64                // the sequencer's stamp, Unix milliseconds
	audience Audience             // as the entry says
	head     func() (Hash, error) // the root of the roll before it
	open     opener               // what turns bytes in it into events

	// Set by the rules that ask who signed, see signer.go.
	author   *account // whose device signed
	owner    *account // whose device or recovery key signed, or whom a re-admission gives the signer
	recovery bool     // the owner's recovery key signed
	root     bool     // the organization's root key signed
	as       authority.Capacity

	target *account      // whom the event is about
	action authority.Act // what it does to the target's devices

	group    *heldGroup // in which it acts; nil for one that it creates
	groupAct group.Act  // what it does there

	joining   *change    // the applicant's join that a vouch is for
	approved  bool       // of a join: an admin vouches for it
	dismissed []*account // whom a dismissal removes

	enrolment *enrolment // whose key signed, nil for none
	enrolled  []*account // whom the end of an enrolment key suspends
}

// rule refuses a change or lets it pass. It changes nothing in the state.
type rule func(*State, *change) error

// kind is what the fold does with one kind of event: first every rule, then the effect, which cannot fail.
type kind struct {
	rules []rule
	apply func(*State, *change)
}

// always are the rules of every kind. [ROLL-10]
var always = []rule{ofThisOrg, founded, seenByAuthor, fresh, forAudience}

// opener turns bytes into an event and its principal: OpenEvent, but for what was verified before.
type opener func(data []byte) (Event, Principal, error)

// prepare asks every rule about an event stamped now. It changes nothing.
func (s *State) prepare(
	data []byte, now int64, audience Audience, head func() (Hash, error), open opener,
) (*change, error) {
	if err := s.stampFollows(now); err != nil {
		return nil, err
	}
	event, principal, err := open(data)
	if err != nil {
		return nil, err
	}
	c := &change{data: data, event: event, by: principal, now: now, audience: audience, head: head, open: open}
	for _, rules := range [][]rule{always, event.says().kind().rules} {
		for _, allow := range rules {
			if err := allow(s, c); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// fold takes in a change that prepare allowed.
func (s *State) fold(c *change) {
	c.event.says().kind().apply(s, c)
	s.useCounter(c)
	if c.audience != (Audience{}) {
		s.hide()
		return
	}
	s.stamps = append(s.stamps, c.now)
	s.size++
}

// hide takes in an entry that not everybody can read: of it everybody knows only that it is there. [ROLL-18]
func (s *State) hide() {
	s.stamps = append(s.stamps, s.Time())
	s.size++
}

// stampFollows: the sequencer's clock never goes back, and stays within dates that people use. [ROLL-11]
func (s *State) stampFollows(now int64) error {
	if now <= 0 || now > MaxTime {
		return refuse(ReasonClock, "%d is no date", now)
	}
	if now < s.Time() {
		return refuse(ReasonClock, "%d ms before the entry before it", s.Time()-now)
	}
	return nil
}

// ofThisOrg: an event counts only in the organization that its signatures name. [ROLL-10]
func ofThisOrg(s *State, c *change) error {
	if c.event.Found != nil && s.size > 0 {
		return nil // refused as a second founding, which says more
	}
	if c.by.Org != s.org {
		return refuse(ReasonOrg, "%s", c.by.Org.Short())
	}
	return nil
}

// founded: the first entry is the founding event. [ROLL-20]
func founded(s *State, c *change) error {
	if s.size == 0 && c.event.Found == nil {
		return refuse(ReasonNotFounded, "")
	}
	return nil
}

// seenByAuthor: nobody has seen a roll that is longer than it is. [ROLL-12]
func seenByAuthor(s *State, c *change) error {
	if c.event.At > s.size {
		return refuse(ReasonFuture, "made at size %d, the roll has %d", c.event.At, s.size)
	}
	return nil
}

// fresh: the first entry that the author had not seen is younger than the policy's age, so that nobody keeps a signed
// event back for a better day. [ROLL-12]
func fresh(s *State, c *change) error {
	if c.event.At < s.size && c.now-s.stamps[c.event.At] > int64(s.policy.EventAge)*1000 {
		return refuse(ReasonStale, "made at size %d", c.event.At)
	}
	return nil
}

// sequenced: the second entry names the sequencer, and nothing else comes before that. [ROLL-21]
func sequenced(s *State, _ *change) error {
	if s.sequencer == nil {
		return refuse(ReasonSequencer, "")
	}
	return nil
}

// counted: the counter is the signer's next, so that no event counts twice or out of turn. Events for each audience are
// counted by themselves, since not everybody can count them. [ROLL-14]
func counted(s *State, c *change) error {
	if due := s.NextCounterFor(c.audience, c.by.Signer); c.event.Counter != due {
		return refuse(ReasonCounter, "%d where %d is due", c.event.Counter, due)
	}
	return nil
}

func (s *State) useCounter(c *change) {
	counters := s.counters
	if c.audience != (Audience{}) {
		if counters = s.tagged[c.audience]; counters == nil {
			counters = make(authority.Counters)
			s.tagged[c.audience] = counters
		}
	}
	counters.Use(c.by.Signer, c.event.Counter)
}

// admit makes the account of a found or join event, with its first device.
func (s *State) admit(c *change, name string, role Role, recovery keys.PublicKey) {
	a := &account{
		id: MemberOf(s.org, c.data), role: role, first: role, joined: s.size,
		devices: authority.New(c.by.Signer, recovery, s.size),
	}
	c.target = a
	s.members[a.id] = a
	s.keys[recovery] = holding{use: useRecovery, account: a}
	s.keys[c.by.Signer] = holding{use: useDevice, account: a}
	s.rename(a, name, c.now)
}
