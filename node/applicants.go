package node

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
)

// applicant is somebody who applies, as the rendezvous node shows them and the own roll judges them.
type applicant struct {
	shown api.Applicant
	id    keys.EventID
	join  membership.SignedEvent
}

// Applications lists who applies to join.
func (n *Node) Applications(ctx context.Context, query api.AdminQuery) ([]api.Applicant, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	all, err := o.applicants(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]api.Applicant, len(all))
	for i, a := range all {
		shown[i] = a.shown
	}
	return shown, nil
}

// applicants asks the rendezvous node who applies. What it shows is checked: what is no application by its signatures, or
// has a text that nobody may send, is left out.
func (o *organization) applicants(ctx context.Context) ([]applicant, error) {
	client, err := o.awaitOrderer(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := client.Applications(ctx)
	if errors.Is(err, wire.StatusRefused) {
		return nil, api.Errorf(api.CodeRefused, "only an admin of %s sees who applies", o.name()).
			WithHint("the policy says how many members' vouches admit: muster admin policy")
	}
	if err != nil {
		return nil, refusal("asking for applications", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	now := o.rollTime(state)
	var all []applicant
	for _, a := range listed {
		event, err := state.CheckApplication(a.Event, now)
		reason, _ := membership.ReasonOf(err)
		switch {
		case reason == membership.ReasonMalformed, reason == membership.ReasonSignature, reason == membership.ReasonKey:
			continue
		case reason == membership.ReasonDuplicateKey, envelope.CheckText(a.Text) != nil: // a member by now, or not to be shown
			continue
		}
		all = append(all, o.applicantLocked(event, a.Event, a.Text, a.Time, reason))
	}
	slices.SortFunc(all, func(a, b applicant) int {
		return cmp.Or(a.shown.Since.Compare(b.shown.Since), a.id.Compare(b.id))
	})
	return all, nil
}

// applicantLocked describes somebody who applies. Callers hold mu.
func (o *organization) applicantLocked(
	event membership.Event, join membership.SignedEvent, text string, since int64, reason membership.Reason,
) applicant {
	state := o.roll.State()
	issued, _ := state.Invitation(event.Join.Invitation)
	id := join.ID()
	shown := api.Applicant{
		ID: id.String(), Name: event.Join.Name, Text: text, Device: event.Signer.String(), Role: issued.Role.String(),
		Invitation: issued.Key.String(), InvitedBy: o.personLocked(issued.By), Since: time.Unix(since, 0).UTC(),
		Needed: state.Policy().Vouches,
	}
	for _, member := range state.Vouchers(id) {
		shown.Vouchers = append(shown.Vouchers, o.personLocked(member))
	}
	if reason != 0 {
		shown.Why = reason.String()
	}
	return applicant{shown: shown, id: id, join: join}
}

// shortestApplicant is how much of the beginning of an application's id must be given.
const shortestApplicant = 8

// findApplicant finds the one who is meant by a name, or by an id or its beginning.
func (o *organization) findApplicant(ctx context.Context, text string) (applicant, error) {
	all, err := o.applicants(ctx)
	if err != nil {
		return applicant{}, err
	}
	byID := func(a applicant) bool {
		return len(text) >= shortestApplicant && strings.HasPrefix(a.shown.ID, strings.ToLower(text))
	}
	byName := func(a applicant) bool { return strings.EqualFold(a.shown.Name, text) }
	for _, meant := range []func(applicant) bool{byID, byName} {
		found := slices.DeleteFunc(slices.Clone(all), func(a applicant) bool { return !meant(a) })
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return applicant{}, api.Errorf(api.CodeUsage, "%d applicants are called %q", len(found), text).
				WithHint("name one by its id: muster admin applications")
		}
	}
	return applicant{}, api.Errorf(api.CodeNotFound, "nobody called %q applies", text).WithHint("muster admin applications lists who does")
}

// Vouch speaks for somebody who applies: an admin admits them.
func (n *Node) Vouch(ctx context.Context, request api.VouchRequest) (api.VouchResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.VouchResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.VouchResult{}, err
	}
	meant, err := o.findApplicant(ctx, request.Applicant)
	if err != nil {
		return api.VouchResult{}, err
	}
	already, err := o.decide(ctx, membership.Event{Vouch: &membership.Vouch{Join: meant.join}}, root)
	if err != nil {
		return api.VouchResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	result := api.VouchResult{Org: o.org.String(), OrgName: state.OrgName(), Applicant: meant.shown, Already: already}
	result.Applicant.Vouchers = nil
	for _, member := range state.Vouchers(meant.id) {
		result.Applicant.Vouchers = append(result.Applicant.Vouchers, o.personLocked(member))
	}
	if id := membership.MemberOf(o.org, meant.join); state.Standing(keyOf(meant.shown.Device)) != membership.StandingNone {
		result.Admitted, result.Member = true, o.personLocked(id)
	}
	return result, nil
}

// keyOf reads a key that this device wrote.
func keyOf(text string) keys.PublicKey {
	key, _ := keys.ParsePublicKey(text)
	return key
}

// DeclineApplicant ends an application.
func (n *Node) DeclineApplicant(ctx context.Context, request api.VouchRequest) (api.VouchResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.VouchResult{}, err
	}
	meant, err := o.findApplicant(ctx, request.Applicant)
	if err != nil {
		return api.VouchResult{}, err
	}
	client, err := o.awaitOrderer(ctx)
	if err != nil {
		return api.VouchResult{}, err
	}
	result := api.VouchResult{Org: o.org.String(), OrgName: o.name(), Applicant: meant.shown}
	err = client.Decline(ctx, meant.id)
	switch {
	case errors.Is(err, wire.StatusNotFound):
		result.Already = true
	case errors.Is(err, wire.StatusRefused):
		return result, api.Errorf(api.CodeRefused, "only an admin declines an application")
	case err != nil:
		return result, refusal("declining", err)
	}
	return result, nil
}

// Dismiss removes all guests who joined in some time, or only says who they are.
func (n *Node) Dismiss(ctx context.Context, request api.DismissRequest) (api.DismissResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.DismissResult{}, err
	}
	dismissal, err := o.dismissal(request)
	if err != nil {
		return api.DismissResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.DismissResult{}, err
	}
	o.mu.Lock()
	guests := o.roll.State().Dismissed(*dismissal)
	result := api.DismissResult{
		Org: o.org.String(), OrgName: o.roll.State().OrgName(), From: dismissal.From, To: dismissal.To, Count: len(guests),
		Already: len(guests) == 0,
	}
	for _, guest := range guests[:min(len(guests), api.MaxDismissed)] {
		result.Guests = append(result.Guests, o.personLocked(guest.ID))
	}
	o.mu.Unlock()
	event := membership.Event{Dismiss: dismissal}
	if request.Check || result.Already {
		err = o.mayDecide(event, root) // who may not is told before they are asked
		if errors.Is(err, membership.ReasonUnknown) || errors.Is(err, membership.ReasonAlready) {
			err = nil
		}
		return result, explained(err)
	}
	_, err = o.decide(ctx, event, root)
	return result, err
}

// dismissal reads which guests are meant.
func (o *organization) dismissal(request api.DismissRequest) (*membership.Dismiss, error) {
	o.mu.Lock()
	size := o.roll.Size()
	from := request.From
	if request.Since != 0 {
		from = o.roll.State().PositionAt(o.now().Add(-time.Duration(request.Since) * time.Second).UnixMilli())
	}
	o.mu.Unlock()
	d := &membership.Dismiss{From: from, To: request.To}
	if d.To == 0 {
		d.To = size
	}
	switch {
	case request.Since < 0 || request.Since > 0 && (request.From != 0 || request.To != 0):
		return nil, api.Errorf(api.CodeUsage, "a time or positions of the roll, not both")
	case d.To > size:
		return nil, api.Errorf(api.CodeUsage, "the roll has %d entries", size).WithHint("muster admin roll shows them with their numbers")
	case d.From == d.To && request.Since > 0:
		d.From = size - 1 // nobody joined since
	case d.From >= d.To:
		return nil, api.Errorf(api.CodeUsage, "nothing is from #%d to before #%d", d.From, d.To)
	}
	if request.Invitation != "" {
		key, err := o.findInvitation(request.Invitation)
		if err != nil {
			return nil, err
		}
		d.Invitation = key
	}
	return d, nil
}
