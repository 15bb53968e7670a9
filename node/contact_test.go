package node

import (
	"testing"
	"time"

	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// known makes members contacts, in a state and with grants, as former days left them.
func (o *organization) known(t *testing.T, contacts ...history.Contact) {
	t.Helper()
	effects := newEffects()
	update(t, o.node.store, func(tx *store.Tx) error {
		for _, contact := range contacts {
			if contact.Time == 0 {
				contact.Time = time.Now().UnixMilli()
			}
			if err := o.putContact(tx, contact, &effects); err != nil {
				return err
			}
		}
		return nil
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.applyLocked(effects)
}

// standing returns a contact as the view has it.
func (o *organization) standing(t *testing.T, p pair) history.Contact {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	contact, _ := o.view.Contact(p.from.ID)
	return contact
}

// TestIntroduceKeepsLeave introduces itself again to a member who has given leave meanwhile: that leave stays.
func TestIntroduceKeepsLeave(t *testing.T) {
	o, all := strangers(t, "ann")
	ann := all[0]
	o.known(t, history.Contact{
		Member: ann.from.ID, State: history.ContactRefused, Text: "too many", Got: ann.org.Grant(ann.from, ann.org.Founder, 3, true),
		Given: ann.org.Grant(ann.org.Founder, ann.from, 1, true),
	})
	if _, err := o.introduce(ann.from.ID, "it is me"); err != nil {
		t.Fatal(err)
	}
	contact := o.standing(t, ann)
	if numberOf(contact.Got) != 3 {
		t.Errorf("the leave that the member gave is gone: number %d", numberOf(contact.Got))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if given := o.givenLocked(contact); given.Number != 2 || !given.Open {
		t.Errorf("gave %+v", given)
	}
	if reason, ok := o.leaveLocked(ann.from.ID); !ok {
		t.Errorf("may not write: %s", reason)
	}
	if way := o.roll.State().MayContact(o.member, ann.from.ID); way != membership.ContactIntroduction {
		t.Errorf("the policy says %s", way)
	}
}
