package gossip

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
)

// TestSimFloodOfAGroup has a member write messages of the largest size into a group, under the names of six of its members, to a device
// that is too slow to verify them: no more wait there than the bound, and after that the device hears what is said. [GOS-14]
func TestSimFloodOfAGroup(t *testing.T) {
	testnet.Run(t, 33, func(t *testing.T, net *testnet.Net) {
		const group, authors = "group", 6
		c := new(club)
		victim := newSite(t, net, 0, Config{Member: c.has, MaxMessage: MaxGroupMessage})
		busy, heard, good := make(chan struct{}), new(atomic.Int64), new(atomic.Bool)
		err := victim.Join(group, MaxGroupMessage, func(_ context.Context, m Received) Verdict {
			<-busy
			if len(m.Data) < MaxGroupMessage {
				good.Store(true)
			} else {
				heard.Add(int64(len(m.Data)))
			}
			return Ignore
		})
		if err != nil {
			t.Fatal(err)
		}
		c.set(group, victim.key, true)
		var all []keys.PrivateKey
		for i := range authors {
			all = append(all, net.Key(fmt.Sprint("site ", 1+i)))
			c.set(group, all[i].Public(), true)
		}
		member := newRaw(t, net, 1, victim)
		large := bytes.Repeat([]byte("l"), MaxGroupMessage)
		for i := range AcceptedPerMinute {
			for _, author := range all {
				binary.BigEndian.PutUint64(large, uint64(i))
				if err := member.send(t, member.message(t, group, bytes.Clone(large), author.Public(), author)); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(10 * time.Minute) // all of it has been read
		close(busy)
		time.Sleep(time.Minute)
		if got, most := heard.Load(), int64(8<<20+validateWorkers*MaxGroupMessage); got > most || got < most/2 {
			t.Errorf("%d bytes of a flood of %d waited, at most %d may", got, authors*AcceptedPerMinute*MaxGroupMessage, most)
		}
		if err := member.send(t, member.message(t, group, []byte("good"), all[1].Public(), all[1])); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !good.Load() {
			t.Error("after the flood the device hears nothing")
		}
	})
}

// TestQueuesAreBoundedByBytes holds how many messages and frames wait against their sizes: a rendezvous node has none of groups. [GOS-14]
func TestQueuesAreBoundedByBytes(t *testing.T) {
	for largest, want := range map[int][2]int{MaxMessage: {1024, 256}, MaxGroupMessage: {124, 62}, 1: {validateMost, peerMost}} {
		if got := [2]int{validateQueue(largest), peerQueue(largest)}; got != want {
			t.Errorf("messages of %d bytes: queues of %d, want %d", largest, got, want)
		}
	}
}
