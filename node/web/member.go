package web

import (
	"net/http"
	"strings"
	"time"

	"rsc.io/qr"

	"muster.example/node/api"
)

// askAgain is after how long an introduction that got no answer can be made again.
const askAgain = 7 * 24 * time.Hour

// maxIntroduction is how many characters an introduction may have. [ENV-43]
const maxIntroduction = 140

// memberScreen is one member, and what can be done about them.
type memberScreen struct {
	acquaintance
	Verification api.VerifyResult
	Digits       []string // the safety number in groups of five digits, none if there is no number
	Max          int      // characters of an introduction
}

// MayWrite reports whether the policy or the member lets this account write.
func (s memberScreen) MayWrite() bool {
	return s.State == api.ContactAcquainted || s.Contact.Contact == "free" && s.State != api.ContactBlocked
}

// MayIntroduce reports whether an introduction would go out.
func (s memberScreen) MayIntroduce() bool {
	switch s.State {
	case api.ContactMember, api.ContactAllowed:
	case api.ContactIntroduced:
		if time.Since(s.Since) < askAgain {
			return false
		}
	default:
		return false
	}
	return s.Contact.Contact == "introduction"
}

// Answers are what can be done about how one stands with the member, the first as what is most likely wanted.
func (s memberScreen) Answers() []string {
	switch s.State {
	case api.ContactAsks:
		return []string{"accept", "decline", "block"}
	case api.ContactDeclined, api.ContactReadmitted:
		return []string{"accept", "block"}
	case api.ContactBlocked:
		return []string{"unblock"}
	}
	return []string{"block"}
}

func member(v *visit) (answer, error) {
	id := v.path("member")
	if id == v.Org.Member {
		return goOn(v.In("presence"), "")
	}
	found, err := v.contact(id)
	if err != nil {
		return answer{}, err
	}
	s := memberScreen{acquaintance: acquaintance{Contact: found}, Max: maxIntroduction}
	shown, err := v.backend().Presence(v.ctx(), api.PresenceQuery{Org: v.Org.Org, Members: []string{id}})
	if err == nil && len(shown.Members) > 0 {
		s.Presence = seenAs(shown.Members[0])
	}
	s.Verification, err = v.backend().Verification(v.ctx(), api.VerifyQuery{Org: v.Org.Org, Member: id})
	switch {
	case err == nil:
		s.Digits = strings.Fields(s.Verification.Number)
	case api.AsError(err).Code != api.CodeNotFound: // who is no member any more has no number
		return answer{}, err
	}
	return show("member", "member.title", s)
}

// contact finds a member by id.
func (v *visit) contact(id string) (api.Contact, error) {
	all, err := v.backend().Contacts(v.ctx(), api.ContactsQuery{Org: v.Org.Org, All: true})
	if err != nil {
		return api.Contact{}, err
	}
	for _, c := range all {
		if c.Member == id {
			return c, nil
		}
	}
	return api.Contact{}, api.Errorf(api.CodeNotFound, "there is no such member")
}

// standWith changes how one stands with a member, and leads back to them.
func standWith(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	do := f.text("do")
	if err := v.stand(do, v.path("member"), f); err != nil {
		return v.again(err, member)
	}
	return goOn(v.r.URL.Path, "member.done."+do)
}

// stand does what a button about a member says.
func (v *visit) stand(do, id string, f form) (err error) {
	org, b := v.Org.Org, v.backend()
	request := api.ContactRequest{Org: org, Member: id}
	switch do {
	case "accept":
		_, err = b.Accept(v.ctx(), api.AcceptRequest{Org: org, Member: id})
	case "decline":
		_, err = b.Decline(v.ctx(), request)
	case "block":
		_, err = b.Block(v.ctx(), request)
	case "unblock":
		_, err = b.Unblock(v.ctx(), request)
	case "introduce":
		// An introduction is one line: a line that was broken for the eye is no fault.
		text := strings.Join(strings.Fields(f.text("text")), " ")
		_, err = b.Introduce(v.ctx(), api.IntroduceRequest{Org: org, Member: id, Text: text})
	case "verify":
		_, err = b.Verify(v.ctx(), api.VerifyRequest{Org: org, Member: id})
	case "compare":
		line := strings.Join(strings.Fields(f.text("payload")), "")
		if line == "" {
			return api.Errorf(api.CodeUsage, "there is no line to compare with").
				WithHint("paste the line that the other's device shows")
		}
		_, err = b.Verify(v.ctx(), api.VerifyRequest{Org: org, Member: id, Payload: line})
	default:
		return api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	return err
}

// safetyPicture answers with the line that the other's device compares, as a QR code.
func safetyPicture(v *visit) (answer, error) {
	number, err := v.backend().Verification(v.ctx(), api.VerifyQuery{Org: v.Org.Org, Member: v.path("member")})
	if err != nil {
		return answer{}, err
	}
	return picture(number.Payload)
}

// picture answers with a QR code. It is kept by no cache.
func picture(line string) (answer, error) {
	code, err := qr.Encode(line, qr.M)
	if err != nil {
		return answer{}, api.Errorf(api.CodeFailed, "this is too long for a QR code")
	}
	return answer{write: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(code.PNG()) //nolint:errcheck // the browser has gone
	}}, nil
}
