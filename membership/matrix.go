package membership

import "fmt"

// Contact is how a member of one role may begin to write to one of another.
type Contact uint8

// The ways. The numbers are part of the wire format. [ROLL-27]
const (
	ContactFree         Contact = 1 // at once
	ContactIntroduction Contact = 2 // after an introduction that the other accepts
	ContactRefused      Contact = 3 // never
)

var contactText = [...]string{ContactFree: "free", ContactIntroduction: "introduction", ContactRefused: "refused"}

// String returns the word for the way.
func (c Contact) String() string {
	if c >= ContactFree && c <= ContactRefused {
		return contactText[c]
	}
	return fmt.Sprintf("contact %d", uint8(c))
}

// ParseContact reads the word that String writes.
func ParseContact(text string) (Contact, error) {
	for c := ContactFree; c <= ContactRefused; c++ {
		if contactText[c] == text {
			return c, nil
		}
	}
	return 0, fmt.Errorf("membership: %q is no way of contact: use free, introduction or refused", text)
}

const roles = int(RoleGuest)

// Matrix is the contact matrix: one byte for each pair of roles, the writer's role by rows. [ROLL-27]
type Matrix [roles * roles]Contact

// DefaultMatrix returns the matrix that an organization starts with: members introduce themselves first; guests write to
// desks at once, and only to them; desks answer guests.
func DefaultMatrix() (m Matrix) {
	for from := RoleAdmin; from.valid(); from++ {
		for to := RoleAdmin; to.valid(); to++ {
			m.Set(from, to, ContactIntroduction)
		}
		m.Set(from, RoleGuest, ContactRefused)
	}
	for to := RoleAdmin; to.valid(); to++ {
		m.Set(RoleGuest, to, ContactRefused)
	}
	m.Set(RoleGuest, RoleDesk, ContactFree)
	m.Set(RoleDesk, RoleGuest, ContactFree)
	return m
}

// Get returns how a writer of one role may begin to write to a reader of another.
func (m Matrix) Get(from, to Role) Contact { return m[int(from-1)*roles+int(to-1)] }

// Set changes one pair.
func (m *Matrix) Set(from, to Role, way Contact) { m[int(from-1)*roles+int(to-1)] = way }

// check: every way is known, and a guest writes to desks only. [ROLL-27]
func (m Matrix) check() error {
	for _, way := range m {
		if way < ContactFree || way > ContactRefused {
			return refuse(ReasonPolicy, "no way of contact has number %d", uint8(way))
		}
	}
	for to := RoleAdmin; to.valid(); to++ {
		if to != RoleDesk && m.Get(RoleGuest, to) != ContactRefused {
			return refuse(ReasonPolicy, "guests may write only to desks")
		}
	}
	return nil
}

// Leave says which role may invite for which: for each inviter's role a byte whose bit role-1 stands for the role given.
// [ROLL-22]
type Leave [roles]byte

// DefaultLeave returns what an organization starts with: admins invite for every role, members invite members.
func DefaultLeave() (l Leave) {
	for role := RoleAdmin; role.valid(); role++ {
		l.Set(RoleAdmin, role, true)
	}
	l.Set(RoleMember, RoleMember, true)
	return l
}

// May reports whether one role may invite for another.
func (l Leave) May(inviter, invited Role) bool { return l[inviter-1]>>(invited-1)&1 == 1 }

// Set changes one pair.
func (l *Leave) Set(inviter, invited Role, may bool) {
	bit := byte(1) << (invited - 1)
	if may {
		l[inviter-1] |= bit
	} else {
		l[inviter-1] &^= bit
	}
}

// check: somebody may invite, only admins invite admins, and no bit stands for nothing. [ROLL-22]
func (l Leave) check() error {
	anybody := false
	for inviter := RoleAdmin; inviter.valid(); inviter++ {
		anybody = anybody || l[inviter-1] != 0
		if l[inviter-1]>>roles != 0 {
			return refuse(ReasonPolicy, "a leave to invite for a role that there is not")
		}
		if inviter != RoleAdmin && l.May(inviter, RoleAdmin) {
			return refuse(ReasonPolicy, "only admins invite admins")
		}
	}
	if !anybody {
		return refuse(ReasonPolicy, "nobody may invite")
	}
	return nil
}

// Roles is a set of roles: bit role-1 stands for the role.
type Roles uint8

// RolesOf returns the set of some roles.
func RolesOf(roles ...Role) (set Roles) {
	for _, role := range roles {
		set |= 1 << (role - 1)
	}
	return set
}

// Has reports whether a role is in the set.
func (r Roles) Has(role Role) bool { return role.valid() && r>>(role-1)&1 == 1 }

// beyond reports whether the set has a bit above that of a role.
func (r Roles) beyond(role Role) bool { return r>>role != 0 }
