package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// defaultDaily is how many a new enrolment key admits a day unless an admin says otherwise.
const defaultDaily = 100

// SSO tells what the roll says of joining by a login. [API-152]
func (n *Node) SSO(_ context.Context, query api.AdminQuery) (api.AdminSSO, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.AdminSSO{}, err
	}
	card := o.card()
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	result := api.AdminSSO{Org: o.org.String(), OrgName: state.OrgName(), Card: card}
	for _, issued := range state.Enrolments() {
		if issued.Ended && !query.All {
			continue
		}
		described, err := o.enrolmentLocked(issued)
		if err != nil {
			return result, err
		}
		result.Keys = append(result.Keys, described)
	}
	return result, nil
}

// enrolmentLocked describes an enrolment key. Callers hold mu.
func (o *organization) enrolmentLocked(issued membership.IssuedEnrolment) (api.AdminEnrolment, error) {
	state, t := o.roll.State(), issued.Terms
	described := api.AdminEnrolment{
		Key: issued.Key.String(), Issuer: t.Issuer, Client: t.Client, URL: t.URL, Claim: t.Claim, Role: t.Role.String(), Daily: t.Daily,
		Pin: hex.EncodeToString(t.Pin), Link: membership.EnrolmentLink{Org: o.org, URL: t.URL, Key: issued.Key, Pin: t.Pin}.Link(),
	}
	if !issued.By.IsZero() {
		described.By = o.personLocked(issued.By)
	}
	for _, id := range t.Groups {
		g, _ := state.Group(id)
		described.Groups = append(described.Groups, g.Name)
	}
	for _, id := range issued.Admitted {
		described.Admitted = append(described.Admitted, o.personLocked(id))
	}
	err := state.CheckEnrolment(issued.Key)
	if described.Speaks = err == nil; !described.Speaks {
		if refusal, ok := errors.AsType[*membership.Refusal](err); ok {
			described.Why = refusal.Detail
		}
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		entry, _, err := o.entryAt(tx, issued.Since)
		described.Named = time.UnixMilli(entry.Time).UTC()
		return err
	})
	return described, err
}

// SetSSO names an enrolment key, or changes what it may do. [API-153]
func (n *Node) SetSSO(ctx context.Context, request api.SSOSetRequest) (api.AdminSSO, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.AdminSSO{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.AdminSSO{}, err
	}
	enrolment, err := o.enrolmentOf(request)
	if err != nil {
		return api.AdminSSO{}, err
	}
	if _, err := o.decide(ctx, membership.Event{Enrolment: enrolment}, root); err != nil {
		return api.AdminSSO{}, err
	}
	return n.SSO(ctx, api.AdminQuery{Org: o.org.String()})
}

// enrolmentOf makes the event of a request: what it leaves open is as before, or as for a new key.
func (o *organization) enrolmentOf(r api.SSOSetRequest) (*membership.Enrolment, error) {
	key, err := o.enrolmentKey(r.Key)
	if err != nil {
		if key, err = keys.ParsePublicKey(r.Key); err != nil {
			return nil, api.Errorf(api.CodeUsage, "this is no enrolment key").WithHint("`muster-rendezvous enrol keygen` prints it")
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	issued, known := o.roll.State().Enrolment(key)
	t := issued.Terms
	if !known {
		t = membership.EnrolmentTerms{Role: membership.RoleMember, Daily: defaultDaily}
	}
	t.Issuer, t.Client = cmp.Or(r.Issuer, t.Issuer), cmp.Or(r.Client, t.Client)
	t.URL, t.Daily = cmp.Or(strings.TrimSuffix(r.URL, "/"), t.URL), cmp.Or(r.Daily, t.Daily)
	if t.Claim = cmp.Or(r.Claim, t.Claim); t.Claim == "-" {
		t.Claim = ""
	}
	if r.Role != "" {
		if t.Role, err = membership.ParseRole(r.Role); err != nil {
			return nil, api.Errorf(api.CodeUsage, "%q is not a role", r.Role).WithHint("a login gives the role member, or desk at most")
		}
	}
	for what, text := range map[string]string{"--issuer": t.Issuer, "--url": t.URL} {
		if !membership.SecureURL(text) {
			return nil, api.Errorf(api.CodeUsage, "%s is no address such as https://login.example.org", what)
		}
	}
	if t.Client == "" {
		return nil, api.Errorf(api.CodeUsage, "the client id at the provider is missing").WithHint("--client-id ID")
	}
	if err := o.enrolmentListsLocked(r, &t); err != nil {
		return nil, err
	}
	e := &membership.Enrolment{Key: key, Terms: &t}
	if r.Replaces != "" {
		if e.Replaces, err = o.enrolmentKeyLocked(r.Replaces); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// enrolmentListsLocked reads groups and pin of a request. Callers hold mu.
func (o *organization) enrolmentListsLocked(r api.SSOSetRequest, t *membership.EnrolmentTerms) error {
	if len(r.Groups) > 0 {
		t.Groups = nil
	}
	for _, name := range r.Groups {
		if name == "-" && len(r.Groups) == 1 {
			break
		}
		g, err := o.findGroupLocked(name)
		if err != nil {
			return err
		}
		t.Groups = append(t.Groups, g.ID)
	}
	slices.SortFunc(t.Groups, keys.GroupID.Compare)
	t.Groups = slices.Compact(t.Groups)
	switch {
	case r.Pin == "-":
		t.Pin = nil
	case r.Pin != "":
		pin, err := hex.DecodeString(r.Pin)
		if err != nil || len(pin) != len(membership.Hash{}) {
			return api.Errorf(api.CodeUsage, "the pin is not the SHA-256 of a public key, 64 letters and digits")
		}
		t.Pin = pin
	}
	return nil
}

// enrolmentKey finds the one enrolment key of the roll that is or ends with text.
func (o *organization) enrolmentKey(text string) (keys.PublicKey, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.enrolmentKeyLocked(text)
}

func (o *organization) enrolmentKeyLocked(text string) (keys.PublicKey, error) {
	text = strings.TrimPrefix(text, "…")
	var found []keys.PublicKey
	for _, issued := range o.roll.State().Enrolments() {
		if fits(issued.Key, text) {
			found = append(found, issued.Key)
		}
	}
	return oneKey(found, text, "enrolment key", "`muster admin sso show --all` lists them")
}

// EndSSO ends an enrolment key, or says whom that would suspend. [API-154]
func (n *Node) EndSSO(ctx context.Context, request api.SSOEndRequest) (api.SSOEndResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.SSOEndResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.SSOEndResult{}, err
	}
	key, err := o.enrolmentKey(request.Key)
	if err != nil {
		return api.SSOEndResult{}, err
	}
	end := &membership.Enrolment{Key: key}
	o.mu.Lock()
	state := o.roll.State()
	switch {
	case request.Suspend < 0:
		end.Suspend = 1
	case request.Suspend > 0:
		end.Suspend = 1 + state.PositionAt(o.now().Add(-time.Duration(request.Suspend)*time.Second).UnixMilli())
	}
	issued, _ := state.Enrolment(key)
	result := api.SSOEndResult{Org: o.org.String(), OrgName: state.OrgName(), Key: key.String(), Already: issued.Ended}
	if end.Suspend > 0 {
		for _, m := range state.Members() {
			by, _ := state.EnrolledBy(m.ID)
			if by == key && m.Joined+1 >= end.Suspend && m.Role != membership.RoleAdmin && !m.Suspended && !m.Removed && (root != nil || m.ID != o.member) {
				result.Suspended = append(result.Suspended, o.personLocked(m.ID))
			}
		}
	}
	o.mu.Unlock()
	if result.Already {
		result.Suspended = nil
		return result, nil
	}
	event := membership.Event{Enrolment: end}
	if request.Check {
		return result, explained(o.mayDecide(event, root))
	}
	_, err = o.decide(ctx, event, root)
	return result, err
}
