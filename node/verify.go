package node

import (
	"context"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Verification returns the safety number of this account and a member.
func (n *Node) Verification(_ context.Context, query api.VerifyQuery) (api.VerifyResult, error) {
	o, members, err := n.resolve(query.Org, []string{query.Member})
	if err != nil {
		return api.VerifyResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.verificationLocked(members[0])
}

// verificationLocked describes how a member's verification stands. Callers hold mu.
func (o *organization) verificationLocked(member keys.MemberID) (api.VerifyResult, error) {
	state := o.roll.State()
	number, ok := state.SafetyNumber(o.member, member)
	if !ok {
		return api.VerifyResult{}, api.Errorf(api.CodeNotFound, "no member %s", member.Short())
	}
	result := api.VerifyResult{
		Org: o.org.String(), OrgName: state.OrgName(), Member: o.personLocked(member), Number: number.String(),
		Payload: membership.Verification{Org: o.org, Member: o.member, Number: number}.Link(),
	}
	mark, marked := o.view.Verification(member)
	if !marked {
		return result, nil
	}
	result.Since = time.UnixMilli(mark.Time).UTC()
	why, err := o.fallenLocked(mark)
	result.Verified, result.Warning = why == "", why
	return result, err
}

// Verify marks a member as verified.
func (n *Node) Verify(_ context.Context, request api.VerifyRequest) (api.VerifyResult, error) {
	o, members, err := n.resolve(request.Org, []string{request.Member})
	if err != nil {
		return api.VerifyResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	before, err := o.verificationLocked(members[0])
	if err != nil {
		return before, err
	}
	if request.Payload != "" {
		if err := o.comparePayloadLocked(members[0], request.Payload); err != nil {
			return before, err
		}
	}
	if before.Verified {
		before.Already = true
		return before, nil
	}
	if err := o.markLocked(members[0], o.now().UnixMilli()); err != nil {
		return before, err
	}
	return o.verificationLocked(members[0])
}

// markLocked marks a member as verified, as the roll has them now. Callers hold mu.
func (o *organization) markLocked(member keys.MemberID, now int64) error {
	speakers, _ := o.roll.State().Speakers(member)
	var record history.Record
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		record, err = tx.AppendRecord(o.org, o.self, now, history.Record{Kind: history.RecordVerify, Verify: &history.Verify{
			Member: member, Speakers: speakers, Size: o.roll.Size(), Time: now,
		}})
		return err
	})
	if err != nil {
		return err
	}
	o.view.Apply(record)
	wake(o.wakeSiblings)
	return nil
}

// comparePayloadLocked holds what the other's device shows against the own number. Callers hold mu.
func (o *organization) comparePayloadLocked(member keys.MemberID, payload string) error {
	shown, err := membership.ParseVerification(payload)
	number, _ := o.roll.State().SafetyNumber(o.member, member)
	switch {
	case err != nil:
		return api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole line, from muster:verify/ on")
	case shown.Org != o.org:
		return api.Errorf(api.CodeRefused, "the line is of another organization").WithHint("name the organization with --org")
	case shown.Member == o.member:
		return api.Errorf(api.CodeRefused, "the line is this account's own").WithHint("take the one that %s's device shows", o.memberNameLocked(member))
	case shown.Member != member:
		return api.Errorf(api.CodeRefused, "the line is %s's, not %s's", o.personText(shown.Member), o.personText(member))
	case shown.Number != number:
		return api.Errorf(api.CodeRefused, "the numbers differ: %s's device and this one do not see the same keys", o.personText(member)).
			WithHint("let both devices connect and compare again; if they still differ, somebody is in between: tell an admin")
	}
	return nil
}

// fallenLocked says why a verification does not stand any more, or "" if it does. Callers hold mu.
func (o *organization) fallenLocked(mark history.Verify) (string, error) {
	state := o.roll.State()
	speakers, _ := state.Speakers(mark.Member)
	m, _ := state.Member(mark.Member)
	continued := false // a device that was there then is still active, so that it can vouch for the others
	for _, d := range m.Devices {
		continued = continued || d.Since < mark.Size && d.Active()
	}
	if speakers == mark.Speakers && continued {
		return "", nil
	}
	what, when := "all devices were replaced", int64(0)
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, mark.Size, func(index uint64, data []byte) (bool, error) {
			if index >= o.roll.Size() {
				return false, nil
			}
			said, at, err := o.speaksAnew(mark.Member, data)
			if said != "" {
				what, when = said, at
			}
			return true, err
		})
	})
	text := fmt.Sprintf("%s is no longer verified: %s", o.personText(mark.Member), what)
	if when > 0 {
		text += " on " + time.UnixMilli(when).UTC().Format("2006-01-02 15:04") + " UTC"
	}
	return text, err
}

// speaksAnew says what an entry changed in who can speak for a member, and its stamp; "" for other entries.
func (o *organization) speaksAnew(member keys.MemberID, data []byte) (what string, at int64, err error) {
	entry, err := membership.ParseEntry(data)
	if err != nil || entry.Hidden() {
		return "", 0, err
	}
	event, err := membership.ReadEvent(entry.Event)
	if err != nil {
		return "", 0, err
	}
	state := o.roll.State()
	byRecovery, _ := state.IsRecoveryKey(event.Signer)
	owner, _ := state.AccountOf(event.Signer)
	switch {
	case event.Recovery != nil && byRecovery == member:
		return "the recovery key was replaced", entry.Time, nil
	case event.Device != nil && byRecovery == member:
		return "a device was added with the recovery words", entry.Time, nil
	case event.Enter != nil && owner == member:
		return "the account was given to a new device by a re-admission", entry.Time, nil
	}
	return "", 0, nil
}

// warningsLocked lists the members whose verification has fallen, of all members or of some. Callers hold mu.
func (o *organization) warningsLocked(of ...keys.MemberID) (warnings []string, err error) {
	for _, mark := range o.view.Verifications() {
		if len(of) > 0 && !contains(of, mark.Member) {
			continue
		}
		why, err := o.fallenLocked(mark)
		if err != nil {
			return warnings, err
		}
		if why != "" {
			warnings = append(warnings, why)
		}
	}
	return warnings, nil
}

func contains[T comparable](list []T, wanted T) bool {
	for _, v := range list {
		if v == wanted {
			return true
		}
	}
	return false
}
