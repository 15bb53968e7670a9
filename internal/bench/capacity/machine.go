package capacity

// Machine is one to rent.
type Machine struct {
	Memory  float64 // bytes
	Cores   float64
	Disk    float64 // bytes
	Network float64 // bytes a second, each way
}

// Prices are an assumption of November 2026, and nobody's offer: round figures of what small virtual machines cost in a month, in
// US dollars, without tax. Traffic that leaves is paid by the byte; large clouds ask nine times as much for it.
var Prices = struct{ Machine, Memory, Core, Disk, Traffic float64 }{
	Machine: 1, // an address and a name
	Memory:  3, // a GiB
	Core:    2,
	Disk:    0.05, // a GiB
	Traffic: 0.01, // a GB
}

// Month returns what a machine costs in a month, without traffic.
func (m Machine) Month() float64 {
	return Prices.Machine + Prices.Memory*m.Memory/gib + Prices.Core*m.Cores + Prices.Disk*m.Disk/gib
}

const (
	kib = 1024.0
	mib = 1024 * kib
	gib = 1024 * mib
	day = 86400.0
	// daysAMonth is for prices.
	daysAMonth = 30.0
)

// The machines of the tables.
var (
	Small  = Machine{Memory: 512 * mib, Cores: 1, Disk: 10 * gib, Network: 12.5e6}
	Middle = Machine{Memory: 8 * gib, Cores: 4, Disk: 100 * gib, Network: 125e6}
	Large  = Machine{Memory: 32 * gib, Cores: 16, Disk: 500 * gib, Network: 1.25e9}
)

const (
	memoryPart = 0.75 // of a machine's memory is for the node, as its unit has it; the rest is the system's
	coresPart  = 0.7  // of the processors is used at the peak: beyond it everything waits
	diskPart   = 0.75 // of the disk is for what waits: the reserve and what the system takes are beside it
	linePart   = 0.5  // of the network's rate is used at the peak

	// MaxFiles is how many files the node's unit lets it have open: a connection over TCP is one.
	MaxFiles = 65536
	// maxConnections is the highest mark of connections that a node sets itself.
	maxConnections = 100_000
	// MaxWatches is the number of pairs of a device and a member that it watches, of one organization.
	MaxWatches = 1 << 19
	// MaxRollBytes is what a device gathers of a roll in one go.
	MaxRollBytes = 512 * mib
	// EntryCost is what it counts for each entry beside its bytes.
	EntryCost = 128
)

// What a device is thought to bear, of the weak ones: a telephone or a small computer.
const (
	deviceMemory  = 256 * mib // of the roll alone
	deviceSeconds = 60.0      // to verify and fold the roll, on a core a third as fast as those measured
	deviceSlower  = 3.0
	deviceLine    = 1.25e6 // bytes a second, 10 Mbit/s
	deviceTraffic = 10e6   // bytes a day for news of the roll
)

// mark returns the connections beyond which a node on a machine trims them, as rendezvous/limits.go has it: three quarters of what the
// node may have, 88 KiB for each.
func (m Machine) mark() float64 { return min(m.Memory*memoryPart*3/4/(88*kib), maxConnections) }
