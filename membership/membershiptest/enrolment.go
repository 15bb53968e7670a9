package membershiptest

import (
	"muster.example/internal/keys"
	"muster.example/membership"
)

// EnrolmentTerms returns terms that an enrolment can have: for members, two a day, by the claim name.
func EnrolmentTerms() membership.EnrolmentTerms {
	return membership.EnrolmentTerms{
		Issuer: "https://login.example.org", Client: "muster", Role: membership.RoleMember, Daily: 2,
		URL: "https://enrol.example.org", Claim: "name",
	}
}

// EnrolmentEvent returns the event that names, changes or ends an enrolment key.
func (o *Org) EnrolmentEvent(by keys.PrivateKey, e membership.Enrolment) membership.SignedEvent {
	return o.sign(by, nil, func(event *membership.Event) { event.Enrolment = &e })
}

// Enrol names a fresh enrolment key with terms, signed by the founder, and returns it.
func (o *Org) Enrol(terms membership.EnrolmentTerms) keys.PrivateKey {
	o.t.Helper()
	key := o.Key()
	o.Append(o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public(), Terms: &terms}))
	return key
}

// EnrolledEvent returns the join of m by an enrolment key, with a role.
func (o *Org) EnrolledEvent(enrolment keys.PrivateKey, m *Member, role membership.Role) membership.SignedEvent {
	return o.sign(m.Device(), &enrolment, func(e *membership.Event) {
		e.Join = &membership.Join{Invitation: enrolment.Public(), Name: m.Name, Recovery: m.Recovery.Public(), Role: role}
	})
}

// Stranger returns somebody with keys who is no member.
func (o *Org) Stranger(name string) *Member {
	return &Member{Name: name, Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()}}
}

// JoinEnrolled adds a member by an enrolment key, with a role.
func (o *Org) JoinEnrolled(enrolment keys.PrivateKey, name string, role membership.Role) *Member {
	o.t.Helper()
	m := o.Stranger(name)
	event := o.EnrolledEvent(enrolment, m, role)
	o.Append(event)
	m.ID = membership.MemberOf(o.ID, event)
	o.Members = append(o.Members, m)
	return m
}
