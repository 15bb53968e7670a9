//go:build browser && linux

package browser

import (
	"strings"
	"testing"

	"muster.example/node/api"
)

// quay makes a network with one interface that multicast DNS works on, as it does not on loopback.
const quay = `
ip link add lan type veth peer name port
echo 1 > /proc/sys/net/ipv6/conf/lan/disable_ipv6
ip addr add 10.9.0.1/24 dev lan
ip link set port up
ip link set lan up
ip route add 224.0.0.0/4 dev lan`

// Two people meet by codes that one page shows and the other's takes: first one invites the other, who has never seen the app, and
// then they exchange cards.
func TestTwoPeopleMeet(t *testing.T) {
	if alone(t, quay) {
		return
	}
	host := organization(t, "Ada")[0]
	in := "/o/" + muster[[]api.OrgSummary](host, "org", "list")[0].Org + "/"
	ada := open(t, host)
	ada.goTo(in + "people")
	ada.click(`main a[href="` + in + `nearby"]`)
	ada.see("No meeting is under way.")
	ada.look("nearby")
	code := ada.showCode("invite", "")

	bo := openNew(t)
	bo.choosePassphrase()
	bo.click(`main a[href="/welcome/nearby"]`)
	bo.see("No meeting is under way.")
	bo.look("nearby-join")
	bo.enterCode("not a code")
	bo.see("This is no code.")
	bo.look("nearby-nocode")
	bo.enterCode(wrongCode(code))
	bo.see("Nothing came of it.")
	bo.look("nearby-wrong")
	ada.see("Tries left: 2")
	bo.enterCode(strings.ReplaceAll(code, "-", " "))
	bo.see("Lighthouse")
	bo.look("nearby-join-asked")
	bo.fill("#as", "Ada")
	bo.click(`main button[name=do][value=yes]`)
	bo.see("Another member has this name.")
	bo.look("nearby-join-taken")
	bo.fill("#as", "Bo")
	bo.click(`main button[name=do][value=yes]`)
	bo.writeDown("words-nearby")
	bo.until("the inbox is open", "location.pathname.startsWith('/o/')")
	ada.see("Done.")
	ada.until("the used code is gone", `getComputedStyle(document.querySelector(".spoken")).display === "none"`)
	ada.look("nearby-invited")

	code = ada.showCode("card", code)
	bo.goTo(in + "people")
	bo.click(`main a[href="` + in + `nearby"]`)
	bo.enterCode(code)
	ada.see("At the other device is Bo")
	bo.see("At the other device is Ada")
	bo.look("nearby-card-asked")
	ada.click(`main button[name=do][value=yes]`)
	ada.see("Waiting for the other person.")
	bo.click(`main button[name=do][value=yes]`)
	for name, b := range map[string]*tab{"Bo": ada, "Ada": bo} {
		b.see("Done.")
		b.see("Verified")
		if got := read[string](b, `document.querySelector("#meeting a").textContent`); got != name {
			t.Errorf("the card is of %q, not %q", got, name)
		}
		b.look("nearby-card-done-of-" + strings.ToLower(name))
	}
	if known := muster[[]api.Contact](host, "contacts"); len(known) != 1 || known[0].Name != "Bo" || !known[0].Verified {
		t.Errorf("Ada has these contacts: %+v", known)
	}
}

// showCode has a page show a code, which is another one than before, and returns it.
func (b *tab) showCode(what, before string) string {
	b.t.Helper()
	b.click(`main button[name=do][value=` + what + `]`)
	b.until("a code is shown", `(document.getElementById("code")?.textContent ?? `+quoted(before)+`) !== `+quoted(before))
	b.axe("nearby-code") // no picture of a code
	b.fits("nearby-code")
	return read[string](b, "document.getElementById('code').textContent")
}

func (b *tab) enterCode(code string) {
	b.t.Helper()
	b.fill("#entered", code)
	b.click(`main button[name=do][value=enter]`)
}

// wrongCode returns another code with the same number.
func wrongCode(code string) string {
	number, words, _ := strings.Cut(code, "-")
	first, rest, _ := strings.Cut(words, "-")
	if first == "zoo" {
		return number + "-able-" + rest
	}
	return number + "-zoo-" + rest
}
