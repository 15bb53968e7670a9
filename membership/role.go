package membership

import "fmt"

// Role is what a member may do.
type Role uint8

// The roles. The numbers are part of the wire format. [ROLL-5]
const (
	RoleAdmin  Role = 1 // may do all that the organization allows
	RoleMember Role = 2
	RoleDesk   Role = 3 // may hear from guests
	RoleGuest  Role = 4 // may write only to desks
)

var roleText = [...]string{RoleAdmin: "admin", RoleMember: "member", RoleDesk: "desk", RoleGuest: "guest"}

// String returns the word for the role.
func (r Role) String() string {
	if r.valid() {
		return roleText[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ParseRole reads the word that String writes.
func ParseRole(text string) (Role, error) {
	for role := RoleAdmin; role.valid(); role++ {
		if roleText[role] == text {
			return role, nil
		}
	}
	return 0, fmt.Errorf("membership: %q is not a role: use admin, member, desk or guest", text)
}

// MarshalText implements encoding.TextMarshaler with String.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with ParseRole.
func (r *Role) UnmarshalText(text []byte) error {
	role, err := ParseRole(string(text))
	if err != nil {
		return err
	}
	*r = role
	return nil
}

func (r Role) valid() bool { return r >= RoleAdmin && r <= RoleGuest }
