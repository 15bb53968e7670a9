package gossip

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
)

// TestSimGroupsOfAnOrganization has five devices in one topic and three of them in another: messages of the group are larger, and reach
// its devices and nobody else, whoever is connected to whom.
func TestSimGroupsOfAnOrganization(t *testing.T) { // [GOS-10] [GOS-11]
	testnet.Run(t, 31, func(t *testing.T, net *testnet.Net) {
		c, all, group := new(club), "all", "group"
		cfg := Config{Member: c.has, MaxMessage: MaxGroupMessage}
		var sites []*site
		for i := range 5 {
			topics := []string{}
			if i < 3 {
				topics = append(topics, group)
			}
			s := newSite(t, net, i, cfg, topics...)
			if err := s.Join(all, MaxMessage, s.hear); err != nil {
				t.Fatal(err)
			}
			c.set(all, s.key, true)
			c.set(group, s.key, i < 3)
			sites = append(sites, s)
		}
		// 0 and 2 have no connection: 1, and for the organization 3 and 4, lie between them.
		for _, pair := range [][2]int{{0, 1}, {1, 2}, {0, 3}, {3, 2}, {3, 4}} {
			sites[pair[0]].connect(t, sites[pair[1]])
		}
		time.Sleep(5 * time.Second)

		large := bytes.Repeat([]byte("e"), MaxGroupMessage)
		if err := sites[0].Publish(t.Context(), all, large); !errors.Is(err, ErrSize) {
			t.Errorf("a message of a group's size in the organization's topic: %v", err)
		}
		if err := sites[0].Publish(t.Context(), group, large); err != nil {
			t.Fatal(err)
		}
		if err := sites[4].Publish(t.Context(), group, large); !errors.Is(err, ErrTopic) {
			t.Errorf("who is not in the group publishes there: %v", err)
		}
		time.Sleep(5 * time.Second)
		sites[1].expect(t, "a device between", string(large))
		sites[2].expect(t, "a device at the end", string(large))
		for _, other := range sites[3:] {
			other.expect(t, "who is not in the group")
		}
		for i, s := range sites[:3] {
			want := []keys.PublicKey{sites[1].key}
			if i == 1 {
				want = nil
			}
			for _, peer := range s.Peers(group) {
				if want != nil && peer != want[0] || !c.has(peer, group) {
					t.Errorf("device %d takes %s for one of the group", i, peer.Short())
				}
			}
		}
	})
}

// TestSimLargeMessageOfTheOrganization has a member write a message of a group's size into the organization's topic.
func TestSimLargeMessageOfTheOrganization(t *testing.T) { // [GOS-4]
	testnet.Run(t, 32, func(t *testing.T, net *testnet.Net) {
		c, all := new(club), "all"
		victim := newSite(t, net, 0, Config{Member: c.has, MaxMessage: MaxGroupMessage})
		if err := victim.Join(all, MaxMessage, victim.hear); err != nil {
			t.Fatal(err)
		}
		c.set(all, victim.key, true)
		c.set(all, net.Key("site 1").Public(), true)
		member := newRaw(t, net, 1, victim)
		over := member.message(t, all, bytes.Repeat([]byte("o"), MaxMessage+1), member.identity.Public(), member.identity)
		good := member.message(t, all, []byte("good"), member.identity.Public(), member.identity)
		if err := member.send(t, over, good); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		victim.expect(t, "the victim", "good")
	})
}
