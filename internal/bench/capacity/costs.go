package capacity

// What one of each thing costs. Times are seconds of one core of the machine measured, sizes bytes. Processor time and bytes are
// what other programs on a machine do not falsify. Costs has where each comes from.
const (
	NodeMemory    = 25.7 * mib
	NodeProcessor = 5.8e-3
	BusyMemory    = 30 * mib
	DeviceMemory  = 5000.0
	EventMemory   = 960.0

	SessionMemory    = 85.7 * kib
	ConnectProcessor = 959e-6
	ConnectTraffic   = 9200.0
	RestProcessor    = 2.3e-6
	RestTraffic      = 9.4

	MessageProcessor = 665e-6
	MessageTogether  = 29e-6
	MessageTraffic   = 3380.0
	FurtherTraffic   = 1600.0
	MessageWritten   = 9640.0
	MessageDisk      = 1434.0
	WaitingMemory    = 70.0
	QueueMemory      = 310.0
	CommitRate       = 88_392.0

	ChainTraffic    = 5000.0
	PresenceTraffic = 130.0

	NewsProcessor     = 153e-6
	NewsTraffic       = 2540.0
	CheckpointTraffic = 500.0

	EventBytes     = 310.0
	EventProcessor = 90e-6
	EventDisk      = 500.0
	DeviceDisk     = 1500.0

	ClusterCommits = 8200.0
	ClusterMemory  = 246.0
)

// Cost is a row of the table of unit costs.
type Cost struct {
	What   string
	Amount string
	Source string
}

// The commands that measured.
const (
	fromCrowd   = "`scripts/bench.sh capacity 2000`"
	fromSize    = "`go test -run - -bench RollSize -benchtime 1x ./membership`"
	fromQueues  = "`go test -run - -bench Queues -benchtime 1000000x ./rendezvous/queue`"
	fromBenches = "[benchmarks](benchmarks.md#muster-beside-its-peers)"
	fromCluster = "[benchmarks](benchmarks.md#a-queue-in-a-cluster), `scripts/bench.sh cluster`"
	fromCost    = "[operating](operating.md#what-it-costs), `scripts/cost.sh`"
)

// Costs returns all unit costs with the command that measured each.
func Costs() []Cost {
	return []Cost{
		{"the node alone, with an organization of one: memory", memory(NodeMemory), fromBenches},
		{"the same: processor", span(NodeProcessor) + " a second", "[benchmarks](benchmarks.md#an-organization-without-a-server)"},
		{"messages under way at all: memory", memory(BusyMemory), fromCost},
		{"an event on the roll: memory in the node and in each device", memory(EventMemory), fromSize},
		{"a device that exists, with its prekey, leave and the rest: memory in the node", memory(DeviceMemory), fromCrowd},
		{"**a connected device at rest**: memory", memory(SessionMemory), fromCrowd},
		{"the same: processor", span(RestProcessor) + " a second", fromCrowd},
		{"the same: traffic", traffic(RestTraffic*day) + " a day", fromCrowd},
		{"a connection made: TLS handshake and both streams: processor", span(ConnectProcessor), fromCrowd},
		{"the same: traffic", traffic(ConnectTraffic), fromCrowd},
		{"**a message of 1,150 bytes to one device, and its receipt**, alone: processor", span(MessageProcessor), fromCrowd},
		{"the same, thousands at once: processor", span(MessageTogether), "`scripts/bench.sh -only saturation`"},
		{"the same, alone: traffic, both ways", traffic(MessageTraffic), fromCrowd},
		{"the same, alone: written to the disk, as pages", traffic(MessageWritten), fromCrowd},
		{"each further device of a message: traffic", traffic(FurtherTraffic), fromCost},
		{"a chain announced to one device: its prekey fetched, the announcement in and out", traffic(ChainTraffic), "reckoned: 1.8 KB each way ([benchmarks](benchmarks.md#groups)), 1.3 KB of prekey"},
		{"a change of presence told to one device", traffic(PresenceTraffic), "reckoned: a frame of 41 bytes, TLS and TCP"},
		{"a message that waits: disk", memory(MessageDisk), fromCost},
		{"a message that waits: memory", memory(WaitingMemory), "`go test -run - -bench Waiting -benchtime 1000000x ./rendezvous/queue`"},
		{"a queue that exists with a message in it: memory beyond that", memory(QueueMemory), fromQueues},
		{"commits to the disk, together: messages a second, the least of 3 runs", count(CommitRate), fromBenches},
		{"**an event told to one connected device**, which fetches it: processor", span(NewsProcessor), fromCrowd},
		{"the same: traffic", traffic(NewsTraffic), fromCrowd},
		{"a checkpoint told: traffic", traffic(CheckpointTraffic), "reckoned: a note, TLS and TCP"},
		{"an event on the roll: bytes to fetch", traffic(EventBytes), fromSize},
		{"an event on the roll: verify and fold at a device, processor", span(EventProcessor), fromSize},
		{"an event and a device on the node's disk", traffic(EventDisk) + ", " + traffic(DeviceDisk), fromCost},
		{"a cluster: bodies accepted a second, each synced by three servers on one disk", count(ClusterCommits), fromCluster},
		{"a cluster: memory of a queue with one message, in each process; none of one that is empty", memory(ClusterMemory), fromCluster},
	}
}
