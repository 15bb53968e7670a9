package enrolment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster.example/internal/durable"
	"muster.example/membership"
)

// Status is how a service is, as it last wrote it down: counts, and nobody's name. [ENR-35]
type Status struct {
	Org       string    `json:"org"`
	Key       string    `json:"key"`
	URL       string    `json:"url"`
	Issuer    string    `json:"issuer"`
	Time      time.Time `json:"time"`            // when it was written
	Speaks    bool      `json:"speaks"`          // whether the roll lets the key speak
	Why       string    `json:"why,omitzero"`    // if not, or if the roll could not be read
	RollSize  uint64    `json:"roll_size"`       // entries that were verified
	Accounts  int       `json:"accounts"`        // logins that joined
	Suspended int       `json:"suspended"`       // of these, by the service
	Refused   int       `json:"refused"`         // of these, whom the provider refused when it was last asked
	Oldest    time.Time `json:"oldest,omitzero"` // when the provider last answered about the account asked about longest ago
	Check     string    `json:"check"`           // how often each is asked about
	Begun     uint64    `json:"begun"`           // since the start: logins begun, good, turned away, joins signed
	Logins    uint64    `json:"logins"`
	Turned    uint64    `json:"turned_away"`
	Joined    uint64    `json:"joined"`
	Unreached uint64    `json:"unreached"` // questions that the provider did not answer
}

// ErrNoStatus means that no service has run in the folder.
var ErrNoStatus = errors.New("enrolment: no service has run in the folder")

// ReadStatus returns what the service of a folder last wrote.
func ReadStatus(dir string) (status Status, err error) {
	data, err := os.ReadFile(filepath.Join(dir, statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return status, fmt.Errorf("%w: %s", ErrNoStatus, dir)
	}
	if err == nil {
		err = json.Unmarshal(data, &status)
	}
	return status, err
}

// writeStatus writes how the service is. The file appears whole or not at all.
func (s *Service) writeStatus() error {
	status, err := s.status()
	if err != nil {
		return err
	}
	s.tellSpeaks(status.Why)
	data, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.cfg.Dir, statusFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".new", path), durable.Folder(s.cfg.Dir))
}

// tellSpeaks logs what keeps the key from speaking, when that is news.
func (s *Service) tellSpeaks(why string) {
	s.mu.Lock()
	told := s.silent
	s.silent = why
	s.mu.Unlock()
	switch {
	case why == told:
	case why != "":
		s.log.Warn("the key does not speak, and nobody can join", "why", why)
	default:
		s.log.Info("the key speaks again")
	}
}

func (s *Service) status() (Status, error) {
	all, err := s.accounts.all()
	if err != nil {
		return Status{}, err
	}
	s.mu.Lock()
	trip := s.trip
	s.mu.Unlock()
	status := Status{
		Org: s.cfg.Org.Org.String(), Key: s.key.Public().String(), URL: s.cfg.URL, Issuer: s.cfg.Issuer, Time: s.cfg.Now().UTC(),
		RollSize: trip.size, Why: trip.why, Accounts: len(all), Check: s.cfg.Check.String(), Begun: s.counts.begun.Load(),
		Logins: s.counts.logins.Load(), Turned: s.counts.turned.Load(), Joined: s.counts.joined.Load(), Unreached: s.counts.unreached.Load(),
	}
	s.roll.read(func(state *membership.State) {
		if _, err := s.cfg.terms(state, s.key.Public()); err != nil && status.Why == "" {
			status.Why = err.Error()
		}
	})
	status.Speaks = status.Why == ""
	for _, a := range all {
		if a.Barred {
			status.Suspended++
		}
		if a.Refusals > 0 {
			status.Refused++
		}
		if at := time.UnixMilli(a.Checked).UTC(); a.Checked > 0 && (status.Oldest.IsZero() || at.Before(status.Oldest)) {
			status.Oldest = at
		}
	}
	return status, nil
}
