package p2p

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"muster.example/internal/keys"
)

// reason returns why a relay did not pass on a call, as libp2p words it.
func reason(err error) string {
	_, text, _ := strings.Cut(err.Error(), "error opening relay circuit: ")
	return text
}

// Two hosts that only dial talk through a third, which lets some call some.
func TestCallThroughARelay(t *testing.T) {
	for _, listen := range []string{overTCP, overQUIC} {
		ada, bo, eve, dan, relayKey := keys.Generate(), keys.Generate(), keys.Generate(), keys.Generate(), keys.Generate()
		var friends sync.Map // the relay's handlers ask while the test makes another friend
		friends.Store(ada.Public(), nil)
		friends.Store(bo.Public(), nil)
		friend := func(peer keys.PublicKey) bool {
			_, is := friends.Load(peer)
			return is
		}
		relay := newHost(t, Config{Identity: relayKey, Listen: []string{listen}, Circuits: &Circuits{
			Wait: friend,
			Call: func(from, to keys.PublicKey) bool { return friend(from) && friend(to) },
			Most: 4,
		}})
		caller, called := newHost(t, Config{Identity: ada, Relayed: true}), newHost(t, Config{Identity: bo, Relayed: true})
		stranger := newHost(t, Config{Identity: eve, Relayed: true})
		connect(t, caller, relay)
		connect(t, called, relay)
		connect(t, stranger, relay)
		if err := Call(t.Context(), caller, relayKey.Public(), bo.Public()); !errors.Is(err, ErrNotThere) {
			t.Errorf("calling who does not wait: %v", err)
		}
		if _, err := WaitAt(t.Context(), called, relayKey.Public()); err != nil {
			t.Fatal(err)
		}
		if _, err := WaitAt(t.Context(), stranger, relayKey.Public()); err == nil {
			t.Error("a stranger waits at the relay")
		}
		if err := Call(t.Context(), stranger, relayKey.Public(), bo.Public()); !errors.Is(err, ErrNotThere) {
			t.Errorf("a stranger calls: %v", err)
		}
		friends.Store(eve.Public(), nil)
		refused := Call(t.Context(), stranger, relayKey.Public(), dan.Public())
		absent := Call(t.Context(), caller, relayKey.Public(), eve.Public())
		if refused == nil || absent == nil || reason(refused) == "" || reason(refused) != reason(absent) {
			t.Errorf("one who may not call reads %q, one who calls somebody who is not there %q", reason(refused), reason(absent))
		}
		if err := Call(t.Context(), caller, relayKey.Public(), bo.Public()); err != nil {
			t.Fatal(err)
		}
		if c := caller.Network().ConnsToPeer(called.ID()); len(c) != 1 || !IsRelayed(c[0].RemoteMultiaddr()) {
			t.Errorf("the connections are %v", c)
		}
		stop := serveEcho(t, called, ServeLimits{Request: 64})
		if answer, err := askEcho(t.Context(), caller, called.ID(), "hello"); err != nil || answer != "hello" {
			t.Errorf("through the relay: %q, %v", answer, err)
		}
		stop()
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	}
}
