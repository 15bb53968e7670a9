package history

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Retention is how long an account keeps what was said, in calendar months; 0 is for ever. [HIST-60]
type Retention uint16

// Forever keeps all.
const Forever Retention = 0

// MaxRetention is the longest choice but for ever, in months: 100 years.
const MaxRetention Retention = 1200

const foreverWord = "forever"

var errRetention = errors.New("it is forever, or a number of months from 1m to " + strconv.Itoa(int(MaxRetention)) + "m")

// ParseRetention reads "forever", or a number of months: "12m".
func ParseRetention(s string) (Retention, error) {
	if s == foreverWord {
		return Forever, nil
	}
	digits, ok := strings.CutSuffix(s, "m")
	months, err := strconv.ParseUint(digits, 10, 16)
	if r := Retention(months); ok && err == nil && r != Forever && r <= MaxRetention && r.String() == s {
		return r, nil
	}
	return Forever, errRetention
}

// String returns what ParseRetention reads.
func (r Retention) String() string {
	if r == Forever {
		return foreverWord
	}
	return fmt.Sprintf("%dm", uint16(r))
}

// Shorter reports whether r keeps less than another choice.
func (r Retention) Shorter(than Retention) bool {
	return r != than && r != Forever && (than == Forever || r < than)
}

// Horizon returns the time before which nothing is kept at now, both unix milliseconds: the beginning, in UTC, of the day so many
// months before; of a month that is too short for that its last day. 0 keeps all. It never goes back as now goes on. [HIST-60]
func (r Retention) Horizon(now int64) int64 {
	if r == Forever {
		return 0
	}
	year, month, day := time.UnixMilli(now).UTC().Date()
	first := time.Date(year, month-time.Month(r), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return max(0, first.AddDate(0, 0, min(day, last)-1).UnixMilli())
}

// Fades reports whether records of a kind go when they are older than the account keeps history: what was said, and what was noted
// about that. Contacts, verifications and settings say how things stand, and a draft is not sent yet: they stay. [HIST-60]
func (k RecordKind) Fades() bool {
	switch k {
	case RecordMessage, RecordAct, RecordRead, RecordUnread, RecordTag:
		return true
	}
	return false
}

// IsPast reports whether a record is older than the horizon, and of a kind that goes then. [HIST-60]
func (o Outline) IsPast(horizon int64) bool { return o.Wall < horizon && o.Kind.Fades() }

// IsPast reports the same of a whole record.
func (r Record) IsPast(horizon int64) bool { return r.Clock.Wall < horizon && r.Kind.Fades() }

// ReadMoment reads the wall time and kind of a record from its encoding, and nothing else. Errors wrap ErrBody.
func ReadMoment(data []byte) (Outline, error) {
	var o Outline
	if _, err := o.read(make([]byte, 0, len(data)), data); err != nil {
		return Outline{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return o, nil
}
