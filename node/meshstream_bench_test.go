package node

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// loopback returns two acquainted members' devices, each with its store on the disk, with a stream to each other by QUIC over loopback.
func loopback(b *testing.B) (from, to *organization, reader *membershiptest.Member) {
	b.Helper()
	org := newRoll(b, "ben")
	group := task.New(b.Context())
	b.Cleanup(func() {
		group.Stop()
		if err := group.Wait(); err != nil {
			b.Error(err)
		}
	})
	device := func(m, other *membershiptest.Member) (*organization, host.Host) {
		o := newDevice(b, org, m)
		o.acquainted(b, org, m, other)
		local, err := p2p.NewHost(p2p.Config{Identity: m.Device(), Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1"}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { local.Close() })
		o.mesh.host, o.mesh.stays = local, func(keys.PublicKey, network.ConnMultiaddrs) bool { return true }
		group.Go("mesh", o.mesh.run)
		return o, local
	}
	from, caller := device(org.Members[0], org.Members[1])
	to, called := device(org.Members[1], org.Members[0])
	port, err := called.Network().ListenAddresses()[0].ValueForProtocol(ma.P_UDP)
	if err != nil {
		b.Fatal(err)
	}
	if err := p2p.CallAt(b.Context(), caller, to.device, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:" + port)}); err != nil {
		b.Fatal(err)
	}
	group.Go("meet", func(ctx context.Context) error { _ = from.mesh.meet(ctx, to.device); return nil })
	from.awaitChange(b, func() bool { return from.mesh.served()[to.device] })
	return from, to, org.Members[1]
}

// undelivered reports whether an envelope still waits.
func (o *organization) undelivered(b *testing.B) (some bool) {
	b.Helper()
	err := o.node.store.View(func(tx *store.Tx) error {
		some = false
		if err := tx.Jobs(o.org, func(store.Job) (bool, error) { some = true; return false, nil }); err != nil {
			return err
		}
		return tx.Waiting(o.org, 0, func(store.Waiting) (bool, error) { some = true; return false, nil })
	})
	if err != nil {
		b.Fatal(err)
	}
	return some
}

func (o *organization) settleOutbox(b *testing.B) {
	b.Helper()
	o.awaitChange(b, func() bool { return !o.undelivered(b) })
}

// awaitChange returns once a condition holds, which changes of the organization bring about.
func (o *organization) awaitChange(b *testing.B, condition func() bool) {
	b.Helper()
	for late := time.After(5 * time.Minute); ; {
		changed := o.changes()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-late:
			b.Fatal("it does not come about")
		}
	}
}

// BenchmarkDirectMessage sends messages of 1 KiB one after the other, each once the receipt for the one before is stored: the time is from
// the call of the local API until then. wireB is what the envelope and its receipt take on the stream, aroundB what of that is beside the envelope.
func BenchmarkDirectMessage(b *testing.B) {
	from, to, reader := loopback(b)
	text := strings.Repeat("x", 1024)
	send := func() {
		if _, err := from.node.Send(b.Context(), api.SendRequest{To: []string{reader.ID.String()}, Text: text}); err != nil {
			b.Fatal(err)
		}
	}
	send()
	from.settleOutbox(b)
	for b.Loop() {
		send()
		from.settleOutbox(b)
	}
	b.StopTimer()
	sealed, around := wireSize(b, from, to, reader, text)
	b.ReportMetric(float64(sealed+around), "wireB/op")
	b.ReportMetric(float64(around), "aroundB/op")
}

// wireSize returns the size of a message's envelope, and what its frame and the receipt's take beside that.
func wireSize(b *testing.B, from, to *organization, reader *membershiptest.Member, text string) (sealed, around int) {
	b.Helper()
	from.mesh.drop(from.mesh.peer(to.device)) // so that it waits
	if _, err := from.node.Send(b.Context(), api.SendRequest{To: []string{reader.ID.String()}, Text: text}); err != nil {
		b.Fatal(err)
	}
	known, err := from.knownPrekeys([]keys.PublicKey{to.device})
	if err != nil {
		b.Fatal(err)
	}
	job, _, err := from.nextJob(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	if err := from.sealJob(job, published(known)); err != nil {
		b.Fatal(err)
	}
	err = from.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(from.org, 0, func(w store.Waiting) (bool, error) {
			data, err := tx.Envelope(from.org, w)
			if err != nil {
				return false, err
			}
			f, err := from.carriedTo(to.device, outgoing{w, bytes.Clone(data)})
			sealed, around = len(data), len(wire.AppendFrame(nil, f.Bytes()))-len(data)
			return true, err
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	signed, err := envelope.SignReceipt(envelope.Receipt{Org: to.org, Sender: from.device, Opened: []keys.EnvelopeID{{1}}}, to.self)
	if err != nil {
		b.Fatal(err)
	}
	return sealed, around + len(wire.AppendFrame(nil, mesh.Frame{Kind: mesh.KindReceipt, Body: signed}.Bytes()))
}

// BenchmarkDirectThroughput sends messages of 1 KiB as fast as the local API takes them, and a file, and waits for all receipts.
func BenchmarkDirectThroughput(b *testing.B) {
	b.Run("messages", func(b *testing.B) {
		from, _, reader := loopback(b)
		text := strings.Repeat("x", 1024)
		for b.Loop() {
			if _, err := from.node.Send(b.Context(), api.SendRequest{To: []string{reader.ID.String()}, Text: text}); err != nil {
				b.Fatal(err)
			}
		}
		from.settleOutbox(b)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("file", func(b *testing.B) {
		from, _, reader := loopback(b)
		data := bytes.Repeat([]byte("north of the pier, "), 32<<20/19)
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			b.StopTimer()
			upload, err := from.node.Upload(b.Context(), "chart.txt", bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			_, err = from.node.Send(b.Context(), api.SendRequest{To: []string{reader.ID.String()}, Text: "the chart", Attachments: []string{upload.ID}})
			if err != nil {
				b.Fatal(err)
			}
			from.settleOutbox(b)
		}
	})
}
