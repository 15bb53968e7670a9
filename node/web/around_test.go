package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// neighbourly is a house with people around.
type neighbourly struct {
	*house
	around   api.Around
	presence []api.Presence
}

func (n *neighbourly) Around(context.Context, api.AroundQuery) ([]api.Around, error) {
	return []api.Around{{Org: "other"}, n.around}, nil
}

func (n *neighbourly) Presence(context.Context, api.PresenceQuery) (api.PresenceResult, error) {
	return api.PresenceResult{Members: n.presence}, nil
}

func newNeighbourly() *neighbourly {
	h := full()
	h.orgs = []api.OrgSummary{org}
	return &neighbourly{house: h,
		around: api.Around{Org: "org", Waiting: 3, Carried: api.CarriedTotal{Count: 2, Bytes: 5 << 10, Oldest: day, From: api.List[api.CarriedFrom]{
			{Member: "gusgusgu", Name: "Gus", Count: 2, Bytes: 5 << 10, Oldest: day}}},
			Carriers: api.List[api.Carrier]{{Member: "heidheid", Name: "Heidi", Device: "d6", Count: 2}, {Member: "heidheid", Name: "Heidi", Device: "d7", Count: 3}},
			Devices: api.List[api.Neighbour]{
				{Member: "bobidbob", Name: hostile, Device: "d1", Path: api.PathLAN, Present: api.PresenceOnline, Carrying: 4, Since: day},
				{Member: "bobidbob", Name: hostile, Device: "d2", Path: api.PathDirect},
				{Member: "cleocleo", Name: "Cleo", Device: "d3", Path: api.PathDirect},
				{Member: "finnfinn", Name: "Finn", Device: "d5", Heard: day},
				{Member: "meidmeid", Name: "Me", Device: "d4", DeviceName: "…tablet", Path: api.PathLAN, Own: true},
			}},
		presence: []api.Presence{
			{Member: "cleocleo", Name: "Cleo", State: api.PresenceOnline},
			{Member: "didadida", Name: "Dida", State: api.PresenceAway},
			{Member: "emilemil", Name: "Emil", State: api.PresenceOffline},
		}}
}

// Who is around is told by person, with the paths, who is there by the node's word apart from them, and what waits. [API-181]
func TestAroundPage(t *testing.T) {
	n := newNeighbourly()
	n.around.Connected = true
	h := newHouse(t, n)
	p := get(t, h, "/o/org/around")
	for _, want := range []string{"same network", "direct", "2 devices", "carries 4 envelopes of yours", "Cleo", "Dida", "Finn finnfinn heard on this network " + day.Local().Format("2006-01-02"), "through the rendezvous node", "…tablet", "3 messages", "2 envelopes, 5.0 KiB", "Gus gusgusgu 2 envelopes, 5.0 KiB", "Who carries for you Heidi heidheid carries 5 envelopes of yours"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	if strings.Count(p.text(), "Cleo") != 1 || strings.Contains(p.text(), "Emil") || strings.Contains(p.Body.String(), hostile) {
		t.Errorf("it shows %s", p.text())
	}
	if !strings.Contains(p.Body.String(), "3 people around") {
		t.Error("beside the page, nobody says how many are around")
	}
	n.around = api.Around{Org: "org"}
	p = get(t, h, "/o/org/around")
	for _, want := range []string{"No server can be reached. Messages go on by the devices around", "Nobody is in reach."} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	for _, language := range []string{"de", "ar"} {
		if p := ask(t, h, "GET", "/o/org/around", language, nil); p.Code != http.StatusOK {
			t.Errorf("%s: %d", language, p.Code)
		}
	}
}

// Without a connection every page says calmly what becomes of messages; with one, nothing. [API-181]
func TestPagesSayWhatHappensWithoutAServer(t *testing.T) {
	n := newNeighbourly()
	n.status = api.StatusResult{Orgs: api.List[api.OrgStatus]{{Org: "org", Rendezvous: api.List[api.RendezvousStatus]{{Address: "/ip4/192.0.2.1/tcp/1"}}}}}
	h := newHouse(t, n)
	says := func(want string, there bool) {
		t.Helper()
		if p := get(t, h, "/o/org/settings"); strings.Contains(p.text(), want) != there {
			t.Errorf("%q is there: %v\n%s", want, !there, p.text())
		}
	}
	says("No server can be reached. 3 people around . Who is around gets messages directly; what is for others waits here", true)
	n.around.Devices = nil
	says("Nobody is around: messages wait here until there is a way.", true)
	n.status.Orgs[0].Rendezvous = append(n.status.Orgs[0].Rendezvous, api.RendezvousStatus{Connected: true})
	says("No server can be reached.", false)
	n.status.Orgs[0].Rendezvous = nil
	says("No server can be reached.", false)
}

// traveller is a house with one sent message.
type traveller struct {
	*house
	message api.Message
}

func (s *traveller) Read(context.Context, api.ReadRequest) (api.Message, error) {
	return s.message, nil
}

// A sent message says in a line where it is and which way it went, and for each device since when. [API-173] [API-182]
func TestMessageSaysHowItTravels(t *testing.T) {
	bo, cleo := api.Person{Member: "bobidbob", Name: "Bo"}, api.Person{Member: "cleocleo", Name: "Cleo"}
	h := full()
	h.orgs = []api.OrgSummary{org}
	s := &traveller{house: h, message: api.Message{
		ID: "messageid1", Org: "org", Thread: "messageid1", From: "Me", FromMember: "meidmeid", Sent: true, Time: day, Text: "hello",
		Delivery: api.List[api.Progress]{
			{Person: bo, Devices: 2, Delivered: 2, State: api.StateDelivered, Via: api.List[api.Via]{api.ViaDirect, api.ViaCarriers}},
			{Person: cleo, Devices: 3, State: api.StateCarried, Carriers: 3, Bundled: day},
			{Person: api.Person{Member: "didadida", Name: "Dida"}, Devices: 1, State: api.StateHeld},
			{Person: api.Person{Member: "emilemil", Name: "Emil"}, Devices: 1, State: api.StateQueued, Carriers: 1},
		},
		States: api.List[api.Recipient]{
			{Member: "bobidbob", Name: "Bo", Device: "d1", State: api.StateDelivered, Via: api.ViaNode, Time: day},
			{Member: "bobidbob", Name: "Bo", Device: "d2", State: api.StateDelivered, Via: api.ViaBundle, Time: day},
			{Member: "cleocleo", Name: "Cleo", Device: "d3", State: api.StateCarried, Carriers: 2, Carried: day.Add(time.Hour), Bundled: day, Time: day},
			{Member: "didadida", Name: "Dida", Device: "d4", State: api.StateReturned, Reason: api.ReasonTime, Time: day},
		},
	}}
	p := get(t, newHouse(t, s), "/o/org/m/messageid1")
	for _, want := range []string{
		"Bo : delivered, direct, by devices around", "Cleo : carried by 3 devices, in a bundle", "Dida : waiting here", "Emil : queued at the rendezvous node, carried by 1 device",
		"How it travels", "delivered, through the rendezvous node", "delivered, by a bundle", "carried by 2 devices, in a bundle", "handed on", "…d3", "written into a bundle", "returned",
	} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
}
