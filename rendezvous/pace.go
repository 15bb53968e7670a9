package rendezvous

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// How fast one account may put events on the roll: what is on it stays for ever, at every member. A person with a list
// of people to invite stays far below. [RV-26]
const (
	eventBurst = 100
	eventEvery = time.Minute
)

// payer is whose events are counted together: the devices of one member, or one key that is no device's. So a recovery key
// is never kept waiting by a stolen device.
type payer struct {
	member keys.MemberID
	key    keys.PublicKey // if it is no device's
}

// charge counts an event that the rules allow for the account of a key; errPace if it has to wait. The zero key pays
// nothing. [RV-26]
func (o *org) charge(key keys.PublicKey, now time.Time) error {
	if key.IsZero() {
		return nil
	}
	by := payer{key: key}
	o.roll.read(func(state *membership.State) {
		if member, ok := state.AccountOf(key); ok {
			by = payer{member: member}
		}
	})
	if o.pace.take(by, eventEvery, eventBurst*eventEvery, now) > 0 {
		return errPace
	}
	return nil
}
