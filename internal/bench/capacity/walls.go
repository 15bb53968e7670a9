package capacity

import (
	"cmp"
	"slices"
)

// Deployment is a way to run an organization's nodes.
type Deployment struct {
	Name  string
	walls func() []Wall
}

// Wall is a bound that a growing organization comes to.
type Wall struct {
	What    string
	Limit   float64
	Need    func(Organization) float64
	Then    string // what happens there
	Moved   string // by what it is moved
	Soft    bool   // what is beyond it works, worse
	Members float64
}

// most is the largest organization that is looked at.
const most = 1e9

// membersAt returns the largest typical organization whose need is within the limit.
func (w Wall) membersAt() float64 {
	low, high := 0.0, most
	if w.Need(Typical(high)) <= w.Limit {
		return high
	}
	for range 64 {
		if middle := (low + high) / 2; w.Need(Typical(middle)) <= w.Limit {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// Walls returns the bounds of a deployment, the nearest first.
func (d Deployment) Walls() []Wall {
	walls := d.walls()
	for i := range walls {
		walls[i].Members = walls[i].membersAt()
	}
	slices.SortFunc(walls, func(a, b Wall) int { return cmp.Compare(a.Members, b.Members) })
	return walls
}

// First returns the nearest wall that stops an organization.
func (d Deployment) First() Wall {
	walls := d.Walls()
	return walls[slices.IndexFunc(walls, func(w Wall) bool { return !w.Soft })]
}

// Bears returns the members that it has at most.
func (d Deployment) Bears() float64 { return d.First().Members }

// OneNode is one embedded node on a machine.
func OneNode(name string, m Machine) Deployment { return onMachine(name, m, 1) }

// Three is three nodes that serve one organization side by side, each on such a machine. Devices listen to all of them, so each
// has every session and the whole roll; of the messages it has a third.
func Three(name string, m Machine) Deployment { return onMachine(name, m, 1.0/3) }

func onMachine(name string, m Machine, part float64) Deployment {
	of := func(get func(Needs) float64) func(Organization) float64 {
		return func(o Organization) float64 { return get(Of(o, part)) }
	}
	return Deployment{Name: name, walls: func() []Wall {
		return []Wall{
			{What: "memory", Limit: m.Memory * memoryPart, Need: of(func(n Needs) float64 { return n.Memory }),
				Then: "the system ends the node, and it starts anew", Moved: "a machine with more"},
			{What: "processor in the busiest hour", Limit: m.Cores * coresPart, Need: of(func(n Needs) float64 { return n.Cores }),
				Then: "messages wait longer, and are handled together, which costs less", Moved: "more cores", Soft: true},
			{What: "room for what waits", Limit: m.Disk * diskPart, Need: of(func(n Needs) float64 { return n.Disk }),
				Then: "posts are refused with *full*, and senders keep them", Moved: "a larger disk, a shorter queue time"},
			{What: "the line, outwards", Limit: m.Network * linePart, Need: of(func(n Needs) float64 { return n.Line }),
				Then: "messages wait longer", Moved: "a faster line", Soft: true},
			{What: "commits to the disk", Limit: CommitRate, Need: of(func(n Needs) float64 { return n.Commits }),
				Then: "answers take longer", Moved: "a faster disk", Soft: true},
			{What: "open files (`LimitNOFILE` of the unit)", Limit: MaxFiles, Need: of(func(n Needs) float64 { return n.Connections }),
				Then: "connections are refused", Moved: "a drop-in for the unit with more"},
			{What: "the node's own mark of connections", Limit: m.mark(), Need: of(func(n Needs) float64 { return n.Connections }),
				Then: "it trims connections", Moved: "more memory, up to 100,000 connections; then a cluster"},
			{What: "all devices back two minutes after a restart", Limit: Typical(1).SecondsToBack * m.Cores * coresPart,
				Need: of(func(n Needs) float64 { return n.Back }), Then: "it takes longer", Moved: "more cores", Soft: true},
		}
	}}
}

// OfOrganization are the walls of one roll, whatever serves it.
var OfOrganization = Deployment{Name: "any", walls: func() []Wall {
	of := func(get func(AtDevice) float64) func(Organization) float64 {
		return func(o Organization) float64 { return get(DeviceOf(o)) }
	}
	return []Wall{
		{What: "presence: 524,288 pairs of a device and somebody whom it watches", Limit: MaxWatches, Need: func(o Organization) float64 { return Of(o, 1).Watches },
			Then: "a device is not told of some whom it watches", Moved: "nothing; messages are not touched", Soft: true},
		{What: "a minute to verify and fold the roll on a weak device", Limit: deviceSeconds, Need: of(func(d AtDevice) float64 { return d.Fold }),
			Then: "joining takes longer", Moved: "a faster device", Soft: true},
		{What: "256 MiB of the roll in a device's memory", Limit: deviceMemory, Need: of(func(d AtDevice) float64 { return d.Memory }),
			Then: "telephones may end the program", Moved: "a smaller organization", Soft: true},
		{What: "a minute to fetch the roll at 10 Mbit/s", Limit: 60, Need: of(func(d AtDevice) float64 { return d.Line }),
			Then: "joining takes longer", Moved: "a faster line", Soft: true},
		{What: "10 MB a day of news of the roll for each device", Limit: deviceTraffic, Need: of(func(d AtDevice) float64 { return d.News }),
			Then: "each event goes to each device", Moved: "a smaller organization", Soft: true},
		{What: "512 MiB that a device gathers of a roll", Limit: MaxRollBytes, Need: of(func(d AtDevice) float64 { return d.Gathered }),
			Then: "**nobody can join any more**", Moved: "a smaller organization"},
		{What: "512 MiB of roll that one node hands over to another", Limit: MaxRollBytes, Need: of(func(d AtDevice) float64 { return d.Download }),
			Then: "it moves to another machine with its folder alone", Moved: "a smaller organization", Soft: true},
	}
}}
