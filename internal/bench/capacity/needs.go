package capacity

// Needs are what an organization takes of one embedded node that serves all of it. Rates are of the busiest hour.
type Needs struct {
	Memory      float64 // bytes
	Connections float64
	Cores       float64 // of the machine measured, each message alone
	Together    float64 // the same if messages are handled thousands at once
	Disk        float64 // bytes: roll, prekeys, leave, and what waits
	Commits     float64 // messages and receipts a second that are made durable
	DiskRate    float64 // bytes written a second
	Traffic     float64 // bytes a day, both ways
	Out         float64 // of them from the node
	Line        float64 // bytes a second that leave
	Back        float64 // seconds of processor until all devices are connected again
	Watches     float64 // pairs of presence
}

// Of returns what a node needs that has all sessions of an organization and a part of its messages, 1 for all.
func Of(o Organization, part float64) Needs {
	messages, sessions := o.Written()*part, o.Sessions()
	deliveries := messages * (1 + o.Further)
	var n Needs
	n.Memory = NodeMemory + BusyMemory + o.Roll()*EventMemory + o.Members*o.Devices*DeviceMemory + sessions*SessionMemory +
		o.Waiting()*part*WaitingMemory + o.Queues()*QueueMemory
	n.Connections = sessions
	still := NodeProcessor + sessions*(RestProcessor+o.Comings*ConnectProcessor/day) + o.News()*NewsProcessor/day
	n.Cores = still + deliveries*MessageProcessor/day*o.Peak
	n.Together = still + deliveries*MessageTogether/day*o.Peak
	n.Disk = o.Roll()*EventDisk + o.Members*o.Devices*DeviceDisk + o.Waiting()*part*MessageDisk
	n.Commits = (messages + deliveries) / day * o.Peak
	n.DiskRate = deliveries * MessageWritten / day * o.Peak
	rest := sessions*(RestTraffic*day+checkpoints*CheckpointTraffic+o.Comings*ConnectTraffic) + o.News()*NewsTraffic
	n.Watches = sessions * o.Watched
	both := messages*MessageTraffic + chains(o)*part
	out := messages*o.Further*FurtherTraffic + presence(o)
	n.Traffic = rest + both + out
	n.Out = rest/2 + both/2 + out
	n.Line = (rest/2 + (both/2+out)*o.Peak) / day
	n.Back = sessions * ConnectProcessor
	return n
}

// chains returns the traffic of a day for chains that are begun anew.
func chains(o Organization) float64 {
	return o.Members * o.Chains * (1 + o.Further) * ChainTraffic
}

// presence returns the same for changes of presence, of as many pairs as a node keeps.
func presence(o Organization) float64 {
	return min(o.Sessions()*o.Watched, MaxWatches) * o.Turns * PresenceTraffic
}

// checkpoints are how often in a day the node signs the roll anew, and tells all devices.
const checkpoints = 48

// AtDevice is what the roll of an organization asks of each device.
type AtDevice struct {
	Download float64 // bytes, once
	Line     float64 // seconds of that at 10 Mbit/s
	Fold     float64 // seconds to verify and fold it, on a weak device
	Memory   float64 // bytes, as long as the program runs
	News     float64 // bytes a day for what is new
	Gathered float64 // bytes as a device counts them against its cap
}

// DeviceOf returns what a device of an organization has to bear.
func DeviceOf(o Organization) AtDevice {
	return AtDevice{
		Download: o.Roll() * EventBytes,
		Line:     o.Roll() * EventBytes / deviceLine,
		Fold:     o.Roll() * EventProcessor * deviceSlower,
		Memory:   o.Roll() * (EventMemory + EventBytes),
		News:     o.Members * o.NewEvents * NewsTraffic,
		Gathered: o.Roll() * (EventBytes + EntryCost),
	}
}
