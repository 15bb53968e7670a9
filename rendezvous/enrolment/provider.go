package enrolment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var (
	// errRefused means that the provider does not let somebody in, or no longer.
	errRefused = errors.New("enrolment: the provider refuses")
	// errUnreached means that the provider did not answer, or not as a provider does: it says nothing about anybody.
	errUnreached = errors.New("enrolment: the provider does not answer")
)

// provider is the login provider, to which this is the relying party. [ENR-21]
type provider struct {
	issuer, client string
	secret         string
	redirect       string
	scopes         []string
	http           *http.Client
	now            func() time.Time

	mu    sync.Mutex     // guards the following; held while it is discovered
	found *oidc.Provider // nil before
}

// login is what a login came to.
type login struct {
	token   idToken
	refresh string
}

func newProvider(cfg Config) *provider {
	client := cfg.HTTP
	if client == nil {
		client = &http.Client{}
	}
	now := cfg.tokens
	if now == nil {
		now = cfg.Now
	}
	guarded := *client
	guarded.Timeout = providerTime
	guarded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	guarded.Transport = capped{client.Transport}
	return &provider{
		issuer: cfg.Issuer, client: cfg.Client, secret: cfg.Secret, redirect: cfg.URL + callbackPath,
		scopes: cfg.scopes(), http: &guarded, now: now,
	}
}

// capped refuses what is not over TLS, and ends answers beyond the cap.
type capped struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%w: %s is not https", errUnreached, r.URL.Host)
	}
	inner := c.inner
	if inner == nil {
		inner = http.DefaultTransport
	}
	response, err := inner.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxProviderAnswer), response.Body}
	}
	return response, err
}

// discover reads the provider's description, once it answers.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errUnreached, err)
	}
	for _, at := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if !strings.HasPrefix(at, "https://") {
			return nil, fmt.Errorf("%w: it names an address without TLS", errUnreached)
		}
	}
	p.found = found
	return found, nil
}

func (p *provider) config(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.client, ClientSecret: p.secret, Endpoint: found.Endpoint(), RedirectURL: p.redirect, Scopes: p.scopes,
	}
}

// begin returns the provider's page for a login: by authorization code, with PKCE and a nonce. [ENR-22]
func (p *provider) begin(ctx context.Context, state, nonce, verifier string) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.config(found).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier), oauth2.AccessTypeOffline), nil
}

// finish takes the code of a login to the provider, and returns what its token says: verified, but for the nonce.
func (p *provider) finish(ctx context.Context, code, verifier string) (login, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return login{}, err
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := p.config(found).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return login{}, refusalOf(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return login{}, fmt.Errorf("%w: no token", errToken)
	}
	read, err := p.verify(ctx, found, raw)
	if err != nil {
		return login{}, err
	}
	if err := p.describe(ctx, found, token, &read); err != nil {
		return login{}, err
	}
	return login{token: read, refresh: token.RefreshToken}, nil
}

// verify checks a token's signature, issuer, audience and dates. [ENR-23] [ENR-24]
func (p *provider) verify(ctx context.Context, found *oidc.Provider, raw string) (idToken, error) {
	verifier := found.Verifier(&oidc.Config{ // the keys are kept, and fetched anew for one that is not among them
		ClientID: p.client, SupportedSigningAlgs: algorithms, Now: p.now,
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return idToken{}, fmt.Errorf("%w: %v", errToken, err)
	}
	read, err := readToken(token, raw)
	if err != nil {
		return idToken{}, err
	}
	return read, read.check(p.client, p.now())
}

// describe adds what the provider's page about the user says and the token does not. It MUST be about the same person.
func (p *provider) describe(ctx context.Context, found *oidc.Provider, token *oauth2.Token, read *idToken) error {
	if found.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("%w: %v", errUnreached, err)
	}
	more := make(claims)
	if err := info.Claims(&more); err != nil || info.Subject != read.subject {
		return fmt.Errorf("%w: what it says of the user is about somebody else", errToken)
	}
	for name, value := range more {
		if _, there := read.claims[name]; !there {
			read.claims[name] = value
		}
	}
	return nil
}

// renew asks whether somebody is still let in. errRefused: no; errUnreached: nobody knows. The refresh token that comes back
// takes the place of the one that was sent.
func (p *provider) renew(ctx context.Context, subject, refresh string) (c claims, next string, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return nil, "", err
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := p.config(found).TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return nil, "", refusalOf(err)
	}
	next = token.RefreshToken
	read := idToken{subject: subject, claims: make(claims)}
	if raw, _ := token.Extra("id_token").(string); raw != "" {
		if read, err = p.verify(ctx, found, raw); err != nil {
			return nil, next, fmt.Errorf("%w: %v", errUnreached, err)
		}
		if read.subject != subject {
			return nil, next, fmt.Errorf("%w: the renewed login is somebody else's", errUnreached)
		}
	}
	if err := p.describe(ctx, found, token, &read); err != nil {
		return nil, next, fmt.Errorf("%w: %v", errUnreached, err)
	}
	return read.claims, next, nil
}

// refusalOf tells a provider's no from its silence. Only the error that says so of this very grant is a no. [ENR-30]
func refusalOf(err error) error {
	if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok && said.ErrorCode == "invalid_grant" {
		return fmt.Errorf("%w: %s", errRefused, said.ErrorCode)
	}
	return fmt.Errorf("%w: %v", errUnreached, err)
}
