//go:build browser

package browser

import (
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
	"muster.example/rendezvous/enrolment"
	"muster.example/rendezvous/enrolment/enrolmenttest"
)

// An admin names an enrolment key on the page; somebody joins on the page with their login at a real provider, whose page they
// open from there and which brings them back; and the admin ends the key, told whom that suspends.
func TestJoinByLoginOnThePage(t *testing.T) {
	zoe := enrolmenttest.Person{ID: "1001", Login: "zoe", First: "Zoe", Last: "Quay", Email: "zoe@example.org"}
	cert, certFile, keyFile, pin := enrolmenttest.Certificate(t)
	port, dir := enrolmenttest.Port(t), filepath.Join(t.TempDir(), "enrolment")
	url := "https://" + port
	provider := enrolmenttest.New(t, url+"/callback", zoe)
	key, err := enrolment.GenerateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	people := organization(t, "Ada")
	in := "/o/" + muster[[]api.OrgSummary](people[0], "org", "list")[0].Org + "/admin/sso"
	ada := open(t, people[0])
	ada.goTo(in)
	ada.see("Nobody joins by a login.")
	ada.look("admin-sso-none")
	for field, text := range map[string]string{
		"#key": key.String(), "#issuer": provider.Issuer, "#client": enrolmenttest.Client, "#url": url, "#claim": "given_name", "#pin": hex.EncodeToString(pin),
	} {
		ada.fill(field, text)
	}
	ada.click("button[value=set]")
	ada.see("in force")
	ada.look("admin-sso")
	sso := muster[api.AdminSSO](people[0], "admin", "sso", "show")
	startEnrolment(t, provider, sso.Card, dir, url, port, certFile, keyFile)

	b := openNew(t)
	b.choosePassphrase()
	b.goTo("/welcome/sso")
	b.look("sso-address")
	b.fill("#url", "http://nowhere.example")
	b.click("button[value=begin]")
	b.see("This is no address to join by a login")
	b.fill("#url", sso.Keys[0].Link)
	b.click("button[value=begin]")
	b.see("Log in on your organization's page")
	b.look("sso-login")
	login := enrolmenttest.NewBrowser(t, provider.Trust(cert), zoe.Login)
	login.Open(read[string](b, "document.getElementById('login').href"))
	if login.Status != 200 {
		t.Fatalf("the login shows %s", login)
	}
	b.click("button[value=finish]")
	b.writeDown("words-sso")
	b.until("the inbox is open", "location.pathname.startsWith('/o/')")

	ada.goTo(in)
	ada.click("section.panel button[value=end]")
	ada.see("A key that has ended does not come back.")
	ada.look("admin-sso-end")
	ada.click("button.grave")
	ada.see("The key has ended.")
}

// startEnrolment runs the enrolment service.
func startEnrolment(t *testing.T, provider *enrolmenttest.Provider, card, dir, url, port, certFile, keyFile string) {
	t.Helper()
	secret, ca := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "provider.pem")
	for path, data := range map[string][]byte{
		secret: []byte(enrolmenttest.Secret), ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw}),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	service := program.New(t, "enrolment", program.Path("muster-rendezvous"), "enrol", "run", "--dir", dir, "--org", card, "--url", url,
		"--issuer", provider.Issuer, "--client-id", enrolmenttest.Client, "--client-secret-file", secret, "--provider-ca", ca,
		"--listen", port, "--tls-cert", certFile, "--tls-key", keyFile)
	service.Start()
	service.Says(regexp.MustCompile("enrolling members"))
}
