package api

import (
	"testing"
	"time"
)

// [MSH-69]
func TestDoubtfulTimes(t *testing.T) {
	came := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		message Message
		want    bool
	}{
		"just now":                  {Message{Time: came}, false},
		"a little ahead":            {Message{Time: came.Add(10 * time.Minute)}, false},
		"ahead":                     {Message{Time: came.Add(11 * time.Minute)}, true},
		"by years ahead":            {Message{Time: came.AddDate(14, 0, 0)}, true},
		"long on its way":           {Message{Time: came.AddDate(0, -11, 0)}, false},
		"longer than anything is":   {Message{Time: came.AddDate(-26, 0, 0)}, true},
		"mail of long ago":          {Message{Time: came.AddDate(-26, 0, 0), Imported: &Imported{}}, false},
		"of the beginning of times": {Message{Time: time.Unix(0, 0)}, true},
	} {
		c.message.Received = came
		if got := c.message.IsTimeDoubtful(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
