package sim

import (
	"errors"
	"path/filepath"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// loot is everything that a device has, taken from its folder after it ended.
type loot struct {
	device     keys.PublicKey
	identity   keys.PrivateKey
	outgoing   map[keys.ConversationID]store.Outgoing // its own chains
	org        keys.OrgID
	entries    [][]byte
	records    []history.Record
	prekeys    map[keys.PrekeyID]envelope.PrekeyPrivate
	deliveries map[keys.MessageID]map[keys.PublicKey]store.State // how its messages went
	chains     map[keys.ChainID][][]byte                         // other devices' chains as they were stored or announced, in their secret form
}

// rob reads a stopped device's folder.
func (p *person) rob() *loot {
	t := p.world.t
	t.Helper()
	db, err := store.OpenWith(filepath.Join(p.world.dir, p.name), p.key(), kv.Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l := &loot{outgoing: make(map[keys.ConversationID]store.Outgoing), prekeys: make(map[keys.PrekeyID]envelope.PrekeyPrivate), chains: make(map[keys.ChainID][][]byte),
		deliveries: make(map[keys.MessageID]map[keys.PublicKey]store.State)}
	err = db.View(func(tx *store.Tx) error {
		orgs, err := tx.Organizations()
		if err != nil || len(orgs) != 1 {
			t.Fatalf("%s: %d organizations, %v", p.name, len(orgs), err)
		}
		l.org, l.identity = orgs[0].Org, keys.FromSeed(orgs[0].Identity)
		l.device = l.identity.Public()
		kept, err := tx.Prekeys(l.org)
		if err != nil {
			return err
		}
		for _, k := range kept {
			if l.prekeys[k.ID], err = envelope.UnmarshalPrekeyPrivate(k.Private, l.org, l.device); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.Entries(l.org, func(entry []byte) error { l.entries = append(l.entries, entry); return nil }),
			tx.Records(l.org, func(data []byte) error {
				record, err := history.DecodeRecord(data)
				l.records = append(l.records, record)
				if record.Message == nil || err != nil {
					return err
				}
				if out, err := tx.Outgoing(l.org, record.Message.Conversation); err == nil {
					l.outgoing[record.Message.Conversation] = out
				}
				id, states := record.Message.ID(), make(map[keys.PublicKey]store.State)
				all, err := tx.Deliveries(l.org, id)
				for _, d := range all {
					states[d.Device] = d.State
				}
				l.deliveries[id] = states
				return err
			}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// times counts how often a message with a text is in the history.
func (l *loot) times(text string) (n int) {
	for _, record := range l.records {
		if record.Kind == history.RecordMessage && record.Message.Text.Text == text {
			n++
		}
	}
	return n
}

// learn opens what announcements of chains the device's keys open, whoever they were for and whatever the roll says: so a
// thief has each chain as it was first told, before any key of it was destroyed.
func (l *loot) learn(e envelope.Envelope) bool {
	lookup := func(id keys.PrekeyID) (envelope.PrekeyPrivate, bool) { p, ok := l.prekeys[id]; return p, ok }
	in, err := envelope.OpenAnnounce(e, l.org, l.device, lookup, func(envelope.Place, keys.PublicKey) bool { return true })
	if err == nil {
		l.chains[in.Chain()] = append(l.chains[in.Chain()], in.Marshal())
	}
	return err == nil
}

// open tries every way that a device has to open a message. Beside the proper one it sets each chain's place to the
// message's, as a program would that keeps no rule.
func (l *loot) open(t *testing.T, e envelope.Envelope) (envelope.Opened, bool) {
	t.Helper()
	header := e.ParsedHeader()
	for _, secret := range l.chains[header.Chain] {
		in, err := envelope.UnmarshalInbound(secret)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := in.Open(e); err == nil {
			return opened, true
		}
		var fields map[uint64]any
		if err := wire.Decode(secret, &fields); err != nil {
			t.Fatal(err)
		}
		fields[6], fields[7] = header.Position, header.Position // its first position and its next
		delete(fields, 9)
		delete(fields, 10)
		if in, err = envelope.UnmarshalInbound(wire.Encode(fields)); err != nil {
			continue
		}
		if opened, err := in.Open(e); err == nil {
			return opened, true
		}
	}
	return envelope.Opened{}, false
}
