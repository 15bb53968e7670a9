package capacity

import (
	"fmt"
	"math"
)

// Run is what the load's crowd did, or found: so many devices of a member each on one node.
type Run struct {
	Devices float64 // members with one device each, all connected
	Rolled  float64 // events on the roll
	Rested  float64 // seconds
	Sent    float64 // messages to one device each, and a receipt back
	Told    float64 // events that all devices fetched

	Started, Resting                            float64 // bytes of the node's memory: none there, all at rest
	Connecting, Rest, Messages, News            float64 // seconds of the node's processor
	ConnectCarried, RestCarried, MessageCarried float64 // bytes over the network, both ways, with the headers of IP
	NewsCarried, MessagesWritten                float64 // bytes; to the disk
}

// Pace is how many messages a second the crowd sends: so few that each is handled alone.
const Pace = 200.0

// Predict returns what the model expects of a run with the same counts.
func Predict(r Run) Run {
	p := Run{Devices: r.Devices, Rolled: r.Rolled, Rested: r.Rested, Sent: r.Sent, Told: r.Told}
	p.Started = NodeMemory + r.Rolled*EventMemory + r.Devices*DeviceMemory
	p.Resting = p.Started + r.Devices*SessionMemory
	p.Connecting, p.ConnectCarried = r.Devices*ConnectProcessor, r.Devices*ConnectTraffic
	p.Rest, p.RestCarried = r.Rested*(NodeProcessor+r.Devices*RestProcessor), r.Devices*r.Rested*RestTraffic
	writing := r.Sent / Pace // seconds in which the others rest
	p.Messages = r.Sent*MessageProcessor + writing*(NodeProcessor+r.Devices*RestProcessor)
	p.MessageCarried = r.Sent*MessageTraffic + writing*r.Devices*RestTraffic
	p.News, p.NewsCarried = r.Told*r.Devices*NewsProcessor, r.Told*r.Devices*NewsTraffic
	p.MessagesWritten = r.Sent * MessageWritten
	return p
}

// Figure is one row of a comparison.
type Figure struct {
	What                string
	Unit                string
	Predicted, Measured float64

	per float64 // of how many things what was measured is
	as  func(float64) string
}

// Each returns what one of the things cost that were measured, in words.
func (f Figure) Each() string {
	if f.per == 0 {
		return "–"
	}
	return f.as(f.Measured * scales[f.Unit] / f.per)
}

// scales are the units of figures.
var scales = map[string]float64{"MiB": mib, "MB": 1e6, "s": 1}

// Off returns the error in words, as a part of a hundred.
func (f Figure) Off() string {
	if off := math.Round(100 * f.Error()); off != 0 {
		return fmt.Sprintf("%+.0f %%", off)
	}
	return "0 %"
}

// Error returns by which part of what was measured the model is above it.
func (f Figure) Error() float64 { return f.Predicted/f.Measured - 1 }

// Compare returns the rows of a run beside what the model expected.
func Compare(r Run) []Figure {
	p, told := Predict(r), r.Told*r.Devices
	return []Figure{
		{"memory, started with the roll, nobody there", "MiB", p.Started / mib, r.Started / mib, 0, nil},
		{"memory, all connected and at rest", "MiB", p.Resting / mib, r.Resting / mib, 0, nil},
		{"of it for connections", "MiB", (p.Resting - p.Started) / mib, (r.Resting - r.Started) / mib, r.Devices, memory},
		{"processor while all connect", "s", p.Connecting, r.Connecting, r.Devices, span},
		{"processor of rest, a second", "s", p.Rest / r.Rested, r.Rest / r.Rested, r.Devices, span},
		{"processor of a message to each, 200 a second", "s", p.Messages, r.Messages, r.Sent, span},
		{"processor of events that all fetch", "s", p.News, r.News, told, span},
		{"traffic while all connect", "MB", p.ConnectCarried / 1e6, r.ConnectCarried / 1e6, r.Devices, traffic},
		{"traffic of rest, a minute", "MB", p.RestCarried / r.Rested * 60 / 1e6, r.RestCarried / r.Rested * 60 / 1e6, r.Devices, traffic},
		{"traffic of these messages", "MB", p.MessageCarried / 1e6, r.MessageCarried / 1e6, r.Sent, traffic},
		{"traffic of events that all fetch", "MB", p.NewsCarried / 1e6, r.NewsCarried / 1e6, told, traffic},
		{"written to the disk for the messages", "MB", p.MessagesWritten / 1e6, r.MessagesWritten / 1e6, r.Sent, traffic},
	}
}

// Checked is the largest run that was made, `scripts/bench.sh capacity 18000` in November 2026, as it printed it.
var Checked = Run{
	Devices: 18002, Rolled: 18005, Rested: 60, Sent: 18000, Told: 3,
	Started: 1.09379584e+08, Resting: 1.722540032e+09,
	Connecting: 19.29, Rest: 2.22, Messages: 15.63, News: 6.74,
	ConnectCarried: 1.70707247e+08, RestCarried: 1.0175548e+07, MessageCarried: 7.6165847e+07,
	NewsCarried: 1.34617157e+08, MessagesWritten: 1.8051072e+08,
}
