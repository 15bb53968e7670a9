package router

import (
	"math"
	"time"

	"muster.example/internal/keys"
)

const (
	// occasion is the time in which meeting a device twice counts once: that a link breaks and comes again says nothing.
	occasion = time.Hour
	// halfLife is how long it takes until a meeting counts half: more than a week-end, less than the time in which habits change.
	halfLife = 4 * 24 * time.Hour
	// maxMeetings is how many devices are remembered; those with the least weight are forgotten first.
	maxMeetings = 4096
	// maxWeight bounds what a Meeting that was read from a disk may add: a device in reach in every hour has 139.
	maxWeight = 256
)

// Meeting is how often a device was in reach: each hour in which it was counts one, and half of that after four days.
type Meeting struct {
	Last   time.Time // when it was counted last
	Weight float64   // at Last
}

// at returns the weight at a later time.
func (m Meeting) at(now time.Time) float64 {
	past := now.Sub(m.Last)
	if past <= 0 {
		return m.Weight
	}
	return m.Weight * math.Exp2(-float64(past)/float64(halfLife))
}

// Meetings remembers which devices were in reach of this one. The zero value is ready; it is not safe for concurrent use.
type Meetings struct {
	of map[keys.PublicKey]Meeting
}

// Met notes that a device is in reach now. It reports whether that counts anew: within an hour it does not.
func (m *Meetings) Met(device keys.PublicKey, now time.Time) bool {
	have, known := m.of[device]
	if known && now.Sub(have.Last) < occasion && !now.Before(have.Last) {
		return false
	}
	m.Set(device, Meeting{Last: now, Weight: min(have.at(now), maxWeight) + 1})
	return true
}

// Set puts in what was remembered of a device.
func (m *Meetings) Set(device keys.PublicKey, meeting Meeting) {
	if m.of == nil {
		m.of = make(map[keys.PublicKey]Meeting)
	}
	if !(meeting.Weight >= 0) { // what no Meeting of ours can be
		meeting.Weight = 0
	}
	m.of[device] = meeting
	if len(m.of) > maxMeetings {
		m.forgetLeast(meeting.Last)
	}
}

// forgetLeast forgets the device with the least weight.
func (m *Meetings) forgetLeast(now time.Time) {
	var least keys.PublicKey
	weight := math.Inf(1)
	for device, meeting := range m.of {
		if w := meeting.at(now); w < weight || w == weight && device.Compare(least) < 0 {
			least, weight = device, w
		}
	}
	delete(m.of, least)
}

// Of returns what is remembered of a device, and false if nothing is.
func (m *Meetings) Of(device keys.PublicKey) (Meeting, bool) {
	meeting, known := m.of[device]
	return meeting, known
}

// Nearness is how likely a device soon meets one of those that want an envelope: 0 for never met, and 4 more for twice as often.
// It is coarse because others are told it.
type Nearness uint8

// steps is how many steps of Nearness are twice as often.
const steps = 4

// Near returns how near this device is to any of some devices.
func (m *Meetings) Near(devices []keys.PublicKey, now time.Time) Nearness {
	sum := 0.0
	for _, device := range devices {
		if meeting, known := m.of[device]; known {
			sum += meeting.at(now)
		}
	}
	return Nearness(min(255, math.Round(steps*math.Log2(1+sum))))
}
