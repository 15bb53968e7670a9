package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/enrolproto"
)

// enrolmentService is an enrolment service as a device reaches it: by HTTPS, for nothing but the exchange. [ENR-1]
type enrolmentService struct {
	url    string
	org    keys.OrgID     // by the link; zero if only an address was given
	key    keys.PublicKey // the same
	client *http.Client
}

// enrolmentAt reads where a person wants to join: an address, or a link that says more.
func enrolmentAt(text string) (*enrolmentService, error) {
	s := &enrolmentService{url: strings.TrimSuffix(text, "/")}
	var pin []byte
	if link, err := membership.ParseEnrolmentLink(text); err == nil {
		s.url, s.org, s.key, pin = link.URL, link.Org, link.Key, link.Pin
	} else if !membership.SecureURL(s.url) {
		return nil, api.Errorf(api.CodeUsage, "this is no address to join by a login").
			WithHint("it is https://... or muster:sso/..., as your organization gives it")
	}
	s.client = &http.Client{
		Timeout:       enrolproto.RequestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: pinned(pin), DisableKeepAlives: true},
	}
	return s, nil
}

// pinned returns how a certificate is judged: by its pin if there is one, else by the system's roots. [ENR-1]
func pinned(pin []byte) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if pin == nil {
		return config
	}
	config.InsecureSkipVerify = true // the pin is asked in place of the roots
	config.VerifyConnection = func(state tls.ConnectionState) error {
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		if subtle.ConstantTimeCompare(sum[:], pin) != 1 {
			return errPin
		}
		return nil
	}
	return config
}

// errPin means that another key answers than the link says.
var errPin = errors.New("the enrolment service has another certificate than the link says")

// ask sends one request. An error that is an enrolproto.Status is the service's answer.
func (s *enrolmentService) ask(ctx context.Context, request enrolproto.Request) (enrolproto.Answer, error) {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+enrolproto.Path, bytes.NewReader(wire.Encode(request)))
	if err != nil {
		return enrolproto.Answer{}, err
	}
	post.Header.Set("Content-Type", enrolproto.MediaType)
	post.Header.Set("User-Agent", "muster")
	response, err := s.client.Do(post)
	if err != nil {
		return enrolproto.Answer{}, fmt.Errorf("asking the enrolment service: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return enrolproto.Answer{}, fmt.Errorf("asking the enrolment service: it answers %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, enrolproto.MaxAnswer+1))
	if err != nil {
		return enrolproto.Answer{}, fmt.Errorf("asking the enrolment service: %w", err)
	}
	answer, err := enrolproto.ParseAnswer(data)
	if err != nil {
		return enrolproto.Answer{}, fmt.Errorf("asking the enrolment service: %w", err)
	}
	return answer, answer.Status.Err()
}

// ssoErrors are what the answers of an enrolment service mean for a person.
var ssoErrors = map[enrolproto.Status]*api.Error{
	enrolproto.Unknown:      api.Errorf(api.CodeFailed, "the time for the login is over").WithHint("begin again"),
	enrolproto.Full:         api.Errorf(api.CodeFailed, "too many people log in at once").WithHint("try again in a few minutes"),
	enrolproto.LoginRefused: api.Errorf(api.CodeRefused, "the login was refused").WithHint("begin again; if it goes on, ask an admin"),
	enrolproto.NotAllowed:   api.Errorf(api.CodeRefused, "this login is not for this organization").WithHint("ask an admin"),
	enrolproto.NoName:       api.Errorf(api.CodeRefused, "the name cannot be had in the organization, or somebody has it").WithHint("choose another with --as, or ask an admin"),
	enrolproto.NameMissing:  api.Errorf(api.CodeUsage, "the login gives no name").WithHint("choose one: --as NAME"),
	enrolproto.Member:       api.Errorf(api.CodeRefused, "this login has joined already").WithHint("add this device from one that you have: muster device add"),
	enrolproto.DailyLimit:   api.Errorf(api.CodeRefused, "as many as may join in a day have").WithHint("try again tomorrow"),
	enrolproto.Ended:        api.Errorf(api.CodeRefused, "joining by a login has ended there").WithHint("ask an admin"),
	enrolproto.Unreachable:  api.Errorf(api.CodeFailed, "the login provider or the organization cannot be reached").WithHint("try again in a few minutes"),
	enrolproto.Declined:     api.Errorf(api.CodeRefused, "the login was for another device").WithHint("begin again"),
	enrolproto.WrongJoin:    api.Errorf(api.CodeRefused, "the enrolment service did not sign the joining").WithHint("begin again; if it goes on, ask an admin"),
	enrolproto.Malformed:    api.Errorf(api.CodeFailed, "the enrolment service does not understand this version"),
}

// ssoRefusal turns what an enrolment service answered, or did not, into what a person is told.
func ssoRefusal(err error) error {
	if status, ok := errors.AsType[enrolproto.Status](err); ok {
		if known := ssoErrors[status]; known != nil {
			return known
		}
	}
	if _, known := errors.AsType[*api.Error](err); known || errors.Is(err, context.Canceled) {
		return err
	}
	return api.Errorf(api.CodeFailed, "the enrolment service cannot be reached: %v", err).WithHint("check the address, and try again; where the certificate is the organization's own, join by its link, muster:sso/...")
}
