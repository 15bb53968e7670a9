package gossip

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
)

func TestParseMessage(t *testing.T) { // [GOS-5]
	for _, kind := range []Kind{KindCheckpoint, KindEvent, KindEnvelope} {
		data := AppendMessage([]byte("before"), kind, []byte("body"))
		got, err := ParseMessage(data[len("before"):])
		if want := (Message{kind, []byte("body")}); err != nil || !cmp.Equal(got, want) {
			t.Errorf("kind %d came back as %+v, %v", kind, got, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty":     nil,
		"no body":   {1},
		"kind 0":    {0, 1},
		"reserved":  {3, 1},
		"kind 5":    {5, 1},
		"kind 255":  {255, 1},
		"too large": AppendMessage(nil, KindEvent, make([]byte, MaxMessage)),
		"envelope":  AppendMessage(nil, KindEnvelope, make([]byte, MaxGroupMessage)),
	} {
		if got, err := ParseMessage(data); !errors.Is(err, ErrMessage) {
			t.Errorf("%s was read as %+v, %v", name, got, err)
		}
	}
	if _, err := ParseMessage(AppendMessage(nil, KindEvent, make([]byte, MaxMessage-1))); err != nil {
		t.Errorf("the largest message: %v", err)
	}
	if _, err := ParseMessage(AppendMessage(nil, KindEnvelope, make([]byte, MaxGroupMessage-1))); err != nil {
		t.Errorf("the largest envelope: %v", err)
	}
}

func FuzzParseMessage(f *testing.F) { // [GOS-5]
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{2, 0})
	f.Add([]byte{3, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if err != nil {
			return
		}
		if again := AppendMessage(nil, m.Kind, m.Body); !bytes.Equal(again, data) {
			t.Errorf("%x was read and written as %x", data, again)
		}
	})
}

func TestTopic(t *testing.T) { // [GOS-2]
	a := keys.OrgID{1, 2, 3}
	topic := Topic(a)
	if _, err := keys.ParseID[keys.Org](topic); err != nil {
		t.Errorf("the topic %q: %v", topic, err)
	}
	if topic == a.String() || strings.Contains(topic, a.Short()) || topic == Topic(keys.OrgID{1, 2, 4}) {
		t.Error("a topic shows its organization, or two have one")
	}
	if again := keys.Hash[keys.Org]("muster/gossip/1", a[:]).String(); again != topic {
		t.Errorf("the topic is %s, the spec has %s", topic, again)
	}
}

func TestGroupTopic(t *testing.T) { // [GOS-10]
	org, group := keys.OrgID{1, 2, 3}, keys.GroupID{4, 5}
	topic := GroupTopic(org, group)
	if topic == Topic(org) || topic == GroupTopic(org, keys.GroupID{4, 6}) || topic == GroupTopic(keys.OrgID{1}, group) {
		t.Error("two topics have one name")
	}
	if again := keys.Hash[keys.Org]("muster/gossip/1", slices.Concat(org[:], group[:])).String(); again != topic {
		t.Errorf("the topic is %s, the spec has %s", topic, again)
	}
}

// frame makes what pubsub would write.
func frame(t *testing.T, rpc *pb.RPC) []byte {
	t.Helper()
	body, err := proto.Marshal(rpc)
	if err != nil {
		t.Fatal(err)
	}
	return protowire.AppendBytes(nil, body)
}

func TestFramesNameOnlyTopicsOfThePeer(t *testing.T) { // [GOS-3]
	announce := func(topics ...string) *pb.RPC {
		rpc := &pb.RPC{
			Publish: []*pb.Message{{Topic: proto.String("mine"), Data: []byte("data")}},
			Control: &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: proto.String("mine")}}},
		}
		for i, topic := range topics {
			rpc.Subscriptions = append(rpc.Subscriptions,
				&pb.RPC_SubOpts{Topicid: proto.String(topic), Subscribe: proto.Bool(i%2 == 0), RequestsPartial: proto.Bool(false)})
		}
		return rpc
	}
	mine := func(topic string) bool { return topic == "mine" }
	got := withoutTopics(frame(t, announce("mine", "other", "third")), mine)
	if want := frame(t, announce("mine")); !bytes.Equal(got, want) {
		t.Errorf("the frame is %x, want %x", got, want)
	}
	for _, same := range [][]byte{frame(t, announce("mine")), frame(t, new(pb.RPC)), {5, 1}, {2, 0xff, 0xff}, nil} {
		if got := withoutTopics(same, mine); !bytes.Equal(got, same) {
			t.Errorf("%x became %x", same, got)
		}
	}
}

func FuzzFrames(f *testing.F) { // [GOS-3]
	f.Add([]byte{10, 4, 8, 1, 18, 0, 18, 0})
	f.Add([]byte{10, 7, 8, 1, 18, 3, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after pb.RPC
		if proto.Unmarshal(body, &before) != nil {
			withoutTopics(protowire.AppendBytes(nil, body), func(string) bool { return false })
			return
		}
		got := withoutTopics(protowire.AppendBytes(nil, body), func(string) bool { return false })
		rest, n := protowire.ConsumeBytes(got)
		if n != len(got) || proto.Unmarshal(rest, &after) != nil || len(after.GetSubscriptions()) != 0 {
			t.Fatalf("%x became %x", body, got)
		}
		if before.Subscriptions = nil; !proto.Equal(&before, &after) {
			t.Errorf("%x lost more than announcements: %x", body, got)
		}
	})
}

func TestSmallestMeshIsConsistent(t *testing.T) {
	// Pubsub checks the same when it is made, and Config cannot ask for less.
	if got := parameters(minNeighbours, MaxMessage); got.Dout >= got.Dlo || got.Dout >= got.D/2 || got.Dlo > got.D || got.D > got.Dhi {
		t.Errorf("the parameters of the smallest mesh contradict each other: %+v", got)
	}
}
