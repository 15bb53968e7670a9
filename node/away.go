package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// settingAway is the text that answers who writes while the person is away; none while they are not.
const settingAway = "away"

// maxAway is the length of an away notice in bytes.
const maxAway = 2 << 10

// parseAway takes a text that may be sent.
func parseAway(value string) (string, error) {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if value = strings.TrimSpace(value); len(value) > maxAway || !utf8.ValidString(value) || strings.ContainsFunc(value, control) {
		return "", fmt.Errorf("it is plain text of at most %d bytes", maxAway)
	}
	return value, nil
}

// answerAway answers a message with the away notice: once a day (UTC) to each person, by the device on which the notice was
// written, so that several answer once. It answers nobody in groups, at desks or in conversations of several, no automatic
// message, and nobody whose leave to answer is lacking. Callers hold mu.
func (o *organization) answerAway(tx *store.Tx, m history.Message, now time.Time, effects *effects) error {
	notice := o.settingLocked(settingAway)
	if notice == "" || m.Text.Auto || m.Member == o.member || m.Report || len(m.Text.To) != 1 {
		return nil
	}
	if by, chosen := o.view.ChosenBy(settingAway); chosen && by != o.device {
		return nil
	}
	if _, ok := o.leaveLocked(m.Member); !ok || o.sendingLocked() != nil {
		return nil
	}
	day := now.Unix() / (24 * 60 * 60)
	if told, err := tx.AwayTold(o.org, m.Member); err != nil || told == day {
		return err
	}
	d := draft{place: o.with(m.Member)}
	text := history.Text{To: []keys.MemberID{m.Member}, Text: notice, Time: now.UnixMilli(), Auto: true}
	rand.Read(text.Nonce[:])
	if err := o.completeLocked(&d, text); err != nil {
		o.log.Warn("the away notice cannot be sent", "error", err)
		return nil
	}
	id := d.message.ID()
	record, err := tx.AppendRecord(o.org, o.self, now.UnixMilli(), history.Record{Kind: history.RecordMessage, Message: &d.message})
	effects.seal, effects.records = true, append(effects.records, record)
	return errors.Join(err, tx.PutAwayTold(o.org, m.Member, day), o.addJob(tx, store.Job{
		Place: d.place, Message: &id, Last: partsOf(text), Expires: o.expiryLocked(),
	}))
}
