package login

import (
	"bufio"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
	"muster.example/rendezvous/enrolment/enrolmenttest"
)

func TestMain(m *testing.M) { program.Build(m) }

// house is an organization whose members log in at a provider.
type house struct {
	t        *testing.T
	provider *enrolmenttest.Provider
	service  *program.Process
	dir, url string
	ada      *program.Device
	browser  func(login string) *enrolmenttest.Browser
	link     string
}

var zoe = enrolmenttest.Person{ID: "1001", Login: "zoe", First: "Zoe", Last: "Quay", Email: "zoe@example.org"}

// newHouse starts all of it: the roll names the key, and members take the name of a claim.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "enrolment")}
	cert, certFile, keyFile, pin := enrolmenttest.Certificate(t)
	port := enrolmenttest.Port(t)
	h.url = "https://" + port
	h.provider = enrolmenttest.New(t, h.url+"/callback", zoe)
	h.browser = func(login string) *enrolmenttest.Browser {
		return enrolmenttest.NewBrowser(t, h.provider.Trust(cert), login)
	}
	node := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	h.ada = program.StartDevice(t, "ada", nil)
	if _, err := h.ada.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Name: "Lighthouse", As: "Ada", Claim: node.Claim}); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(h.run("muster-rendezvous", "enrol", "keygen", "--dir", h.dir))
	sso, err := h.ada.Client.SetSSO(t.Context(), api.SSOSetRequest{
		Key: key, Issuer: h.provider.Issuer, Client: enrolmenttest.Client, URL: h.url, Claim: "given_name", Pin: hex.EncodeToString(pin),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.link = sso.Keys[0].Link
	if _, err := h.ada.Client.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"names=claim"}}); err != nil {
		t.Fatal(err)
	}
	secret, ca := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "provider.pem")
	h.write(secret, []byte(enrolmenttest.Secret+"\n"))
	h.write(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.provider.Certificate().Raw}))
	h.service = program.New(t, "enrolment", program.Path("muster-rendezvous"), "enrol", "run", "--dir", h.dir, "--org", sso.Card, "--url", h.url,
		"--issuer", h.provider.Issuer, "--client-id", enrolmenttest.Client, "--client-secret-file", secret, "--provider-ca", ca,
		"--listen", port, "--tls-cert", certFile, "--tls-key", keyFile, "--check", "1s")
	h.service.Start()
	h.service.Says(regexp.MustCompile("enrolling members"))
	return h
}

func (h *house) write(path string, data []byte) {
	h.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a program to its end, and returns what it prints.
func (h *house) run(name string, arguments ...string) string {
	h.t.Helper()
	out, err := exec.Command(program.Path(name), arguments...).Output()
	if err != nil {
		h.t.Fatalf("%s %v: %v", name, arguments, err)
	}
	return string(out)
}

// Somebody joins with `muster join --sso`, by a code that they type at the service and words that they compare; writes and is
// written to; and is suspended when the provider disables the account, though nobody of the organization does a thing.
func TestJoinByLoginAndLeaveWithIt(t *testing.T) {
	h := newHouse(t)
	device := program.StartDevice(t, "zoe", nil)
	join := exec.Command(program.Path("muster"), "join", "--sso", h.link, "--dir", device.Dir)
	stderr, err := join.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := join.Start(); err != nil {
		t.Fatal(err)
	}
	code, words := "", ""
	for lines := bufio.NewScanner(stderr); words == "" && lines.Scan(); {
		if _, found, ok := strings.Cut(lines.Text(), "code   "); ok {
			code = found
		}
		if _, found, ok := strings.Cut(lines.Text(), "words  "); ok {
			words = found
		}
	}
	b := h.browser(zoe.Login)
	b.Open(h.url + "/device")
	b.Post("/device", map[string][]string{"code": {code}})
	b.Go()
	if words == "" || !strings.Contains(b.Page, words) {
		t.Fatalf("the device shows %q, the page %s", words, b)
	}
	b.Post("/confirm", map[string][]string{"page": {b.Field()}, "same": {"yes"}})
	if err := join.Wait(); err != nil {
		t.Fatalf("joining: %v", err)
	}
	status, err := device.Client.Status(t.Context())
	if err != nil || len(status.Orgs) != 1 || status.Orgs[0].Name != "Lighthouse" {
		t.Fatalf("%+v, %v", status.Orgs, err)
	}

	if _, err := device.Client.Introduce(t.Context(), api.IntroduceRequest{Member: "Ada", Text: "Zoe from the quay"}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, program.StartTime, "Ada accepts Zoe", func() bool {
		_, err := h.ada.Client.Accept(t.Context(), api.AcceptRequest{Member: "Zoe"})
		return err == nil
	})
	if _, err := h.ada.Client.Send(t.Context(), api.SendRequest{To: []string{"Zoe"}, Text: "Welcome"}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, program.StartTime, "Zoe reads it", func() bool {
		page, err := device.Client.Inbox(t.Context(), api.InboxQuery{})
		return err == nil && len(page.Messages) == 1 && page.Messages[0].Text == "Welcome"
	})

	h.provider.Disable(zoe.ID, true)
	program.Await(t, program.StartTime, "Zoe is suspended", func() bool {
		members, err := h.ada.Client.AdminMembers(t.Context(), api.AdminQuery{})
		if err != nil {
			return false
		}
		for _, m := range members {
			if m.Name == "Zoe" {
				return m.Suspended
			}
		}
		return false
	})
	shown := h.run("muster-rendezvous", "enrol", "status", "--dir", h.dir)
	if !strings.Contains(shown, "1, 1 suspended") {
		t.Errorf("the service says\n%s", shown)
	}
	if end := h.run("muster", "admin", "sso", "end", h.key(), "--dir", h.ada.Dir); !strings.Contains(end, "nobody joins by the key") {
		t.Errorf("the end says %s", end)
	}
}

func (h *house) key() string {
	h.t.Helper()
	sso, err := h.ada.Client.SSO(h.t.Context(), api.AdminQuery{})
	if err != nil {
		h.t.Fatal(err)
	}
	return sso.Keys[0].Key
}

// The browser of the computer on which the app runs brings the login back to it, without a code to type; a link that names
// another key, and an address that the roll does not name, are refused before anything is joined.
func TestJoinInTheBrowserOfTheSameComputer(t *testing.T) {
	h := newHouse(t)
	device := program.StartDevice(t, "zoe", nil)
	login, err := device.Client.BeginSSO(t.Context(), api.SSORequest{URL: h.link, Browser: true})
	if err != nil || login.Code != "" {
		t.Fatalf("%+v, %v", login, err)
	}
	waiting, err := device.Client.FinishSSO(t.Context(), api.SSOFinishRequest{ID: login.ID, Wait: 1})
	if err != nil || waiting.State != api.SSOWaiting {
		t.Fatalf("%+v, %v", waiting, err)
	}
	b := h.browser(zoe.Login)
	b.Open(login.Login)
	if !strings.Contains(b.Page, "Go back to Muster") {
		t.Fatalf("the browser shows %s", b)
	}
	result, err := device.Client.FinishSSO(t.Context(), api.SSOFinishRequest{ID: login.ID})
	if err != nil || result.Joined == nil || result.Joined.OrgName != "Lighthouse" || len(result.Joined.RecoveryWords) != 24 {
		t.Fatalf("%+v, %v", result, err)
	}
	if _, err := device.Client.FinishSSO(t.Context(), api.SSOFinishRequest{ID: login.ID}); codeOf(err) != api.CodeNotFound {
		t.Errorf("finished twice: %v", err)
	}
	if _, err := device.Client.BeginSSO(t.Context(), api.SSORequest{URL: "https://127.0.0.1:1"}); codeOf(err) != api.CodeFailed {
		t.Errorf("a service that is not there: %v", err)
	}
	if _, err := device.Client.BeginSSO(t.Context(), api.SSORequest{URL: h.url}); codeOf(err) != api.CodeFailed {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	if _, err := device.Client.BeginSSO(t.Context(), api.SSORequest{URL: "http://" + strings.TrimPrefix(h.url, "https://")}); codeOf(err) != api.CodeUsage {
		t.Errorf("an address without TLS: %v", err)
	}
}

func codeOf(err error) api.Code {
	if err == nil {
		return ""
	}
	return api.AsError(err).Code
}
