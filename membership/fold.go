package membership

import "muster.example/internal/keys"

// change is an event on its way into the state: everything a rule may ask about it.
type change struct {
	data   []byte // as signed
	event  Event
	by     Principal
	now    int64   // the sequencer's stamp, Unix milliseconds
	author *Member // whose device signed; set by the rule authored
}

// rule refuses a change or lets it pass. It changes nothing in the state.
type rule func(*State, *change) error

// kind is what the fold does with one kind of event: first every rule, then the effect, which cannot fail.
type kind struct {
	rules []rule
	apply func(*State, *change)
}

// always are the rules of every kind. [ROLL-10]
var always = []rule{ofThisOrg, founded, seenByAuthor, fresh}

// prepare asks every rule about an event stamped now. It changes nothing.
func (s *State) prepare(data []byte, now int64) (*change, error) {
	if err := s.stampFollows(now); err != nil {
		return nil, err
	}
	event, principal, err := OpenEvent(data)
	if err != nil {
		return nil, err
	}
	c := &change{data: data, event: event, by: principal, now: now}
	for _, rules := range [][]rule{always, event.kind().rules} {
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
	c.event.kind().apply(s, c)
	signer := s.keys[c.by.Signer]
	signer.counter = c.event.Counter
	s.keys[c.by.Signer] = signer
	s.stamps = append(s.stamps, c.now)
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

// authored: the signer is a device of a member, whatever else its key may be known as. [ROLL-13]
func authored(s *State, c *change) error {
	signer, ok := s.keys[c.by.Signer]
	if !ok || signer.use != useDevice {
		return refuse(ReasonNotMember, "%s", c.by.Signer.Short())
	}
	c.author = signer.member
	return nil
}

// counted: the counter is the signer's next, so that no event counts twice or out of turn. [ROLL-14]
func counted(s *State, c *change) error {
	if due := s.NextCounter(c.by.Signer); c.event.Counter != due {
		return refuse(ReasonCounter, "%d where %d is due", c.event.Counter, due)
	}
	return nil
}

// byAdmin: the author is an admin. [ROLL-15]
func byAdmin(_ *State, c *change) error {
	if c.author.Role != RoleAdmin {
		return refuse(ReasonRole, "only an admin may do this")
	}
	return nil
}

// admit makes the account of a found or join event, with its first device.
func (s *State) admit(c *change, name string, role Role, recovery keys.PublicKey) {
	member := &Member{ID: MemberOf(s.org, c.data), Name: name, Role: role, Recovery: recovery, Joined: s.size}
	s.members[member.ID] = member
	s.names[foldName(name)] = member
	s.keys[recovery] = holding{use: useRecovery, member: member}
	s.addDevice(member, c.by.Signer, keys.PublicKey{})
}

func (s *State) addDevice(member *Member, key, by keys.PublicKey) {
	member.Devices = append(member.Devices, MemberDevice{Key: key, By: by, Since: s.size})
	s.keys[key] = holding{use: useDevice, member: member}
}
