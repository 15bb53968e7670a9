package node

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
)

// BenchmarkExchange brings a device without a history in step with one that has 20,000 messages of some 600 bytes, both with a real
// store, over a pipe: checked, merged and durable. Then it asks again, with nothing to do. [SYNC-10]
func BenchmarkExchange(b *testing.B) {
	const messages = 20_000
	org := newRoll(b, "Bo")
	second := org.AddDevice(org.Founder)
	full := newDevice(b, org, org.Founder)
	full.receives(b, org.Members[1], messages)
	another := func() *organization {
		return newDevice(b, org, &membershiptest.Member{ID: org.Founder.ID, Name: org.Founder.Name, Devices: []keys.PrivateKey{second}})
	}
	meet := func(b *testing.B, fresh *organization, thorough bool) exchange.Progress {
		here, there := net.Pipe()
		group := task.New(b.Context())
		group.Go("answer", func(ctx context.Context) error {
			_, err := exchange.Answer(ctx, there, siblingHistory{o: full})
			return err
		})
		done, err := exchange.Begin(b.Context(), here, siblingHistory{o: fresh}, exchange.Options{Thorough: thorough})
		if err != nil {
			b.Fatal(err)
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		return done
	}
	b.Run("all", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			fresh := another()
			b.StartTimer()
			if done := meet(b, fresh, false); done.Taken < messages || !done.Equal {
				b.Fatalf("%+v", done)
			}
		}
		b.ReportMetric(float64(messages*b.N)/b.Elapsed().Seconds(), "records/s")
	})
	fresh := another()
	meet(b, fresh, false)
	for name, thorough := range map[string]bool{"nothing": false, "nothing_thoroughly": true} {
		b.Run(name, func(b *testing.B) {
			var done exchange.Progress
			for b.Loop() {
				done = meet(b, fresh, thorough)
			}
			b.ReportMetric(float64(done.Sent+done.Received), "bytes")
		})
	}
}

// receives stores messages of another member, as they are when they were opened.
func (o *organization) receives(b testing.TB, from *membershiptest.Member, messages int) {
	b.Helper()
	start := time.Now().Add(-time.Hour).UnixMilli()
	const atOnce = 300
	for first := 0; first < messages; first += atOnce {
		update(b, o.node.store, func(tx *store.Tx) error {
			for i := first; i < min(first+atOnce, messages); i++ {
				m := history.Message{Author: from.Device().Public(), Member: from.ID, Text: history.Text{
					To: []keys.MemberID{o.member}, Text: strings.Repeat("Bring the long ladder. ", 4), Time: start,
				}}
				copy(m.Text.Nonce[:], fmt.Sprint(i))
				m.Conversation = placeOf(m).ID(o.org)
				var before keys.ContentID
				if i > 0 {
					before = keys.ContentID{1}
				}
				content := wire.Encode(envelope.Content{
					Org: o.org, Conversation: m.Conversation, Chain: keys.ChainID{1}, Position: uint64(i + 1), Sequence: uint64(i + 1), Previous: before, Kind: uint8(history.KindText), Body: wire.Encode(m.Text),
				})
				m.Signed = history.Proof{Content: content, Signature: from.Device().Sign(keys.DomainContent, o.org, content)}.Encode()
				if _, err := tx.AppendRecord(o.org, o.self, start+int64(i), history.Record{Kind: history.RecordMessage, Message: &m}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
