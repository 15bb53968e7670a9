//go:build netns && linux

package netns

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"muster.example/internal/beacon"
	"muster.example/internal/e2e/program"
	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/node/store"
)

const (
	// lureTime is for how long a hostile device says that members' devices are where others are.
	lureTime = 40 * time.Second
	// heardPause is after how long it counts again where a device is heard: who was heard just now is called already, and of one address
	// no more than 64 announcements are kept.
	heardPause = 12 * time.Second
	// mostLured is how many packets those others may get from one device in that time.
	mostLured = 250
	// lurePorts is at how many ports of one of them.
	lurePorts = 40
)

// lure announces on its LAN whatever it is told to, a line each: the payload in hexadecimal, an address, and a port. It goes through all of
// these each second, with new names.
func lure(t *testing.T) {
	p := play(t)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: mdnsPort})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all [][2]string
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for sent := 0; ; {
		select {
		case <-p.ctx.Done():
			p.says(sent)
			return
		case line := <-p.lines:
			if payload, at, ok := strings.Cut(line, " "); ok {
				all = append(all, [2]string{payload, at})
			}
		case <-tick.C:
			for _, a := range all {
				payload, err := hex.DecodeString(a[0])
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.WriteToUDPAddrPort(announcement(t, payload, netip.MustParseAddrPort(a[1])), mdnsGroup); err != nil {
					t.Fatal(err)
				}
				sent++
			}
		}
	}
}

const mdnsPort = 5353

var mdnsGroup = netip.AddrPortFrom(netip.MustParseAddr("224.0.0.251"), mdnsPort)

// announcement is a packet that announces a device at an address, under a name that none had before. [NEAR-21]
func announcement(t *testing.T, payload []byte, at netip.AddrPort) []byte {
	t.Helper()
	name := func(text string) dnsmessage.Name { return dnsmessage.MustNewName(text) }
	label := func() string { return strings.ToLower(rand.Text()) }
	service := string(nearby.Devices) + ".local."
	instance, host := label()+"."+service, label()+".local."
	const ttl = 75 * 60
	header := func(of string, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name(of), Type: kind, Class: dnsmessage.ClassINET, TTL: ttl}
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{
			{Header: header(service, dnsmessage.TypePTR), Body: &dnsmessage.PTRResource{PTR: name(instance)}},
			{Header: header(instance, dnsmessage.TypeSRV), Body: &dnsmessage.SRVResource{Port: at.Port(), Target: name(host)}},
			{Header: header(instance, dnsmessage.TypeTXT), Body: &dnsmessage.TXTResource{TXT: []string{"p=" + string(payload)}}},
			{Header: header(host, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: at.Addr().As4()}},
		},
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// beacons returns how the beacons of an organization are sealed, from the folder of a member's device that does not run.
func beacons(t *testing.T, d *program.Device) (seal func(keys.PublicKey) string, self keys.PublicKey) {
	t.Helper()
	db, org, done := openStore(t, d)
	defer done()
	var founding []byte
	err := db.View(func(tx *store.Tx) (err error) { founding, err = tx.Entry(org.Org, 0); return err })
	if err != nil {
		t.Fatal(err)
	}
	key, err := beacon.NewKey(org.Org, founding)
	if err != nil {
		t.Fatal(err)
	}
	return func(device keys.PublicKey) string {
		payload, err := key.Seal(rand.Reader, device, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(payload)
	}, keys.FromSeed(org.Identity).Public()
}

// A member's device says on a LAN that it, and another member's device, are at addresses of somebody who has nothing to do with it, at
// many ports there, and at an address behind a router: those get no more than a few packets, whatever it says.
func TestHostileAddresses(t *testing.T) {
	if host() != "" {
		lure(t)
		return
	}
	t.Parallel() // it waits for most of its time
	c := crewOnLAN(t, "Ada", "Ben", "Mal")
	ada, ben, mal := c.people[0], c.people[1], c.people[2]
	const victim, at = "5", "10.9.0.5"
	for _, p := range []person{ben, mal} {
		p.device.End(syscall.SIGTERM)
	}
	seal, self := beacons(t, mal.device)
	_, other := beacons(t, ben.device)
	const elsewhere, far = "192.168.77.7", "203.0.113.7"
	c.do(victim, "ip", "addr", "add", elsewhere+"/32", "dev", "lo")
	c.do(victim, "ip", "addr", "add", far+"/32", "dev", "lo")
	c.do(ada.host, "ip", "route", "add", "default", "via", at)
	c.counts(victim, arriving)
	c.counts(ada.host, leaving)

	<-time.After(heardPause)
	mallory := c.plays(mal.host)
	for port := range lurePorts {
		mallory.tells(fmt.Sprintf("%s %s:%d", seal(self), at, 7000+port))
	}
	mallory.tells(fmt.Sprintf("%s %s:7100", seal(other), at))
	mallory.tells(fmt.Sprintf("%s %s:7200", seal(other), elsewhere))
	mallory.tells(fmt.Sprintf("%s %s:7300", seal(self), far))
	for i, many := range []string{"10.9.0.255", "10.9.0.0", "224.0.0.1", "255.255.255.255"} {
		mallory.tells(fmt.Sprintf("%s %s:%d", seal(other), many, 7110+i))
	}
	<-time.After(lureTime)
	if sent, err := strconv.Atoi(mallory.ends()); err != nil || sent < lurePorts*int(lureTime/time.Second)/2 {
		t.Errorf("%d announcements were sent, %v", sent, err)
	}

	lured, ports := 0, make(map[int]bool)
	for f, packets := range c.flows(victim) {
		switch {
		case f.to == netip.MustParseAddr(far) || f.to == netip.MustParseAddr(elsewhere):
			t.Errorf("an address that is not on this network got %v: %d packets", f, packets)
		case f.port == mdnsPort:
		case f.from == netip.MustParseAddr(lanAddress(2)):
			lured, ports[f.port] = lured+packets, true
		}
	}
	t.Logf("in %v somebody else got %d packets at %d ports", lureTime, lured, len(ports))
	if lured > mostLured {
		t.Errorf("more than %d", mostLured)
	}
	if lured == 0 {
		t.Error("no packet at all: nothing was tried, or nothing was seen")
	}
	for f, packets := range c.flows(ada.host) {
		member := f.to == netip.MustParseAddr(lanAddress(3)) || f.to == netip.MustParseAddr(lanAddress(4)) // where they really were
		lured := f.to == netip.MustParseAddr(at) && f.port >= 7000 && f.port <= 7100
		if f.to != netip.MustParseAddr(lanAddress(1)) && !member && f.port != mdnsPort && !lured && !f.to.IsLoopback() {
			t.Errorf("the device sent %d packets, %v, where nobody had said that anybody is", packets, f)
		}
	}
}

// quietTime is for how long devices that may not meet are listened to.
const quietTime = 20 * time.Second

// Where the policy lets no devices meet, none sends a packet to another one, and while there is a rendezvous node none to all. Without it
// they ask all for the node, which may be on the network. [NEAR-8]
func TestPolicyOfNoDirectPaths(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := crewOnLAN(t, "Ada", "Ben", "Cara")
	between := func(all bool) (packets int) {
		t.Helper()
		for _, p := range c.people {
			for f, some := range c.flows(p.host) {
				if !f.to.IsLoopback() && f.to != netip.MustParseAddr(lanAddress(1)) && (all || !f.to.IsMulticast()) {
					t.Logf("%s: %v: %d packets", p.device.Name, f, some)
					packets += some
				}
			}
		}
		return packets
	}
	count := func() {
		t.Helper()
		for _, p := range c.people {
			c.counts(p.host, leaving)
		}
	}
	count()
	c.people[0].sees(2)
	for began := time.Now(); ; { // the first messages may all go by the node: no direct path is there yet
		c.everybodyWrites("as usual")
		c.awaitComplete(meshTime)
		if between(false) > 0 {
			break
		}
		if time.Since(began) > meshTime {
			t.Fatal("nothing goes between devices at first: the rest proves nothing")
		}
	}
	c.people[0].types("admin", "policy", "set", "direct=never").exits(0)
	for _, p := range c.people {
		p.sees(0)
	}
	program.Await(t, commandTime, "what was announced is taken back, and nothing more is said", func() bool {
		count()
		<-time.After(3 * time.Second)
		return between(true) == 0
	})
	count()
	c.everybodyWrites("with the node")
	c.awaitComplete(meshTime)
	<-time.After(quietTime)
	if packets := between(true); packets > 0 {
		t.Errorf("with the rendezvous node %d packets go to other devices, or to all", packets)
	}
	c.plug("1", "down")
	c.everybodyWrites("without the node")
	<-time.After(quietTime)
	if packets := between(false); packets > 0 {
		t.Errorf("without it %d packets go to other devices", packets)
	}
	c.plug("1", "up")
	c.awaitComplete(told)
}
