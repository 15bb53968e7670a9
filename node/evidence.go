package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/node/vault"
	"muster.example/rendezvous/rvclient"
)

const (
	// maxEvidenceFiles bounds the files in the folder of evidence: the first ones stay.
	maxEvidenceFiles = 64
	// keptEvidence bounds the evidence that lies in the store beside its file, in bytes.
	keptEvidence = 16 << 10
)

// errDistrusted is why no new events are taken from a sequencer.
var errDistrusted = errors.New("the rendezvous node was caught lying")

// suspectLocked judges an error of Extend: proof of a lie raises an alarm, saves the evidence and ends trust in new
// events for good; what may be a lie ends it until the next start; anything else is an error of the connection. The
// entries before one that breaks a rule count. Callers hold mu.
func (o *organization) suspectLocked(page rvclient.Page, before uint64, good []membership.Entry, err error) error {
	fork, forked := errors.AsType[*membership.ForkError](err)
	broken, ruleBroken := errors.AsType[*membership.RuleBrokenError](err)
	switch {
	case forked && fork.Proved:
		text := "the rendezvous node shows different rolls to different devices: it showed this device two"
		evidence, proofErr := o.proveForkOfNote(page.Checkpoint)
		return o.distrustLocked("roll", text, [][]byte{page.Checkpoint, fork.Own}, evidence, proofErr)
	case forked:
		text := "the rendezvous node may be showing different rolls to different devices: its newest one does not continue this device's"
		o.distrust = fmt.Errorf("%w: %w", errDistrusted, err)
		o.alarmLocked(store.Alarm{Kind: "roll", Text: text, Evidence: [][]byte{page.Checkpoint, fork.Own}})
		return nil
	case ruleBroken:
		text := fmt.Sprintf("the rendezvous node put an event on the roll that the rules forbid: %v", broken)
		if err := o.putEntries(before, good); err != nil {
			return errors.Join(err, o.rereadLocked())
		}
		evidence, proofErr := o.proveBroken(page, before, broken.Index)
		kept := [][]byte{page.Checkpoint, page.Entries[broken.Index-before]}
		return o.distrustLocked("rule", text, kept, evidence, proofErr)
	case errors.Is(err, membership.ErrShrunk): // it may be a restored backup
		return errForgotten
	default:
		return fmt.Errorf("verifying the roll: %w", err)
	}
}

// distrustLocked ends trust in new events for good, with an alarm. The evidence goes into a file; what could not be
// proved to others (proofErr) keeps the bytes kept in the store. Callers hold mu.
func (o *organization) distrustLocked(kind, text string, kept [][]byte, evidence membership.Evidence, proofErr error) error {
	now := o.now()
	alarm := store.Alarm{Time: now.UnixMilli(), Kind: kind, Text: text, Evidence: kept}
	if proofErr != nil {
		o.log.Warn("the evidence cannot be shown to others", "error", proofErr)
	} else {
		data := evidence.Marshal()
		if len(data) <= keptEvidence {
			alarm.Evidence = [][]byte{data}
		}
		alarm.File = o.saveEvidence(kind, data, now)
	}
	o.distrust = fmt.Errorf("%w: %s", errDistrusted, text)
	o.log.Warn("alarm", "kind", kind, "text", text, "evidence", alarm.File)
	err := o.node.store.Update(func(tx *store.Tx) error {
		if err := tx.PutAlarm(o.org, alarm); err != nil {
			return err
		}
		return tx.PutDistrust(o.org, store.Distrust{Time: alarm.Time, Text: text, Size: o.roll.Size()})
	})
	o.proved = err == nil
	o.publishAlarm()
	if err != nil {
		return fmt.Errorf("storing that the rendezvous node is not trusted: %w", err)
	}
	return nil
}

// alarmLocked stores an alarm, without a file, and tells watchers. Callers hold mu.
func (o *organization) alarmLocked(alarm store.Alarm) {
	o.log.Warn("alarm", "kind", alarm.Kind, "text", alarm.Text)
	alarm.Time = o.now().UnixMilli()
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutAlarm(o.org, alarm) }); err != nil {
		o.log.Error("storing an alarm", "error", err)
	}
	o.publishAlarm()
}

func (o *organization) publishAlarm() {
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: o.now().UTC(), Org: o.org.String()})
}

// proveForkOfNote makes evidence of a checkpoint that the rendezvous node showed.
func (o *organization) proveForkOfNote(note []byte) (membership.Evidence, error) {
	node := o.at.Key
	if named, ok := o.roll.State().Sequencer(); ok {
		node = named.Node
	}
	other, err := membership.HeadOf(note, o.org, node)
	if err != nil {
		return membership.Evidence{}, err
	}
	return o.proveFork(other)
}

// proveFork makes evidence of a head that contradicts the own roll.
func (o *organization) proveFork(other membership.Head) (membership.Evidence, error) {
	own, ok := o.roll.Head()
	if !ok {
		return membership.Evidence{}, errors.New("no checkpoint of the own roll")
	}
	entries, err := o.entries()
	if err != nil {
		return membership.Evidence{}, err
	}
	return newFork(o.roll, own, other, entries)
}

// newFork makes evidence of a head of a roll, whose entries it is given, and a smaller one that contradicts it.
func newFork(roll *membership.Roll, larger, smaller membership.Head, entries []membership.Entry) (membership.Evidence, error) {
	for i, entry := range entries {
		event, _, err := membership.OpenEvent(entry.Event)
		if err == nil && event.Rendezvous != nil && event.Rendezvous.Term == larger.Term {
			return roll.NewFork(larger, smaller, entries[0], entry, uint64(i))
		}
	}
	return membership.Evidence{}, errors.New("no entry that names the sequencer")
}

// settleFork looks at the whole of a roll, from its first entry, whose end does not continue the own one: with it the fork
// is proved. A node that does not show it is trusted no more for that.
func (o *organization) settleFork(page rvclient.Page) error {
	other := membership.NewRoll(o.org)
	_, entries, err := extend(other, page, o.at.Key)
	if err != nil {
		return fmt.Errorf("verifying the other roll: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	own, haveOwn := o.roll.Head()
	theirs, haveTheirs := other.Head()
	if o.proved || !haveOwn || !haveTheirs {
		return nil
	}
	evidence, err := newFork(other, theirs, own, entries)
	if err != nil {
		o.log.Warn("the fork is not proved", "error", err)
		return nil
	}
	text := "the rendezvous node shows different rolls to different devices: it signed two that go on differently"
	return o.distrustLocked("roll", text, [][]byte{page.Checkpoint}, evidence, nil)
}

// proveBroken makes evidence of an entry of a page, which begins at entry before, that breaks a rule.
func (o *organization) proveBroken(page rvclient.Page, before, index uint64) (membership.Evidence, error) {
	named, ok := o.roll.State().Sequencer()
	if !ok {
		return membership.Evidence{}, errors.New("the roll names no sequencer yet")
	}
	head, err := membership.HeadOf(page.Checkpoint, o.org, named.Node)
	if err != nil {
		return membership.Evidence{}, err
	}
	entries, err := o.entries()
	if err != nil {
		return membership.Evidence{}, err
	}
	entries = entries[:min(before, uint64(len(entries)))]
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			return membership.Evidence{}, err
		}
		entries = append(entries, entry)
	}
	return membership.NewBroken(o.org, head, entries, index)
}

// entries returns the stored entries of the roll.
func (o *organization) entries() (entries []membership.Entry, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Entries(o.org, func(data []byte) error {
			entry, err := membership.ParseEntry(data)
			entries = append(entries, entry)
			return err
		})
	})
	return entries, err
}

// saveEvidence writes evidence to a file of its own and returns its name, or "" if it is in no file.
func (o *organization) saveEvidence(kind string, data []byte, now time.Time) string {
	folder := o.node.config.Evidence
	if folder == "" {
		return ""
	}
	name := fmt.Sprintf("%s-%s-%s.cbor", o.org, kind, now.UTC().Format("20060102T150405Z"))
	if err := writeEvidence(folder, name, data); err != nil {
		o.log.Error("saving evidence", "file", name, "error", err)
		return ""
	}
	return name
}

func writeEvidence(folder, name string, data []byte) error {
	if err := vault.PrivateFolder(folder); err != nil {
		return err
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if len(files) >= maxEvidenceFiles {
		return fmt.Errorf("%s holds %d files already", folder, len(files))
	}
	if _, err := os.Lstat(filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s exists", name))
	}
	return vault.WriteFile(folder, name, data)
}

// eraseEvidence removes the files of evidence about one organization. A folder that is not there is no error.
func eraseEvidence(folder string, org keys.OrgID) error {
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		if strings.HasPrefix(file.Name(), org.String()+"-") {
			err = errors.Join(err, os.Remove(filepath.Join(folder, file.Name())))
		}
	}
	return err
}
