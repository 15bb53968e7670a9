package enrolment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/membership"
)

// watch asks the provider about every account from time to time, until ctx ends. [ENR-30]
func (s *Service) watch(ctx context.Context) error {
	for {
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the round of checks was not completed", "error", err)
		}
		pause := time.NewTimer(min(s.cfg.Check, askAgain) / 2)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// round checks every account that is due.
func (s *Service) round(ctx context.Context) error {
	follows := s.roll.follow(ctx)
	s.noteFollow(follows)
	if follows != nil {
		return errors.Join(follows, s.writeStatus()) // who is out by the roll is not known, and nothing could be said
	}
	all, err := s.accounts.all()
	if err != nil {
		return err
	}
	due := all[:0]
	for _, one := range all {
		if s.due(one) {
			due = append(due, one)
		}
	}
	var mu sync.Mutex
	group := task.New(ctx)
	for range min(checkers, len(due)) {
		group.Go("checker", func(ctx context.Context) error {
			for ctx.Err() == nil {
				mu.Lock()
				if len(due) == 0 {
					mu.Unlock()
					return nil
				}
				one := due[0]
				due = due[1:]
				mu.Unlock()
				if err := s.check(ctx, one.Subject); err != nil && ctx.Err() == nil {
					s.log.Warn("an account could not be checked", "error", err)
				}
			}
			return nil
		})
	}
	return errors.Join(group.Wait(), s.writeStatus())
}

// due reports whether the provider is to be asked about an account: after a first refusal soon again. [ENR-31]
func (s *Service) due(a account) bool {
	every := s.cfg.Check
	if a.Refusals > 0 && a.Refusals < minRefusals {
		every = min(every, askAgain)
	}
	return s.cfg.Now().UnixMilli()-a.Checked >= every.Milliseconds()
}

// check asks the provider about one account, and does what follows. One of these runs for an account at a time.
func (s *Service) check(ctx context.Context, subject string) error {
	defer s.hold(subject)()
	a, found, err := s.accounts.get(subject)
	if err != nil || !found || !s.due(a) {
		return err
	}
	member, on := s.memberOf(a)
	switch {
	case !on && s.cfg.Now().Unix()-a.Joined > int64(pendingTime.Seconds()), on && member.Removed:
		return s.accounts.drop(subject) // the join never came onto the roll, or the membership is over
	case !on:
		return nil
	}
	if a.Refresh == "" { // refused for good before; a login begins anew
		return s.shutOut(ctx, a, member)
	}
	said, next, err := s.provider.renew(ctx, subject, a.Refresh)
	if next != "" && next != a.Refresh {
		a.Refresh = next // kept whatever comes: the one before may be worth nothing any more
	}
	switch {
	case errors.Is(err, errUnreached):
		s.counts.unreached.Add(1)
		return errors.Join(err, s.accounts.put(a)) // nobody is suspended by a provider that is silent
	case err == nil && s.cfg.Rules.allow(said):
		return s.letIn(ctx, a, member, said)
	case err != nil && !errors.Is(err, errRefused):
		return errors.Join(err, s.accounts.put(a))
	}
	s.counts.refused.Add(1)
	a.Refusals, a.Checked = a.Refusals+1, s.cfg.Now().UnixMilli()
	if err := s.accounts.put(a); err != nil {
		return err
	}
	return s.shutOut(ctx, a, member)
}

// letIn notes that the provider lets somebody in, reinstates whom the service suspended, and arranges role and groups. [ENR-32]
func (s *Service) letIn(ctx context.Context, a account, member membership.Member, said claims) error {
	a.Refusals, a.Checked = 0, s.cfg.Now().UnixMilli()
	if a.Barred && member.Suspended {
		err := s.roll.say(ctx, func(e *membership.Event) { e.Reinstate = &membership.Reinstate{Member: member.ID} })
		switch {
		case errors.Is(err, membership.ReasonRole):
			s.log.Info("the provider lets a member in whom an admin has suspended", "member", member.ID.Short())
		case err != nil && !errors.Is(err, membership.ReasonAlready):
			return errors.Join(err, s.accounts.put(a))
		default:
			s.log.Info("reinstated a member whom the provider lets in again", "member", member.ID.Short())
			member.Suspended = false
		}
	}
	a.Barred = false
	if err := s.accounts.put(a); err != nil {
		return err
	}
	return s.arrange(ctx, a, member, said)
}

// shutOut suspends whom the provider has refused often enough, once. What an admin decided since stands. [ENR-31] [ENR-32]
func (s *Service) shutOut(ctx context.Context, a account, member membership.Member) error {
	if a.Refusals < minRefusals || a.Barred {
		return nil
	}
	if member.Role == membership.RoleAdmin {
		s.log.Warn("the provider refuses an admin, whom only another admin shuts out", "member", member.ID.Short())
		return nil
	}
	if !member.Suspended {
		err := s.roll.say(ctx, func(e *membership.Event) { e.Suspend = &membership.Suspend{Member: member.ID} })
		if err != nil && !errors.Is(err, membership.ReasonAlready) {
			return err
		}
		s.counts.suspended.Add(1)
		s.log.Info("suspended a member whom the provider refuses", "member", member.ID.Short())
	}
	a.Barred = true
	return s.accounts.put(a)
}

// arrange gives a member the role and the groups that the provider's word stands for. [ENR-34]
func (s *Service) arrange(ctx context.Context, a account, member membership.Member, said claims) error {
	var terms membership.EnrolmentTerms
	var err error
	var groups []membership.Group
	s.roll.read(func(state *membership.State) {
		terms, err = s.cfg.terms(state, s.key.Public())
		groups = state.Groups()
	})
	if err != nil || member.Suspended || member.Role == membership.RoleAdmin {
		return err
	}
	if role := s.cfg.Rules.role(said, terms); len(s.cfg.Rules.Desk) > 0 && role != member.Role {
		if err := s.roll.say(ctx, func(e *membership.Event) { e.Role = &membership.RoleChange{Member: member.ID, Role: role} }); err != nil {
			return err
		}
	}
	wanted := s.cfg.Rules.groups(said)
	for _, g := range groups {
		if g.Closed || !slices.Contains(terms.Groups, g.ID) {
			continue
		}
		err := s.arrangeGroup(ctx, &a, member.ID, g.ID, slices.Contains(wanted, g.Name))
		if err != nil {
			return err
		}
	}
	return nil
}

// arrangeGroup takes a member into a group, or out of it if it was the service that took them in.
func (s *Service) arrangeGroup(ctx context.Context, a *account, member keys.MemberID, id keys.GroupID, wanted bool) error {
	in := false
	s.roll.read(func(state *membership.State) { in = slices.Contains(state.GroupsOf(member), id) })
	own := slices.Index(a.Groups, id)
	var err error
	switch {
	case wanted && !in && own < 0:
		err = s.roll.say(ctx, func(e *membership.Event) { e.GroupAdmit = &membership.GroupAdmit{Group: id, Member: member} })
		a.Groups = append(a.Groups, id)
	case !wanted && own >= 0:
		if in {
			err = s.roll.say(ctx, func(e *membership.Event) { e.GroupRemove = &membership.GroupRemove{Group: id, Member: member} })
		}
		a.Groups = slices.Delete(a.Groups, own, own+1)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return s.accounts.put(*a)
}

// memberOf returns the member of an account by the roll; false while the join is not on it.
func (s *Service) memberOf(a account) (member membership.Member, on bool) {
	s.roll.read(func(state *membership.State) {
		if id, known := state.AccountOf(a.Device); known {
			member, on = state.Member(id)
		}
	})
	return member, on
}

// hold lets one at a time act on an account; the returned function ends that.
func (s *Service) hold(subject string) (release func()) {
	s.mu.Lock()
	for s.held[subject] {
		s.freed.Wait()
	}
	s.held[subject] = true
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		delete(s.held, subject)
		s.freed.Broadcast()
		s.mu.Unlock()
	}
}
