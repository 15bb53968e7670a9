package node

import (
	"context"
	"errors"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

// decideAttempts is how often an event is signed anew because the roll has moved on meanwhile.
const decideAttempts = 4

// decide signs an event, by this device or by the organization's root key, holds it against the own roll, has the
// rendezvous node sequence it and returns when the own roll holds it. It fills in organization, counter and roll size.
// What is so already is no error. Refusals are *api.Error that say what to do.
func (o *organization) decide(ctx context.Context, event membership.Event, root *keys.PrivateKey) (already bool, err error) {
	event.Org = o.org
	if err := o.mayDecide(event, root); err != nil {
		return alreadySo(err)
	}
	client, err := o.awaitOrderer(ctx)
	if err != nil {
		return false, err
	}
	return o.decideBy(ctx, client, event, root)
}

// decideBy is decide over a connection that stands. An error that is no *api.Error is the network's or the store's.
func (o *organization) decideBy(ctx context.Context, client *rvclient.Client, event membership.Event, root *keys.PrivateKey) (already bool, err error) {
	for attempt := 1; ; attempt++ {
		signed, err := o.signChecked(event, root)
		if err != nil {
			return alreadySo(err)
		}
		err = client.Submit(ctx, signed)
		if err == nil {
			return false, o.catchUp(ctx, client)
		}
		if _, answered := errors.AsType[wire.Status](err); !answered {
			return false, err
		}
		refused := notTaken(event, err)
		if err := o.catchUp(ctx, client); err != nil {
			return false, err
		}
		if attempt == decideAttempts {
			return false, refused
		}
		// The newer roll gives the reason in words, or lets the event pass under another counter.
		if _, err := o.signChecked(event, root); err != nil {
			return alreadySo(err)
		}
		if !errors.Is(err, wire.StatusStale) && !errors.Is(err, wire.StatusUsed) && attempt > 1 {
			return false, refused
		}
	}
}

// notTaken says to a person that the rendezvous node did not take an event. [RV-49]
func notTaken(event membership.Event, err error) error {
	if errors.Is(err, wire.StatusLimit) && (event.Group != nil || event.GroupInvite != nil) {
		return api.Errorf(api.CodeRefused, "to invite a member to a group counts as an introduction, and the daily allowance is used up").
			WithHint("invite those who let you write, or wait for midnight UTC; `muster admin policy` shows the allowance")
	}
	return refusal("putting the event on the roll", err)
}

// alreadySo takes the refusal of what is so already for success.
func alreadySo(err error) (already bool, _ error) {
	if errors.Is(err, membership.ReasonAlready) {
		return true, nil
	}
	return false, explained(err)
}

// mayDecide is a look before the connection is waited for: what the own roll refuses needs no network.
func (o *organization) mayDecide(event membership.Event, root *keys.PrivateKey) error {
	_, err := o.signChecked(event, root)
	return err
}

// signChecked returns the event signed as the next one of its signer, or why the own roll refuses it.
func (o *organization) signChecked(event membership.Event, root *keys.PrivateKey) (membership.SignedEvent, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signCheckedLocked(event, root)
}

// signCheckedLocked is signChecked for callers that hold mu.
func (o *organization) signCheckedLocked(event membership.Event, root *keys.PrivateKey) (membership.SignedEvent, error) {
	state, signer := o.roll.State(), o.self
	if root != nil {
		signer = *root
	}
	event.Org, event.At, event.Counter = o.org, o.roll.Size(), state.NextCounter(signer.Public())
	signed := membership.SignEvent(event, signer, nil)
	if audience := o.roll.AudienceOf(signed); audience != (membership.Audience{}) {
		event.Counter = state.NextCounterFor(audience, signer.Public()) // 1 if the event itself makes the audience
		signed = membership.SignEvent(event, signer, nil)
	}
	return signed, o.roll.Check(signed, o.rollTime(state))
}

// rootKey returns the key that root words stand for, if it is the organization's; nil for no words. It is used once and
// kept nowhere.
func (o *organization) rootKey(words string) (*keys.PrivateKey, error) {
	if words == "" {
		return nil, nil
	}
	seed, err := keys.ParseWords(words)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "the root words are not right: a word is mistyped, missing or out of its place").
			WithHint("enter all 24 words in the order in which they were written down")
	}
	root := seed.Key(0)
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	switch public := root.Public(); {
	case public == state.RootKey():
		return &root, nil
	case state.IsRootKey(public):
		return nil, api.Errorf(api.CodeRefused, "these root words of %s were replaced by others", state.OrgName()).
			WithHint("use the newer ones")
	}
	return nil, api.Errorf(api.CodeRefused, "these are not the root words of %s", state.OrgName()).
		WithHint("they were shown when the organization was founded; a person's recovery words are others")
}

// explanation is what a refusal means for a person.
type explanation struct{ what, hint string }

// explanations are the words for the reasons that a command can meet.
var explanations = map[membership.Reason]explanation{
	membership.ReasonRole:              {"only an admin may do this", "`muster admin members` shows the admins; with the root words it goes too: --root"},
	membership.ReasonLastAdmin:         {"nobody would be left who can act for the organization", "make another member an admin first, with `muster admin role MEMBER admin`; or use the root words: --root"},
	membership.ReasonOwnAccount:        {"an admin does not do this to their own account", "ask another admin, or use the root words: --root"},
	membership.ReasonRemoved:           {"the member was removed, which is for good", "invite them anew: muster invite"},
	membership.ReasonSuspended:         {"the member is suspended", "an admin can reinstate them: muster admin reinstate MEMBER"},
	membership.ReasonBarred:            {"the device is barred", "act on another device, or with the recovery words"},
	membership.ReasonNotMember:         {"this device is no member's", ""},
	membership.ReasonUnknown:           {"it is not on the roll", "`muster admin members --all` shows members and devices"},
	membership.ReasonNameTaken:         {"another member has this name, or one that looks like it", "choose another name"},
	membership.ReasonNameHeld:          {"the name was another member's until lately, and stays theirs for a while", "choose another name"},
	membership.ReasonNameReserved:      {"the name is reserved", "an admin can give it: muster admin rename MEMBER NAME"},
	membership.ReasonNameRule:          {"the rule of names forbids it", "choose another name; `muster admin policy` shows the rule"},
	membership.ReasonPolicy:            {"the policy is out of its bounds", "muster admin policy set --help names the bounds"},
	membership.ReasonFrozen:            {"the account is frozen", "wait until the freeze is over, or lift it with the recovery words"},
	membership.ReasonInvitationUnknown: {"there is no such invitation", "muster admin invitations lists them"},
	membership.ReasonLimit:             {"as many as there may be", "let some be settled first"},
	membership.ReasonKeyRole:           {"this takes another key", ""},
	membership.ReasonContrast:          {"text could not be read on its surface: the contrast is to be 4.5 to 1 at least", "choose colours further apart"},
	membership.ReasonVouch:             {"one joins by this invitation directly, or not at all", ""},
	membership.ReasonLastModerator:     {"the group would be left without a moderator", "name another first: muster group edit GROUP --moderator MEMBER"},
	membership.ReasonGroupClosed:       {"the group is closed", ""},
	membership.ReasonNotInvited:        {"the group is by invitation", "ask one of its moderators to invite you"},
	membership.ReasonDuplicateKey:      {"the key is in use already", "ask for a new request"},
}

// explained turns a refusal of the rules into what a person is told; other errors stay as they are.
func explained(err error) error {
	refusal, ok := errors.AsType[*membership.Refusal](err)
	if !ok {
		return err
	}
	e := explanations[refusal.Reason]
	switch {
	case e.what == "":
		e.what = refusal.Reason.String()
		if refusal.Detail != "" {
			e.what += ": " + refusal.Detail
		}
	case tells(refusal.Reason):
		e.what += ": " + refusal.Detail
	}
	known := api.Errorf(api.CodeRefused, "%s", e.what)
	if e.hint != "" {
		known = known.WithHint("%s", e.hint)
	}
	return known
}

// tells reports whether the detail of a refusal says more to a person than its explanation does.
func tells(reason membership.Reason) bool {
	switch reason {
	case membership.ReasonNameTaken, membership.ReasonNameRule, membership.ReasonPolicy, membership.ReasonRole:
		return true
	}
	return false
}
