package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/enrolproto"
	"muster.example/rendezvous/rvclient"
)

// ssoLogin is a joining by a login that is under way. A newer one takes its place.
type ssoLogin struct {
	request  api.SSORequest
	service  *enrolmentService
	entry    *entry
	offer    enrolproto.Offer
	ticket   enrolproto.Ticket
	told     api.SSOLogin
	returned *loginReturn // nil with a code
}

// BeginSSO asks the enrolment service for an offer, and says where the person logs in. [API-150]
func (n *Node) BeginSSO(ctx context.Context, request api.SSORequest) (api.SSOLogin, error) {
	service, err := enrolmentAt(request.URL)
	if err != nil {
		return api.SSOLogin{}, err
	}
	if err := membership.CheckName(request.As); err != nil && request.As != "" {
		return api.SSOLogin{}, badName("your name", request.As, err)
	}
	e, err := n.resume(requestID("sso", request.URL, request.As))
	if err != nil {
		return api.SSOLogin{}, err
	}
	login := &ssoLogin{request: request, service: service, entry: e}
	begin := &enrolproto.Begin{Device: keys.FromSeed(e.kept.Identity).Public(), Recovery: e.ssoRecovery(), Name: request.As}
	if request.Browser {
		if login.returned, err = n.listenForLogin(); err != nil {
			return api.SSOLogin{}, err
		}
		begin.Return = login.returned.address
	}
	answer, err := service.ask(ctx, enrolproto.Request{Begin: begin})
	if err == nil {
		err = login.take(begin, answer, n.now())
	}
	if err != nil {
		login.end()
		return api.SSOLogin{}, ssoRefusal(err)
	}
	n.mu.Lock()
	had := n.login
	n.login = login
	n.mu.Unlock()
	if had != nil {
		had.end()
	}
	return login.told, nil
}

// ssoRecovery returns the recovery key of an entry, of the join that was signed before if there is one.
func (e *entry) ssoRecovery() keys.PublicKey {
	if e.begun {
		if event, err := membership.ReadEvent(e.kept.Event); err == nil && event.Join != nil {
			return event.Join.Recovery
		}
	}
	return e.recoveryKey()
}

// take holds an offer against what was asked. [ENR-11]
func (l *ssoLogin) take(asked *enrolproto.Begin, answer enrolproto.Answer, now time.Time) (err error) {
	l.offer, err = enrolproto.OpenOffer(answer.Offer, answer.Signature, asked.Device, asked.Recovery, now.Unix())
	if err != nil {
		return api.Errorf(api.CodeFailed, "the enrolment service answers with something else than an offer to this device").
			WithHint("look at this computer's clock; else ask an admin")
	}
	if s := l.service; !s.org.IsZero() && (s.org != l.offer.Org || s.key != l.offer.Key) {
		return errOtherEnrolment
	}
	if !strings.HasPrefix(answer.Login, l.service.url+"/") {
		return errOtherEnrolment // the person would be led elsewhere
	}
	l.ticket = answer.Ticket
	l.told = api.SSOLogin{
		ID: keys.Hash[keys.Event](keys.DomainEnrol, []byte("login"), l.ticket[:]).String(), Org: l.offer.Org.String(), OrgName: l.offer.OrgName,
		Login: answer.Login, Words: l.offer.Words(), Expires: time.Unix(l.offer.Expires, 0).UTC(),
	}
	if l.returned == nil {
		l.told.Code = enrolproto.ShowCode(answer.Code)
	}
	return nil
}

// errOtherEnrolment means that a service is of another organization than the person's link or address.
var errOtherEnrolment = api.Errorf(api.CodeRefused, "the enrolment service is of another organization than you were told").
	WithHint("ask whoever gave you the address")

func (l *ssoLogin) end() {
	if l.returned != nil {
		l.returned.end()
	}
}

// FinishSSO waits for the login, and joins. [API-151]
func (n *Node) FinishSSO(ctx context.Context, request api.SSOFinishRequest) (api.SSOResult, error) {
	n.mu.Lock()
	login := n.login
	n.mu.Unlock()
	if login == nil || login.told.ID != request.ID {
		return api.SSOResult{}, api.Errorf(api.CodeNotFound, "this login is not under way any more").WithHint("begin again")
	}
	whole := ctx
	wait := time.Until(login.told.Expires)
	if asked := time.Duration(request.Wait) * time.Second; asked > 0 && asked < wait {
		wait = asked
	}
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Second))
	defer cancel()
	ready, code, err := login.await(ctx)
	if err != nil && whole.Err() == nil && ctx.Err() != nil && time.Now().Before(login.told.Expires) {
		return api.SSOResult{State: api.SSOWaiting, Login: &login.told}, nil
	}
	var joined api.JoinResult
	if err == nil {
		joined, err = n.joinBySSO(whole, login, ready, code)
	}
	if err != nil {
		return api.SSOResult{}, ssoRefusal(err)
	}
	n.mu.Lock()
	if n.login == login {
		n.login = nil
	}
	n.mu.Unlock()
	login.end()
	return api.SSOResult{State: api.SSOJoined, Joined: &joined}, nil
}

// await asks how the login stands until it is good, and waits for what the browser brings.
func (l *ssoLogin) await(ctx context.Context) (ready enrolproto.Answer, code []byte, err error) {
	if l.entry.begun {
		return ready, nil, nil // signed before, and not learnt what became of it
	}
	for {
		ready, err = l.service.ask(ctx, enrolproto.Request{Poll: &enrolproto.Poll{Ticket: l.ticket}})
		if err == nil {
			break
		}
		if status, ok := errors.AsType[enrolproto.Status](err); ok && status.Final() {
			return ready, nil, err
		}
		pause := time.NewTimer(enrolproto.PollTime)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ready, nil, enrolproto.Unknown
		case <-pause.C:
		}
	}
	if l.returned != nil {
		code, err = l.returned.wait(ctx)
	}
	return ready, code, err
}

// joinBySSO enters the organization with the name and role that the login stands for.
func (n *Node) joinBySSO(ctx context.Context, l *ssoLogin, ready enrolproto.Answer, code []byte) (result api.JoinResult, err error) {
	ctx, done := n.entering(ctx)
	defer done()
	e := l.entry
	if err := n.stillNext(e); err != nil {
		return result, err
	}
	if as := l.request.As; !e.begun && as != "" && ready.Name != as {
		return result, api.Errorf(api.CodeRefused, "the login names you %q, not %q", ready.Name, as).WithHint("leave --as out: the organization's login provider gives names")
	}
	e.kept.Org = l.offer.Org
	joined, already := n.entered(e.kept.Org)
	if !already {
		joined, err = n.joinAtAny(ctx, l, ready, code)
	}
	if err != nil {
		return result, l.refusal(err)
	}
	result = api.JoinResult{
		State: api.JoinMember, Org: joined.org.String(), OrgName: joined.name(), Member: joined.member.String(), Device: joined.device.String(),
		Card: joined.card(),
	}
	if already && !e.begun {
		return result, nil // in since long
	}
	result.RecoveryWords = e.words()
	return result, n.shown(e)
}

func (l *ssoLogin) refusal(err error) error {
	if _, answered := errors.AsType[enrolproto.Status](err); answered {
		return err
	}
	return refusal("joining", err)
}

// joinAtAny joins at the first of the offer's rendezvous nodes that answers.
func (n *Node) joinAtAny(ctx context.Context, l *ssoLogin, ready enrolproto.Answer, code []byte) (joined *organization, err error) {
	e := l.entry
	for _, node := range l.offer.Nodes {
		e.at = store.Node{Key: node.Key, Addresses: node.Addresses}
		leave := rvclient.Leave{Key: l.offer.Key, Proof: node.Proof}
		e.admit = func(ctx context.Context, client *rvclient.Client) error {
			return n.handInSSO(ctx, client, l, leave, ready, code)
		}
		e.check = l.check
		joined, err = n.enter(ctx, e)
		_, answered := errors.AsType[wire.Status](err)
		_, refused := errors.AsType[enrolproto.Status](err)
		if err == nil || answered || refused {
			break
		}
	}
	return joined, err
}

// check holds a roll against what the service said of it, and the service against the roll. [ENR-11]
func (l *ssoLogin) check(roll *membership.Roll) error {
	if err := roll.Compare(l.offer.Size, l.offer.Root); err != nil {
		return fmt.Errorf("%w: %w", errOtherRoll, err)
	}
	issued, _ := roll.State().Enrolment(l.offer.Key)
	if err := roll.State().CheckEnrolment(l.offer.Key); err != nil || issued.Terms.URL != l.service.url {
		return errOtherEnrolment
	}
	return nil
}

// handInSSO reads the roll by leave of the enrolment key, has the join signed, and only then hands it in.
func (n *Node) handInSSO(
	ctx context.Context, client *rvclient.Client, l *ssoLogin, leave rvclient.Leave, ready enrolproto.Answer, code []byte,
) error {
	e := l.entry
	if !e.fresh() {
		return client.SubmitJoinBy(ctx, leave, e.kept.Event)
	}
	page, err := client.ViewBy(ctx, leave, 0)
	if err != nil {
		return err
	}
	roll := membership.NewRoll(l.offer.Org)
	if _, _, err := extend(roll, page, e.at.Key); err != nil {
		return err
	}
	if err := l.check(roll); err != nil {
		return err
	}
	self := keys.FromSeed(e.kept.Identity)
	event := membership.Event{Org: l.offer.Org, Counter: 1, At: roll.Size(), Join: &membership.Join{
		Invitation: l.offer.Key, Name: ready.Name, Recovery: e.recoveryKey(), Role: ready.Role,
	}}
	body := membership.Body(event, self.Public())
	answer, err := l.service.ask(ctx, enrolproto.Request{Sign: &enrolproto.Sign{Ticket: l.ticket, Code: code, Body: body}})
	if err != nil {
		return err
	}
	e.kept.Event = membership.SignCosigned(event, self, answer.Cosignature)
	if _, _, err := membership.OpenEvent(e.kept.Event); err != nil {
		e.kept.Event = nil
		return api.Errorf(api.CodeFailed, "the enrolment service's signature is not good").WithHint("ask an admin")
	}
	if err := n.begin(e); err != nil {
		return err
	}
	return client.SubmitJoinBy(ctx, leave, e.kept.Event)
}

// stillNext reports whether the recovery key that a login was begun with is the next one still.
func (n *Node) stillNext(e *entry) error {
	if e.begun {
		return nil
	}
	now, err := n.resume(e.request)
	if err != nil {
		return err
	}
	stored, err := n.profile()
	fresh := errors.Is(err, store.ErrNotFound) || err == nil && len(stored.Recovery) == 0
	if err != nil && !fresh {
		return err
	}
	if fresh && e.profile.Used == 0 || !fresh && now.recoveryKey() == e.recoveryKey() {
		return nil
	}
	return api.Errorf(api.CodeFailed, "this device has joined another organization meanwhile").WithHint("begin the login again")
}
