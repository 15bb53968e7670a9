package capacity

import "math"

// Cluster is any number of node processes, each on a machine of its own, before three servers of a replicated engine. A process
// holds a part of the sessions, and of every organization that it serves the whole roll.
type Cluster struct {
	Process, Server Machine
}

// Nodes is the cluster of the tables.
var Nodes = Cluster{Process: Large, Server: Large}

const servers = 3

// whole returns the memory that each process needs before its first session.
func whole(o Organization) float64 {
	return NodeMemory + BusyMemory + o.Roll()*EventMemory + o.Members*o.Devices*DeviceMemory
}

// Processes returns how many an organization needs, at least two, so that one may end. Infinite if not even the roll fits.
func (c Cluster) Processes(o Organization) float64 {
	room := c.Process.Memory*memoryPart - whole(o)
	if room <= 0 {
		return math.Inf(1)
	}
	each := min(room/SessionMemory, c.Process.mark(), MaxFiles)
	processor := Of(o, 1).Cores / (c.Process.Cores * coresPart)
	return max(2, math.Ceil(o.Sessions()/each), math.Ceil(processor))
}

// Month returns what the cluster's machines cost in a month, without traffic.
func (c Cluster) Month(o Organization) float64 {
	return c.Processes(o)*c.Process.Month() + servers*c.Server.Month()
}

// Walls of the cluster that more processes do not move.
func (c Cluster) Deployment() Deployment {
	return Deployment{Name: "a cluster", walls: func() []Wall {
		return []Wall{
			{What: "the roll in the memory of each process", Limit: c.Process.Memory * memoryPart, Need: whole,
				Then: "no process can serve the organization", Moved: "a smaller organization"},
			{What: "commits of the engine, each synced", Limit: ClusterCommits, Need: func(o Organization) float64 { return Of(o, 1).Commits },
				Then: "answers take longer", Moved: "more servers, faster disks", Soft: true},
			{What: "room for what waits, on each server", Limit: c.Server.Disk * diskPart, Need: func(o Organization) float64 { return Of(o, 1).Disk },
				Then: "posts are refused with *full*, and senders keep them", Moved: "larger disks, a shorter queue time"},
		}
	}}
}
