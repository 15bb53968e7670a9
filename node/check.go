package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"muster.example/internal/envelope"
	"muster.example/internal/kv"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Check reads the whole folder of a node that does not run, as config names it: each value of the store, each roll,
// folded again from its entries and held against its checkpoint, each record with the signature of its author, and each
// file of evidence. It changes nothing. What is damaged is in the result: of a store that does not open for it the files. An error
// means that it could not look.
func Check(config Config) (api.CheckResult, error) {
	var result api.CheckResult
	if _, err := os.Stat(config.Dir); err != nil { // opening would make a new one
		return result, fmt.Errorf("the store is missing: %w", err)
	}
	c := checker{result: &result}
	db, err := store.Open(config.Dir, config.Key)
	if files := new(kv.Damage); errors.As(err, &files) {
		for _, found := range files.Found {
			c.damaged(errors.New(found.What), "the file %s of the store", found.File)
		}
		c.evidence(config.Evidence)
		return result, nil
	}
	if err != nil {
		return result, err
	}
	err = db.View(func(tx *store.Tx) error {
		for _, found := range tx.Survey() {
			result.Values += found.Count
			c.damaged(found.Err, "")
		}
		all, err := tx.Organizations()
		if err != nil {
			return nil // Survey has named it
		}
		for _, kept := range all {
			c.organization(tx, kept)
		}
		return nil
	})
	c.evidence(config.Evidence)
	return result, errors.Join(err, db.Close())
}

// checker gathers what is found.
type checker struct{ result *api.CheckResult }

// damaged names a damage; nil is none.
func (c checker) damaged(err error, format string, args ...any) {
	if err == nil {
		return
	}
	if format != "" {
		err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
	}
	c.result.Damage = append(c.result.Damage, err.Error())
}

func (c checker) organization(tx *store.Tx, kept store.Organization) {
	o := &organization{org: kept.Org, member: kept.Member, at: kept.Node, roll: membership.NewRoll(kept.Org)}
	c.damaged(o.checkRoll(tx), "the roll of organization %s", kept.Org)
	found := api.CheckedOrg{
		Org: kept.Org.String(), Name: o.roll.State().OrgName(), Entries: o.roll.Size(), Checkpoint: o.checkpoint.Time.UTC(),
		Distrusted: o.distrust != nil,
	}
	err := tx.Records(kept.Org, func(data []byte) error {
		record, err := history.DecodeRecord(data)
		if err == nil {
			err = o.checkRecord(tx, record)
		}
		if err != nil {
			c.damaged(err, "record %d of organization %s", found.Records, kept.Org)
			return nil
		}
		found.Records++
		if record.Kind == history.RecordMessage {
			found.Messages++
		}
		return nil
	})
	c.damaged(err, "the records of organization %s, behind %d", kept.Org, found.Records)
	alarms, err := tx.Alarms(kept.Org)
	found.Alarms = len(alarms)
	c.damaged(err, "the alarms of organization %s", kept.Org)
	c.result.Orgs = append(c.result.Orgs, found)
}

// checkRecord looks at what a record says of itself: its message is found by its id, and its author signed it.
func (o *organization) checkRecord(tx *store.Tx, record history.Record) error {
	if record.Message == nil {
		return nil
	}
	message := record.Message
	if _, err := tx.Message(o.org, message.ID()); err != nil {
		return fmt.Errorf("message %s: %w", message.ID().Short(), err)
	}
	if len(message.Signed) == 0 {
		return nil // written here and not sent
	}
	signed, err := history.DecodeProof(message.Signed)
	if err != nil {
		return fmt.Errorf("message %s: %w", message.ID().Short(), err)
	}
	_, _, err = envelope.OpenContent(signed.Content, signed.Signature, o.org, message.Author)
	if err != nil {
		return fmt.Errorf("message %s: %w", message.ID().Short(), err)
	}
	return nil
}

// evidence verifies the files in the folder of evidence.
func (c checker) evidence(folder string) {
	files, err := os.ReadDir(folder)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.damaged(err, "the folder of evidence")
		}
		return
	}
	for _, file := range files {
		if _, err := VerifyEvidence(filepath.Join(folder, file.Name())); err != nil {
			c.damaged(err, "evidence %s", file.Name())
			continue
		}
		c.result.Proofs++
	}
}

// VerifyEvidence returns what a file of evidence proves. It needs no folder and no network. Errors wrap
// membership.ErrUnproved for one that proves nothing, membership.ErrEvidence for one that is no evidence.
func VerifyEvidence(path string) (membership.Verdict, error) {
	info, err := os.Stat(path)
	if err != nil {
		return membership.Verdict{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > membership.MaxEvidence {
		return membership.Verdict{}, fmt.Errorf("%w: not a file of at most %d bytes", membership.ErrEvidence, membership.MaxEvidence)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return membership.Verdict{}, err
	}
	evidence, err := membership.ParseEvidence(data)
	if err != nil {
		return membership.Verdict{}, err
	}
	return evidence.Verify()
}
