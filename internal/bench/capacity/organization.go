package capacity

// Organization is how many people there are and what they do. The zero value of no field is sensible: begin with Typical.
type Organization struct {
	Members       float64
	Devices       float64 // of each member
	Online        float64 // part of the devices that is connected at any time
	Messages      float64 // that a member writes in a day
	Further       float64 // devices that get a message beyond the first
	Away          float64 // part of the devices that is away for AwayDays
	AwayDays      float64
	Events        float64 // on the roll, of each member so far
	NewEvents     float64 // on the roll, of each member and day
	Chains        float64 // keys of conversations that a member begins anew in a day
	Watched       float64 // members whose presence a device watches
	Turns         float64 // changes of a member's presence in a day
	Comings       float64 // connections of a device in a day
	Peak          float64 // the busiest hour's rate of messages beside the mean
	SecondsToBack float64 // in which all devices shall be back after a restart
}

// Typical is the organization of all tables, with so many members: two devices each, always connected, 50 messages of 1 KiB a day
// from each, to both devices of another member and the other device of the own. One device in ten is away for a week. A member
// has put four events on the roll (joined, added a device, changed something twice) and puts one more in a hundred days.
func Typical(members float64) Organization {
	return Organization{
		Members: members, Devices: 2, Online: 1, Messages: 50, Further: 2, Away: 0.1, AwayDays: 7,
		Events: 4, NewEvents: 0.01, Chains: 5, Watched: 50, Turns: 10, Comings: 4, Peak: 5, SecondsToBack: 120,
	}
}

// Sessions returns how many devices are connected.
func (o Organization) Sessions() float64 { return o.Members * o.Devices * o.Online }

// Written returns the messages of a day.
func (o Organization) Written() float64 { return o.Members * o.Messages }

// Roll returns the events on the roll.
func (o Organization) Roll() float64 { return o.Members * o.Events }

// Waiting returns the messages that wait for a device that is away: those of AwayDays of which at least one receiver is.
func (o Organization) Waiting() float64 {
	there := 1.0
	for range int(1 + o.Further) {
		there *= 1 - o.Away
	}
	return o.Written() * (1 - there) * o.AwayDays
}

// Queues returns the devices for which something waits.
func (o Organization) Queues() float64 { return o.Members * o.Devices * o.Away }

// News returns how often in a day a device is told of an event.
func (o Organization) News() float64 { return o.Members * o.NewEvents * o.Sessions() }
