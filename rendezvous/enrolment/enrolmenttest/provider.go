// Package enrolmenttest runs a real login provider, zitadel's, in the process of a test, and a browser that logs in there.
//
// It owns people who can be disabled, and faults that a provider never has by itself. It is linked into no program.
package enrolmenttest

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"html/template"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client and Secret are those of the enrolment service at the provider.
const (
	Client = "muster"
	Secret = "the client's secret"
)

// Password is everybody's.
const Password = "correct horse"

// Person is somebody whom the provider knows.
type Person struct {
	ID, Login, First, Last, Email string
	Unverified                    bool // the address was not verified
}

// Provider is a login provider.
type Provider struct {
	Issuer string
	server *httptest.Server

	mu       sync.Mutex // guards the following
	people   map[string]Person
	disabled map[string]bool
	silent   bool
	groups   map[string][]string
}

// New starts a provider with a client that comes back to redirect, until the test ends.
func New(t testing.TB, redirect string, people ...Person) *Provider {
	t.Helper()
	p := &Provider{people: make(map[string]Person), disabled: make(map[string]bool), groups: make(map[string][]string)}
	for _, person := range people {
		p.people[person.ID] = person
	}
	var handler http.Handler
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if silent {
			http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	p.Issuer = p.server.URL
	held := &keptStorage{
		Storage: storage.NewStorageWithClients(p, map[string]*storage.Client{Client: storage.WebClient(Client, Secret, redirect)}), p: p,
	}
	key := sha256.Sum256([]byte("test"))
	served, err := op.NewProvider(&op.Config{
		CryptoKey: key, CodeMethodS256: true, GrantTypeRefreshToken: true, AuthMethodPost: true,
	}, held, op.StaticIssuer(p.Issuer))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/username", func(w http.ResponseWriter, r *http.Request) {
		_ = loginPage.Execute(w, r.URL.Query().Get("authRequestID")) //nolint:errcheck // the browser is gone
	})
	mux.Handle("POST /login/username", op.NewIssuerInterceptor(served.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PostFormValue("id")
		if err := held.CheckUsernamePassword(r.PostFormValue("username"), r.PostFormValue("password"), id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(served)(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/", served)
	handler = mux
	return p
}

// loginPage is where somebody logs in.
var loginPage = template.Must(template.New("").Parse(`<!doctype html><title>Log in</title>
<form method="post" action="/login/username"><input type="hidden" name="id" value="{{.}}">
<input name="username"><input name="password" type="password"><button id="login">Log in</button></form>`))

// keptStorage is zitadel's, with people who can be disabled.
type keptStorage struct {
	*storage.Storage
	p *Provider
}

// TokenRequestByRefreshToken implements op.Storage: a disabled account is refused.
func (s *keptStorage) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	request, err := s.Storage.TokenRequestByRefreshToken(ctx, token)
	if err == nil && s.p.isDisabled(request.GetSubject()) {
		return nil, errors.New("the account is disabled")
	}
	return request, err
}

// SetUserinfoFromToken implements op.Storage: with the groups of somebody.
func (s *keptStorage) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if groups := s.p.groups[subject]; groups != nil {
		info.AppendClaims("groups", groups)
	}
	return nil
}

// GetUserByID implements storage.UserStore.
func (p *Provider) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	person, known := p.people[id]
	if !known {
		return nil
	}
	return &storage.User{
		ID: person.ID, Username: person.Login, Password: Password, FirstName: person.First, LastName: person.Last,
		Email: person.Email, EmailVerified: !person.Unverified,
	}
}

// GetUserByUsername implements storage.UserStore: nobody for a disabled account.
func (p *Provider) GetUserByUsername(name string) *storage.User {
	p.mu.Lock()
	id := ""
	for _, person := range p.people {
		if person.Login == name && !p.disabled[person.ID] {
			id = person.ID
		}
	}
	p.mu.Unlock()
	return p.GetUserByID(id)
}

// ExampleClientID implements storage.UserStore.
func (p *Provider) ExampleClientID() string { return "service" }

func (p *Provider) isDisabled(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disabled[id]
}

// Disable disables an account, or enables it again.
func (p *Provider) Disable(id string, disabled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disabled[id] = disabled
}

// Silence has the provider answer nobody, or everybody again.
func (p *Provider) Silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
}

// Group says in which groups somebody is.
func (p *Provider) Group(id string, groups ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[id] = groups
}

// Certificate returns the provider's.
func (p *Provider) Certificate() *x509.Certificate { return p.server.Certificate() }

// Trust returns a client that trusts the provider and the certificates given.
func (p *Provider) Trust(more ...*x509.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(p.server.Certificate())
	for _, one := range more {
		pool.AddCert(one)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}
