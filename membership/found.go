package membership

import "muster.example/internal/keys"

// Found is the first event of a roll: it makes the organization, whose name is its hash, and its first member. It is
// signed by the founder's first device and by the root key. The founder is an admin. [ROLL-20]
type Found struct {
	OrgName  string         `cbor:"1,keyasint"`
	Root     keys.PublicKey `cbor:"2,keyasint"` // the organization's root key, kept offline
	Member   string         `cbor:"3,keyasint"` // the founder's name
	Recovery keys.PublicKey `cbor:"4,keyasint"` // the founder's recovery key
	Policy   Policy         `cbor:"5,keyasint"`
}

func (*Found) kind() *kind { return &foundKind }

func (f *Found) cosigner() (keys.PublicKey, bool) { return f.Root, true }

func (f *Found) form() error {
	if err := checkNameSize("organization's name", f.OrgName); err != nil {
		return err
	}
	return checkNameSize("founder's name", f.Member)
}

var foundKind = kind{
	rules: []rule{notFounded, foundKeys, counted, foundPolicy, foundNames},
	apply: applyFound,
}

// notFounded: an organization is founded once. [ROLL-20]
func notFounded(s *State, _ *change) error {
	if s.size > 0 {
		return refuse(ReasonFounded, "")
	}
	return nil
}

// foundKeys: the founder's device, recovery and root keys are three strong keys. [ROLL-8] [ROLL-9]
func foundKeys(s *State, c *change) error {
	return s.newKeys(c.by.Signer, c.event.Found.Recovery, c.event.Found.Root)
}

// foundNames: the organization and its founder have names that the rule allows. [ROLL-30]
func foundNames(_ *State, c *change) error {
	tables := c.event.Found.Policy.Tables
	if err := checkName(c.event.Found.OrgName, tables); err != nil {
		return err
	}
	return checkName(c.event.Found.Member, tables)
}

// foundPolicy: the first policy is within its bounds. [ROLL-26]
func foundPolicy(_ *State, c *change) error { return c.event.Found.Policy.Check() }

func applyFound(s *State, c *change) {
	found := c.event.Found
	s.orgName, s.root = found.OrgName, found.Root
	s.roots = append(s.roots, found.Root)
	s.setPolicy(found.Policy)
	s.keys[found.Root] = holding{use: useRoot}
	s.admit(c, found.Member, RoleAdmin, found.Recovery)
}
