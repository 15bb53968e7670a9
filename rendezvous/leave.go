package rendezvous

import (
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// question is a post of which is asked who gets it.
type question struct {
	sender keys.MemberID
	device keys.PublicKey // of the sender, which posts it
	header envelope.Header
	to     []keys.PublicKey
	talk   *talk // the conversation whose leave the header names; nil for none that is known
}

// verdict is what becomes of one post.
type verdict struct {
	status     wire.Status
	recipients []keys.PublicKey  // who gets it; may be empty
	set        *queue.Set        // who gets it instead, if there is one,
	except     []keys.PublicKey  // but for these
	silent     []keys.PublicKey  // who gets it not, without its sender being told
	refused    []rvproto.Refusal // who does not, and why
	newer      []keys.PublicKey  // who is entitled to it as well, but unknown to the sender
	keep       *keeping          // the archive's part in it, nil for none
	spared     bool              // some have it from another node
}

// reaches reports whether anybody gets it.
func (v *verdict) reaches() bool { return v.devices() > 0 }

// devices returns how many devices get it.
func (v *verdict) devices() int {
	n := len(v.recipients)
	if v.set != nil {
		n += len(v.set.Devices()) - len(v.except)
	}
	return n
}

// passing is what becomes of a post for one recipient.
type passing struct {
	status wire.Status // StatusOK, or why it is refused
	drop   bool        // it goes nowhere, and the sender is not told
}

// judge decides who of a post's recipients gets the envelope: the sender's own devices, and those that the leave which the
// header names lets the sender write to. Accepted recipients are appended to room. [RV-41] [RV-44]
func (o *org) judge(q question, room []keys.PublicKey) verdict {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	j := &judging{org: o, state: o.roll.roll.State(), q: q, verdict: verdict{recipients: room}}
	if !j.archived() {
		return j.verdict
	}
	switch q.header.Leave.Kind {
	case envelope.LeaveGroup:
		j.group(keys.GroupID(q.header.Leave.ID))
	case envelope.LeaveDesk:
		j.desk(keys.MemberID(q.header.Leave.ID))
	case envelope.LeaveReport:
		j.report(keys.GroupID(q.header.Leave.ID))
	default:
		j.each(j.granted)
	}
	return j.verdict
}

// judging is one judgement under way, by one state of the roll.
type judging struct {
	org   *org
	state *membership.State
	q     question
	verdict
}

// each asks for every named recipient that is not the sender's own, once for consecutive devices of one member. There has
// to be one.
func (j *judging) each(may func(member keys.MemberID) passing) {
	if len(j.q.to) == 0 {
		j.status = wire.StatusMalformed
		return
	}
	var last keys.MemberID
	var way passing
	for _, device := range j.q.to {
		member, ok := j.state.MemberOf(device)
		switch {
		case !ok:
			way, last = passing{status: absence(j.state.Standing(device))}, keys.MemberID{}
		case member == j.q.sender:
			way, last = passing{}, keys.MemberID{}
		case member != last:
			way, last = may(member), member
		}
		switch {
		case way.status != wire.StatusOK:
			j.refused = append(j.refused, rvproto.Refusal{Device: device, Status: way.status})
		case j.parked(device):
			j.refused = append(j.refused, rvproto.Refusal{Device: device, Status: wire.StatusParked})
		case way.drop:
			j.silent = append(j.silent, device)
		default:
			j.recipients = append(j.recipients, device)
		}
	}
}

// parked: nothing is kept for a device, whether its member lets the sender write or has ended that. An introduction waits all
// the same: whoever may make one is not to learn that somebody does not come. [RV-57]
func (j *judging) parked(device keys.PublicKey) bool {
	return j.org.attendance.isParked(device) && j.q.header.Kind != envelope.KindIntroduction
}

// granted: by the policy for the roles of the two, a grant, or, in a conversation of several, leave given for that. A
// recipient who has ended leave looks like one who is away, and one who never gave any like one who has said nothing; an
// end for the sender alone counts before leave for a conversation. An introduction needs no leave. [RV-41] [RV-42] [RV-46]
func (j *judging) granted(member keys.MemberID) passing {
	given, way := j.org.grants.of(member, j.q.sender), j.state.MayContact(j.q.sender, member)
	there := j.q.talk.of(j.q.sender, member)
	switch {
	case way == membership.ContactRefused: // whatever they have agreed on before
		return passing{status: wire.StatusRefused}
	case given.open, way == membership.ContactFree, j.q.header.Kind == envelope.KindIntroduction, there.open:
		return passing{drop: given.ended()}
	case given.ended() && given.opened, there.ended() && there.opened:
		return passing{drop: true}
	}
	return passing{status: wire.StatusNoLeave}
}

// group: among those who are in a group. A message is by who may write there, and for those who were in it at its roll
// size; an announcement is for all who are in it. [RV-45]
func (j *judging) group(id keys.GroupID) {
	since, in := j.state.InGroup(id, j.q.sender)
	header := &j.q.header
	switch size := header.RollSize; {
	case !in:
		j.status = wire.StatusNoLeave
	case header.Kind == envelope.KindAnnounce:
		j.each(func(member keys.MemberID) passing { return j.inGroup(id, member, ^uint64(0)) })
	case !j.state.MayWriteIn(id, j.q.sender):
		j.status = wire.StatusRefused
	case size > j.state.Size() || size <= since:
		j.status = wire.StatusStale
	case len(j.q.to) > 0:
		j.each(func(member keys.MemberID) passing { return j.inGroup(id, member, size) })
	default:
		j.everybody(id, size)
	}
}

// inGroup: a member is in the group, since before the roll had a size.
func (j *judging) inGroup(id keys.GroupID, member keys.MemberID, size uint64) passing {
	if since, in := j.state.InGroup(id, member); !in || since >= size {
		return passing{status: wire.StatusNoLeave}
	}
	return passing{}
}

// everybody: every device that was in the group when the roll had a size, and still is. [RV-45]
func (j *judging) everybody(id keys.GroupID, size uint64) {
	fan := j.org.fans.of(j.state, id)
	if len(fan.devices) > rvproto.MaxFanOut {
		j.status = wire.StatusTooLarge
		return
	}
	j.set = fan.set
	if size > fan.newest { // the sender knows of all of them
		if fan.has(j.q.device) {
			j.except = append(j.except, j.q.device)
		}
		for device := range j.org.attendance.away() {
			if device != j.q.device && fan.has(device) {
				j.exceptParked(device)
			}
		}
		return
	}
	for i := range fan.devices {
		d := &fan.devices[i]
		if d.Device == j.q.device || d.Joined >= size || d.Since >= size {
			j.except = append(j.except, d.Device)
		} else if j.parked(d.Device) {
			j.exceptParked(d.Device)
		}
		if d.Device != j.q.device && d.Joined < size && d.Since >= size {
			j.newer = append(j.newer, d.Device)
		}
	}
}

// exceptParked leaves a parked device out of a group, and says so.
func (j *judging) exceptParked(device keys.PublicKey) {
	j.except = append(j.except, device)
	j.refused = append(j.refused, rvproto.Refusal{Device: device, Status: wire.StatusParked})
}

// desk: between a guest and the members who answer guests, who all see it. [RV-47]
func (j *judging) desk(guest keys.MemberID) {
	if j.state.Role(guest) != membership.RoleGuest ||
		j.q.sender != guest && j.state.Role(j.q.sender) != membership.RoleDesk {
		j.status = wire.StatusRefused
		return
	}
	j.each(func(member keys.MemberID) passing {
		if member != guest && j.state.Role(member) != membership.RoleDesk {
			return passing{status: wire.StatusRefused}
		}
		if member != guest && j.q.sender != guest {
			return passing{} // what one desk answers, the others see
		}
		return passing{
			status: refusedIf(j.state.MayContact(j.q.sender, member) == membership.ContactRefused),
			drop:   j.org.grants.of(member, j.q.sender).ended(),
		}
	})
}

// report: to the admins, or, by who is in a group, to those who moderate it. Whoever they are, they hear it. [RV-48]
func (j *judging) report(id keys.GroupID) {
	may := func(member keys.MemberID) bool { return j.state.Role(member) == membership.RoleAdmin }
	_, in := j.state.InGroup(id, j.q.sender)
	if !id.IsZero() {
		may = func(member keys.MemberID) bool { return j.state.Moderates(id, member) }
	}
	if j.state.Role(j.q.sender) == membership.RoleGuest || !id.IsZero() && !in {
		j.status = wire.StatusRefused
		return
	}
	j.each(func(member keys.MemberID) passing { return passing{status: refusedIf(!may(member))} })
}

func refusedIf(no bool) wire.Status {
	if no {
		return wire.StatusRefused
	}
	return wire.StatusOK
}

// absence says why nobody can write to a device that is not active. [RV-44]
func absence(standing membership.Standing) wire.Status {
	if standing == membership.StandingNone {
		return wire.StatusNotFound
	}
	return statusOfStanding(standing)
}

// addressee returns whose devices, beside the sender's own, an introduction is for, zero if there are none; false if it is
// for two. Who is on no roll is somebody too, so that asking costs the same. tolled says whether it uses up allowance: by
// the policy for the roles of the two, which everybody knows, and by nothing else. [RV-42] [RV-43]
func (o *org) addressee(sender keys.MemberID, to []keys.PublicKey) (who keys.MemberID, one, tolled bool) {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	state := o.roll.roll.State()
	for i := range to {
		member, ok := state.AccountOf(to[i])
		archive, _ := state.IsArchive(to[i])
		switch {
		case archive:
			continue
		case !ok:
			member = keys.MemberID(to[i])
		case member == sender:
			continue
		}
		if !who.IsZero() && member != who {
			return who, false, true
		}
		who = member
		_, active := state.MemberOf(to[i])
		tolled = tolled || !active || state.MayContact(sender, member) == membership.ContactIntroduction
	}
	return who, true, tolled
}

// terms are the parts of the policy that a post is held against.
type terms struct {
	maxEnvelope   int
	queueTime     time.Duration
	park          time.Duration // that a device may be silent
	introductions uint64        // a day
	perPair       uint64        // of them, to one member
	guestPosts    int           // a minute, from one device
	guestBytes    int64         // of one guest that wait
}

// terms returns the policy in force.
func (o *org) terms() terms {
	o.roll.mu.RLock()
	defer o.roll.mu.RUnlock()
	policy := o.roll.roll.State().Policy()
	return terms{
		maxEnvelope:   int(min(policy.MaxEnvelope, rvproto.MaxEnvelope)),
		queueTime:     time.Duration(policy.QueueTime) * time.Second,
		park:          time.Duration(policy.ParkTime()) * time.Second,
		introductions: policy.IntroductionsPerDay,
		perPair:       policy.IntroductionsPerPair,
		guestPosts:    int(policy.GuestPosts),
		guestBytes:    int64(policy.GuestBytes),
	}
}
