package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// returnSearch is how many keys of a series are tried against a rendezvous node, which is not patient with strangers,
	// beside the one that the card says.
	returnSearch = 8
	// seriesStart and seriesEnd bound where a returned device's series of recovery keys begins: where none of the person's
	// organizations has a key, of which this device does not know how many there are.
	seriesStart = 1 << 10
	seriesEnd   = 1 << 31
)

// Recover uses the recovery words on a device of the account, which need not be active: a new order of seniority, wipes
// that are cancelled, a new recovery key. New words that count already are no error. [API-12]
func (n *Node) Recover(ctx context.Context, request api.RecoverRequest) (api.RecoverResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.RecoverResult{}, err
	}
	result := api.RecoverResult{Org: o.org.String()}
	by := signing{recovery: true}
	if by.key, err = o.ownRecovery(request.Words); err != nil {
		if !o.replaced(request) {
			return result, err
		}
		result.Replaced, result.Card = true, o.card()
		return result, o.noteBackupWords(request.NewWords)
	}
	events, err := o.planRecovery(request, &result)
	if err != nil {
		return result, err
	}
	if len(events) > 0 {
		if err := o.submitAs(ctx, by, nil, events...); err != nil {
			return result, err
		}
	}
	if request.NewWords != "" {
		if err := o.replaceRecovery(ctx, by, request.NewWords); err != nil {
			return result, err
		}
		result.Replaced = true
		request.Words = request.NewWords
	}
	if err := o.noteBackupWords(request.Words); err != nil {
		return result, err
	}
	wake(o.wakeSession) // what was done may let this device act again
	result.Card = o.card()
	return result, nil
}

func (o *organization) planRecovery(request api.RecoverRequest, result *api.RecoverResult) (events []membership.Event, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(request.Order) > 0 {
		order, err := o.findDevicesLocked(request.Order)
		if err != nil {
			return nil, err
		}
		events = append(events, membership.Event{Order: &membership.Order{Devices: order}})
		for _, key := range order {
			result.Order = append(result.Order, key.String())
		}
	}
	cancelled, err := o.findDevicesLocked(request.CancelWipe)
	for _, device := range cancelled {
		events = append(events, membership.Event{Lift: &membership.Lift{Wipe: device}})
		result.CancelledWipe = append(result.CancelledWipe, device.String())
	}
	return events, err
}

// replaced reports whether all that a request asks for is new words that count already: its first answer was lost on the way,
// and the old words open nothing any more.
func (o *organization) replaced(request api.RecoverRequest) bool {
	if request.NewWords == "" || len(request.Order)+len(request.CancelWipe) > 0 {
		return false
	}
	seed, err := readWords(request.NewWords)
	if err != nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	self, _ := o.roll.State().Member(o.member)
	return self.Recovery == seed.Key(0).Public()
}

// replaceRecovery puts the first key of new words in the place of the recovery key.
func (o *organization) replaceRecovery(ctx context.Context, by signing, words string) error {
	seed, err := readWords(words)
	if err != nil {
		return err
	}
	next := seed.Key(0)
	return o.submitAs(ctx, by, &next, membership.Event{Recovery: &membership.Recovery{Key: next.Public()}})
}

// card returns the card of the account, with the number of its recovery key if that is of the words made here.
func (o *organization) card() string {
	number, err := o.recoveryNumber()
	if err != nil {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	card := membership.Card{Org: o.org, Number: number, Nodes: []membership.NodeAddress{{Key: o.at.Key, Addresses: o.node.shownAt(o.at)}}}
	return card.Text()
}

// recoveryNumber returns the number of the account's recovery key in the series of its words, as far as it is known here.
func (o *organization) recoveryNumber() (uint32, error) {
	profile, err := o.node.profile()
	if err != nil {
		return 0, err
	}
	choice, err := o.choice()
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	self, _ := o.roll.State().Member(o.member)
	if at := slices.Index(profile.Recovery, self.Recovery); at >= 0 {
		return profile.First + uint32(at), nil
	}
	return choice.Number, nil
}

// Card returns the card to keep beside the recovery words.
func (n *Node) Card(_ context.Context, query api.DevicesQuery) (api.CardResult, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.CardResult{}, err
	}
	return api.CardResult{Org: o.org.String(), Card: o.card()}, nil
}

func readCard(text string) (membership.Card, error) {
	card, err := membership.ParseCard(text)
	if err != nil {
		return card, api.Errorf(api.CodeUsage, "%v", err).WithHint("copy the whole line, from muster:card/ on")
	}
	return card, nil
}

// Return makes this computer a device of an account again: with the recovery words and the card, and nothing else. It
// answers when the account is usable by the next request.
func (n *Node) Return(ctx context.Context, request api.ReturnRequest) (api.ReturnResult, error) {
	card, err := readCard(request.Card)
	if err != nil {
		return api.ReturnResult{}, err
	}
	seed, err := readWords(request.Words)
	if err != nil {
		return api.ReturnResult{}, err
	}
	ctx, done := n.entering(ctx)
	defer done()
	o, already := n.entered(card.Org)
	by := signing{recovery: true}
	if already {
		if err := n.finishRestoration(ctx, o, seriesFrom(seed, card.Number)); err != nil {
			return api.ReturnResult{}, err
		}
		if by.key, err = o.ownRecovery(request.Words); err != nil {
			return api.ReturnResult{}, err
		}
		if err := o.mayAct(); err != nil {
			return api.ReturnResult{}, err
		}
	} else if o, by.key, err = n.goBack(ctx, card, seed); err != nil {
		return api.ReturnResult{}, refusal("recovering the account", err)
	}
	result := api.ReturnResult{
		Org: o.org.String(), OrgName: o.name(), Member: o.member.String(), Name: o.ownName(), Device: o.device.String(),
		Card: o.card(), Already: already,
	}
	err = o.settleReturn(ctx, by, request, &result)
	return result, err
}

// settleReturn does what a return brings along: an order that begins with this device, bars of others.
func (o *organization) settleReturn(ctx context.Context, by signing, request api.ReturnRequest, result *api.ReturnResult) error {
	if request.First {
		if err := o.submitAs(ctx, by, nil, membership.Event{Order: &membership.Order{Devices: []keys.PublicKey{o.device}}}); err != nil {
			return fmt.Errorf("this computer is a device of the account, but not the most senior one: %w", err)
		}
	}
	if len(request.Bar) > 0 {
		names := request.Bar
		if slices.Equal(names, []string{"all"}) {
			names = []string{"others"}
		}
		plan, events, err := o.planBar(api.BarRequest{Devices: names, Since: request.Since}, by)
		if err == nil && plan.This {
			err = api.Errorf(api.CodeUsage, "these bars would end this device too")
		}
		if err == nil && len(events) > 0 {
			err = o.submitAs(ctx, by, nil, events...)
		}
		if err != nil {
			return fmt.Errorf("this computer is a device of the account, but the others are not barred: %w", err)
		}
		result.Barred = append(plan.Barred, plan.Along...)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	result.Others = texts(difference(o.roll.State().Devices(o.member), []keys.PublicKey{o.device}))
	return nil
}

// goBack adds this computer to the account that the words are good for. What is handed in is stored before, so that the
// same request goes on after a crash.
func (n *Node) goBack(ctx context.Context, card membership.Card, seed keys.RecoverySeed) (*organization, keys.PrivateKey, error) {
	e, err := n.resumeReturn(requestID(card.Org.String(), fmt.Sprint(seed.Key(0).Public())))
	if err != nil {
		return nil, keys.PrivateKey{}, err
	}
	e.kept.Org = card.Org
	var found keys.PrivateKey
	var number uint32
	e.admit = func(ctx context.Context, client *rvclient.Client) (err error) {
		found, number, err = n.addByRecovery(ctx, client, e, card.Org, seriesFrom(seed, card.Number))
		return err
	}
	var o *organization
	for _, node := range card.Nodes {
		e.at = store.Node{Key: node.Key, Addresses: node.Addresses}
		if o, err = n.enter(ctx, e); err == nil {
			break
		}
		if _, answered := errors.AsType[wire.Status](err); answered {
			break
		}
	}
	if err != nil {
		return nil, found, err
	}
	if len(e.profile.Recovery) == 0 {
		e.profile = seriesOf(seed)
	}
	err = n.store.Update(func(tx *store.Tx) error {
		return errors.Join(tx.PutChoice(o.org, store.Choice{Number: number}), tx.DeleteRestoration(o.org))
	})
	return o, found, errors.Join(err, o.noteBackupKey(found, seed), n.shown(e))
}

// seriesOf is the profile of somebody whose first organization here is one that they came back to: further keys come from
// a place in the series that no other organization of theirs has.
func seriesOf(seed keys.RecoverySeed) store.Profile {
	profile := store.Profile{First: seriesStart + rand.Uint32N(seriesEnd-seriesStart)}
	for number := range uint32(recoverySeries) {
		profile.Recovery = append(profile.Recovery, seed.Key(profile.First+number).Public())
	}
	return profile
}

// resumeReturn returns the return that the same request began before, or a new one.
func (n *Node) resumeReturn(request [32]byte) (*entry, error) {
	e := &entry{request: request, begun: true}
	err := n.store.View(func(tx *store.Tx) (err error) {
		e.kept, err = tx.Entrance(request)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		e.kept.Identity, err = keys.Generate().Seed(), nil
	}
	if err == nil {
		e.profile, err = n.profile()
	}
	return e, err
}

// numberedKey is a recovery key with its number in its series.
type numberedKey struct {
	number uint32
	key    keys.PrivateKey
}

// addByRecovery finds the account by the first of some keys that the rendezvous node takes, signs the new device into it by that
// recovery key, and hands that in.
func (n *Node) addByRecovery(ctx context.Context, client *rvclient.Client, e *entry, org keys.OrgID, series []numberedKey) (keys.PrivateKey, uint32, error) {
	key, number, page, err := findAccount(ctx, client, series, 0)
	if err != nil {
		return key, number, err
	}
	entries, err := parseEntries(page.Entries)
	if err != nil {
		return key, number, err
	}
	roll, _, err := membership.Rebuild(org, keys.MemberID{}, page.Checkpoint, e.at.Key, entries)
	if err != nil {
		return key, number, err
	}
	self := keys.FromSeed(e.kept.Identity)
	if _, in := roll.State().MemberOf(self.Public()); in {
		return key, number, nil // a run that did not learn it had it added
	}
	if _, ok := roll.State().MemberByRecovery(key.Public()); !ok {
		return key, number, api.Errorf(api.CodeRefused, "the key of these words is no member's recovery key").
			WithHint("root words are used with `muster admin`; a replaced recovery key opens nothing")
	}
	event := membership.Event{
		Org: org, Counter: roll.State().NextCounter(key.Public()), At: roll.Size(), Device: &membership.Device{Add: self.Public()},
	}
	e.kept.Event = membership.SignEvent(event, key, &self)
	if err := roll.Check(e.kept.Event, max(n.now().UnixMilli(), roll.State().Time())); err != nil {
		return key, number, ruleRefusal(err)
	}
	if err := n.store.Update(func(tx *store.Tx) error { return tx.PutEntrance(e.request, e.kept) }); err != nil {
		return key, number, err
	}
	return key, number, client.Present(ctx, e.kept.Event)
}

// findAccount reads the roll, from a size on, by the first key that the rendezvous node takes.
func findAccount(ctx context.Context, client *rvclient.Client, series []numberedKey, from uint64) (keys.PrivateKey, uint32, rvclient.Page, error) {
	for _, tried := range series {
		key, number := tried.key, tried.number
		page, err := client.Recover(ctx, key, from)
		switch status, answered := errors.AsType[wire.Status](err); {
		case err == nil:
			return key, number, page, nil
		case !answered || status.Retryable() || status == wire.StatusMoved:
			return key, number, page, err
		case status == wire.StatusLimit:
			return key, number, page, api.Errorf(api.CodeRefused, "these words open no account there, as far as the rendezvous node let this device try").
				WithHint("use the card that was printed with these very words, or try again in some minutes")
		}
	}
	return keys.PrivateKey{}, 0, rvclient.Page{}, api.Errorf(api.CodeRefused, "these words open no account in this organization").
		WithHint("check that card and words belong together; words that were replaced open nothing")
}
