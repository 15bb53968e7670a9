package node

import (
	"fmt"
	"math"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// noticesFor is how long status shows a notice.
const noticesFor = 30 * 24 * time.Hour

// contactNamesLocked returns the names of the contacts as the roll has them now. Callers hold mu.
func (o *organization) contactNamesLocked() map[keys.MemberID]string {
	names := make(map[keys.MemberID]string)
	for _, contact := range o.view.Contacts() {
		if m, ok := o.roll.State().Member(contact.Member); ok && contact.State != history.ContactRefused && !o.blocksLocked(contact) {
			names[contact.Member] = m.Name
		}
	}
	return names
}

// tellChangesLocked tells a person, once, what a newer roll changed for them: contacts who have another name, and
// verifications that fell. names are those of the contacts before. Callers hold mu.
func (o *organization) tellChangesLocked(names map[keys.MemberID]string) {
	for id, before := range names {
		if m, _ := o.roll.State().Member(id); m.Name != before && before != "" && m.Name != "" {
			o.noticeLocked(id, fmt.Sprintf("%s (%s) is now called %s", before, id.Short(), m.Name))
		}
	}
	for _, mark := range o.view.Verifications() {
		why, err := o.fallenLocked(mark)
		if err != nil {
			o.log.Error("looking at verifications", "error", err)
		}
		if why != "" && !o.warnedLocked(why) {
			o.alarmLocked(store.Alarm{Kind: alarmVerify, Text: why})
			o.noticeLocked(mark.Member, why)
		}
	}
}

const alarmVerify = "verify"

// warnedLocked reports whether an alarm about a fallen verification was raised already. Callers hold mu.
func (o *organization) warnedLocked(text string) bool {
	warned := false
	err := o.node.store.View(func(tx *store.Tx) error {
		alarms, err := tx.Alarms(o.org)
		for _, a := range alarms {
			warned = warned || a.Kind == alarmVerify && a.Text == text
		}
		return err
	})
	return warned && err == nil
}

// noticeLocked stores a notice and tells the watchers. Callers hold mu.
func (o *organization) noticeLocked(member keys.MemberID, text string) {
	o.keepNoticeLocked(store.Notice{Member: member, Text: text})
}

// noticeOfLocked is noticeLocked for what is about the device itself, which pages say in their own words. Callers hold mu.
func (o *organization) noticeOfLocked(kind api.NoticeKind, count int, text string) {
	o.keepNoticeLocked(store.Notice{Member: o.member, Text: text, Kind: string(kind), Count: uint64(max(count, 0))})
}

// keepNoticeLocked stores a notice of now and tells the watchers. Callers hold mu.
func (o *organization) keepNoticeLocked(n store.Notice) {
	n.Time = o.now().UnixMilli()
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.AddNotice(o.org, n) }); err != nil {
		o.log.Error("storing a notice", "error", err)
	}
	described := o.describeNotice(n)
	o.node.hub.publish(api.Event{Kind: api.EventNotice, Time: described.Time, Org: o.org.String(), Notice: &described})
}

func (o *organization) describeNotice(n store.Notice) api.Notice {
	described := api.Notice{Time: time.UnixMilli(n.Time).UTC(), Org: o.org.String(), Member: o.personLocked(n.Member), Text: n.Text}
	if n.Kind != "" {
		described.Kind, described.Count = api.NoticeKind(n.Kind), int(min(n.Count, math.MaxInt32))
	} else if n.Count > 0 {
		described.Returned = &api.ReturnedNotice{ID: n.Message.String(), Count: int(n.Count), Reason: api.StateReason(n.Why.String())}
	}
	return described
}

// recentNotices returns the notices of the last days. Callers hold mu.
func (o *organization) recentNotices(tx *store.Tx, now time.Time) (recent []api.Notice, err error) {
	err = tx.Notices(o.org, func(_ uint64, n store.Notice) error {
		if now.Sub(time.UnixMilli(n.Time)) < noticesFor {
			recent = append(recent, o.describeNotice(n))
		}
		return nil
	})
	return recent, err
}

// untoldLocked returns the notices that nobody was told yet, and marks them told. Callers hold mu.
func (o *organization) untoldLocked() (untold []api.Notice, err error) {
	fresh := make(map[uint64]store.Notice)
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Notices(o.org, func(number uint64, n store.Notice) error {
			if !n.Told {
				untold, fresh[number] = append(untold, o.describeNotice(n)), n
			}
			return nil
		})
	})
	if err != nil || len(fresh) == 0 {
		return untold, err
	}
	err = o.node.store.Update(func(tx *store.Tx) error {
		for number, n := range fresh {
			n.Told = true
			if err := tx.PutNotice(o.org, number, n); err != nil {
				return err
			}
		}
		return nil
	})
	return untold, err
}

// tell puts what a person must know of an organization into the first page of an inbox.
func (o *organization) tell(page *api.InboxPage) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	warnings, err := o.warningsLocked()
	if err != nil {
		return err
	}
	untold, err := o.untoldLocked()
	for _, notice := range untold {
		if !contains(warnings, notice.Text) {
			page.Notices = append(page.Notices, notice)
		}
	}
	page.Warnings = append(page.Warnings, warnings...)
	return err
}
