package enrolment

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

// serveExchange answers a device. [ENR-1]
func (s *Service) serveExchange(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enrolproto.MaxRequest))
	answer := enrolproto.Answer{Status: enrolproto.Malformed}
	if err == nil {
		if request, err := enrolproto.ParseRequest(data); err == nil {
			answer = s.answer(r.Context(), s.from(r), request)
		}
	}
	if err := answer.Status.Err(); err != nil {
		answer = enrolproto.Answer{Status: answer.Status}
	}
	w.Header().Set("Content-Type", enrolproto.MediaType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(wire.Encode(answer)) //nolint:errcheck // who asked is gone
}

// from returns the address of who asks: behind a proxy what the proxy says, which is on loopback.
func (s *Service) from(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	if s.cfg.Cert == "" {
		if behind, err := netip.ParseAddr(lastOf(r.Header.Values("X-Forwarded-For"))); err == nil {
			return behind
		}
	}
	return at.Addr()
}

func (s *Service) answer(ctx context.Context, from netip.Addr, r enrolproto.Request) enrolproto.Answer {
	switch {
	case r.Begin != nil:
		return s.begin(ctx, from, r.Begin)
	case r.Poll != nil:
		return s.poll(r.Poll)
	default:
		return s.sign(ctx, r.Sign)
	}
}

func told(status enrolproto.Status) enrolproto.Answer { return enrolproto.Answer{Status: status} }

// begin makes an offer to a device. [ENR-10] [ENR-11]
func (s *Service) begin(ctx context.Context, from netip.Addr, r *enrolproto.Begin) enrolproto.Answer {
	if status := s.speaks(ctx); status != enrolproto.OK {
		return told(status)
	}
	offer, err := s.roll.offer(r.Device)
	if err != nil {
		return told(enrolproto.Unreachable)
	}
	offer.Recovery = r.Recovery
	if offer.Challenge, err = s.desk.secret(); err != nil {
		return told(enrolproto.Unreachable)
	}
	now := s.cfg.Now()
	offer.Expires = now.Add(enrolproto.OfferTime).Unix()
	a := &attempt{offer: offer, chosen: r.Name, back: r.Return}
	if err := s.desk.begin(a, from, now); err != nil {
		return told(enrolproto.Full)
	}
	s.counts.begun.Add(1)
	answer := enrolproto.Answer{Ticket: a.ticket, Login: s.cfg.URL + devicePath, Code: a.code}
	if a.code == "" {
		answer.Login = s.cfg.URL + loginPath + a.page
	}
	answer.Offer, answer.Signature = offer.Sign(s.key)
	return answer
}

// speaks looks at the roll, and says whether the key speaks and does for what the service is set up.
func (s *Service) speaks(ctx context.Context) enrolproto.Status {
	err := s.roll.follow(ctx)
	s.noteFollow(err)
	switch {
	case errors.Is(err, wire.StatusExpired), errors.Is(err, wire.StatusNotFound), errors.Is(err, errMoved):
		return enrolproto.Ended
	case err != nil:
		return enrolproto.Unreachable
	}
	s.roll.read(func(state *membership.State) { _, err = s.cfg.terms(state, s.key.Public()) })
	if err != nil {
		s.log.Warn("nobody can join", "error", err)
		return enrolproto.Ended
	}
	return enrolproto.OK
}

// poll tells a device how its login stands. [ENR-14]
func (s *Service) poll(r *enrolproto.Poll) enrolproto.Answer {
	a, known := s.desk.ticket(r.Ticket, s.cfg.Now())
	if !known || a.again() {
		return told(enrolproto.Unknown)
	}
	answer := enrolproto.Answer{Status: a.status()}
	if answer.Status == enrolproto.OK {
		answer.Name, answer.Role = a.name, a.role
	}
	if answer.Status == enrolproto.Waiting {
		s.counts.enrolling.Add(1)
	}
	return answer
}

// sign signs the join of a device whose login is good, once. The same join is answered again, another never. [ENR-15]
func (s *Service) sign(ctx context.Context, r *enrolproto.Sign) enrolproto.Answer {
	a, known := s.desk.ticket(r.Ticket, s.cfg.Now())
	if !known || a.again() {
		return told(enrolproto.Unknown)
	}
	defer s.hold(a.subject)()
	a, known = s.desk.ticket(r.Ticket, s.cfg.Now()) // as it is now that nobody else acts on it
	id := keys.Hash[keys.Event](keys.DomainEnrol, []byte("body"), r.Body)
	switch {
	case !known:
		return told(enrolproto.Unknown)
	case a.phase == signed && a.joined == id:
		return enrolproto.Answer{Cosignature: a.answer}
	case a.phase == signed:
		return told(enrolproto.WrongJoin)
	case a.phase != ready:
		return told(a.status())
	case a.back != "" && !enrolproto.SameNonce(a.handed, string(r.Code)):
		return told(enrolproto.Declined)
	}
	if err := s.roll.follow(ctx); err != nil {
		return told(enrolproto.Unreachable)
	}
	var event membership.Event
	var err error
	s.roll.read(func(state *membership.State) {
		event, err = state.CheckEnrolled(r.Body, max(s.cfg.Now().UnixMilli(), state.Time()))
	})
	if err != nil {
		return told(statusOf(err))
	}
	join := event.Join
	if event.Org != a.offer.Org || event.Signer != a.offer.Device || join.Recovery != a.offer.Recovery || join.Name != a.name ||
		join.Role != a.role || join.Invitation != s.key.Public() {
		return told(enrolproto.WrongJoin)
	}
	if status := s.remember(a); status != enrolproto.OK {
		return told(status)
	}
	cosignature := membership.CosignBody(event.Org, r.Body, s.key)
	if !s.desk.change(a.page, ready, func(a *attempt) { a.phase, a.joined, a.answer = signed, id, cosignature }) {
		return told(enrolproto.Unknown)
	}
	s.counts.joined.Add(1)
	return enrolproto.Answer{Cosignature: cosignature}
}

// remember keeps the account of a login before its join is signed, so that nobody joins who is not watched. A login that has
// joined does not join again while it is a member. [ENR-16]
func (s *Service) remember(a attempt) enrolproto.Status {
	had, found, err := s.accounts.get(a.subject)
	if err != nil {
		return enrolproto.Unreachable
	}
	if found && had.Device != a.offer.Device {
		if member, on := s.memberOf(had); on && !member.Removed || !on && s.cfg.Now().Unix()-had.Joined < int64(enrolproto.OfferTime.Seconds()) {
			return enrolproto.Member
		}
	}
	// Not checked yet: so groups are arranged as soon as the join is on the roll.
	kept := account{Subject: a.subject, Device: a.offer.Device, Refresh: a.refresh, Joined: s.cfg.Now().Unix()}
	if err := s.accounts.put(kept); err != nil {
		return enrolproto.Unreachable
	}
	return enrolproto.OK
}

// statusOf says why the rules of the roll refuse a join.
func statusOf(err error) enrolproto.Status {
	reason, _ := membership.ReasonOf(err)
	switch reason {
	case membership.ReasonNameRule, membership.ReasonNameTaken, membership.ReasonNameHeld, membership.ReasonNameReserved:
		return enrolproto.NoName
	case membership.ReasonLimit:
		return enrolproto.DailyLimit
	case membership.ReasonInvitationRevoked, membership.ReasonInvitationUnknown:
		return enrolproto.Ended
	}
	return enrolproto.WrongJoin
}
