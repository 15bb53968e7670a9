package capacity

import (
	"fmt"
	"math"
	"strings"
)

// Sizes are the organizations of the tables.
var Sizes = []float64{100, 1_000, 10_000, 100_000, 1_000_000}

// Tables returns the tables of docs/capacity.md by the names that stand around them there.
func Tables() map[string]string {
	return map[string]string{
		"assumptions": assumptions(), "costs": costs(), "needs": needs(), "devices": devices(), "deployments": deployments(),
		"walls": walls(), "prices": prices(), "check": check(), "rolls": rolls(), "queues": queues(),
	}
}

// table writes rows of Markdown; the first is the head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}

// bySize writes a row for each need with a column for each size.
func bySize(first string, lines []line) string {
	head := []string{first}
	for _, size := range Sizes {
		head = append(head, count(size))
	}
	rows := [][]string{head}
	for _, l := range lines {
		row := []string{l.what}
		for _, size := range Sizes {
			row = append(row, l.figure(Typical(size)))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

type line struct {
	what   string
	figure func(Organization) string
}

func assumptions() string {
	o := Typical(1)
	return table([][]string{
		{"of a member", ""},
		{"devices, all always connected", digits(o.Devices)},
		{"messages of 1 KiB that they write in a day", digits(o.Messages)},
		{"devices that each goes to: two of another member, the other one of the own", digits(1 + o.Further)},
		{"devices that are away for " + digits(o.AwayDays) + " days", "1 in " + digits(1/o.Away)},
		{"events on the roll so far: joined, a second device, two changes", digits(o.Events)},
		{"new events on the roll", fmt.Sprintf("one in %s days", digits(1/o.NewEvents))},
		{"keys of conversations that they begin anew in a day", digits(o.Chains)},
		{"connections of a device in a day", digits(o.Comings)},
		{"members whose presence a device watches; changes of it in a day", digits(o.Watched) + "; " + digits(o.Turns)},
		{"the busiest hour beside the mean", digits(o.Peak) + " times"},
	})
}

func costs() string {
	rows := [][]string{{"what", "cost", "from"}}
	for _, c := range Costs() {
		rows = append(rows, []string{c.What, c.Amount, c.Source})
	}
	return table(rows)
}

func needs() string {
	of := func(figure func(Needs) string) func(Organization) string {
		return func(o Organization) string { return figure(Of(o, 1)) }
	}
	return bySize("members", []line{
		{"connected devices", func(o Organization) string { return count(o.Sessions()) }},
		{"messages a day", func(o Organization) string { return count(o.Written()) }},
		{"**memory**", of(func(n Needs) string { return memory(n.Memory) })},
		{"of it for connections", func(o Organization) string { return memory(o.Sessions() * SessionMemory) }},
		{"of it for roll and devices", func(o Organization) string {
			return memory(o.Roll()*EventMemory + o.Members*o.Devices*DeviceMemory)
		}},
		{"of it for what waits", func(o Organization) string { return memory(o.Waiting()*WaitingMemory + o.Queues()*QueueMemory) }},
		{"**processor**, busiest hour, cores", of(func(n Needs) string { return digits(n.Cores) })},
		{"of it for news of the roll", func(o Organization) string { return digits(o.News() * NewsProcessor / day) }},
		{"the same, were messages handled thousands at once", of(func(n Needs) string { return digits(n.Together) })},
		{"**disk**", of(func(n Needs) string { return memory(n.Disk) })},
		{"commits a second, busiest hour", of(func(n Needs) string { return digits(n.Commits) })},
		{"written to the disk, a second", of(func(n Needs) string { return traffic(n.DiskRate) })},
		{"**traffic a day**, both ways", of(func(n Needs) string { return traffic(n.Traffic) })},
		{"of it messages", func(o Organization) string { return traffic(o.Written() * (MessageTraffic + o.Further*FurtherTraffic)) }},
		{"of it keys of conversations", func(o Organization) string { return traffic(chains(o)) }},
		{"of it presence", func(o Organization) string { return traffic(presence(o)) }},
		{"of it news of the roll", func(o Organization) string { return traffic(o.News() * NewsTraffic) }},
		{"of it devices that rest", func(o Organization) string { return traffic(o.Sessions() * RestTraffic * day) }},
		{"of it checkpoints, twice an hour", func(o Organization) string { return traffic(o.Sessions() * checkpoints * CheckpointTraffic) }},
		{"processor until all are back after a restart", of(func(n Needs) string { return span(n.Back) })},
		{"pairs of presence", of(func(n Needs) string { return count(n.Watches) })},
	})
}

func devices() string {
	of := func(figure func(AtDevice) string) func(Organization) string {
		return func(o Organization) string { return figure(DeviceOf(o)) }
	}
	return bySize("members", []line{
		{"events on the roll", func(o Organization) string { return count(o.Roll()) }},
		{"bytes to fetch, once", of(func(d AtDevice) string { return traffic(d.Download) })},
		{"that takes, at 10 Mbit/s", of(func(d AtDevice) string { return span(d.Line) })},
		{"verify and fold, one core as measured", func(o Organization) string { return span(DeviceOf(o).Fold / deviceSlower) }},
		{"the same on a core a third as fast", of(func(d AtDevice) string { return span(d.Fold) })},
		{"memory while it joins", of(func(d AtDevice) string { return memory(d.Memory) })},
		{"memory afterwards", func(o Organization) string { return memory(o.Roll() * EventMemory) }},
		{"news of the roll, a day", of(func(d AtDevice) string { return traffic(d.News) })},
		{"can it join?", func(o Organization) string {
			if DeviceOf(o).Gathered > MaxRollBytes {
				return "**no**"
			}
			return "yes"
		}},
	})
}

// row is a deployment of the tables: what it costs in a month without traffic, and the members it bears.
type row struct {
	name   string
	walls  Deployment
	price  func(Organization) float64
	copies float64 // how often a device is connected
	about  func(Organization) string
}

func rows() []row {
	fixed := func(count float64, m Machine) func(Organization) float64 {
		return func(Organization) float64 { return count * m.Month() }
	}
	nothing := func(Organization) string { return "" }
	return []row{
		{"one small machine (512 MB)", OneNode("", Small), fixed(1, Small), 1, nothing},
		{"three small machines", Three("", Small), fixed(3, Small), 3, nothing},
		{"one middle machine (8 GiB)", OneNode("", Middle), fixed(1, Middle), 1, nothing},
		{"three middle machines", Three("", Middle), fixed(3, Middle), 3, nothing},
		{"one large machine (32 GiB)", OneNode("", Large), fixed(1, Large), 1, nothing},
		{"a cluster of large machines", Nodes.Deployment(), Nodes.Month, 1, func(o Organization) string {
			return fmt.Sprintf("%s + %d, ", count(Nodes.Processes(o)), servers)
		}},
	}
}

func deployments() string {
	var lines []line
	for _, r := range rows() {
		lines = append(lines, line{r.name, func(o Organization) string {
			price := r.about(o) + dollars(r.month(o))
			switch {
			case r.walls.Bears() < o.Members:
				return "no: " + r.walls.First().What
			case OfOrganization.Bears() < o.Members:
				return "no: " + OfOrganization.First().What + "; machines and traffic would be " + price
			}
			return price
		}})
	}
	return bySize("in a month, with traffic", append(lines, line{"several organizations, each of at most 25,000 on a middle machine", func(o Organization) string {
		parts := math.Ceil(o.Members / partSize)
		if parts < 2 {
			return "–"
		}
		middle := rows()[2]
		return fmt.Sprintf("%s machines, %s", count(parts), dollars(parts*middle.month(Typical(o.Members/parts))))
	}}))
}

// partSize is a size of organization that stays away from the walls of a middle machine.
const partSize = 25_000

// month returns what a deployment costs in a month.
func (r row) month(o Organization) float64 {
	out := Of(o, 1).Out + (r.copies-1)*o.Sessions()*RestTraffic*day/2
	return r.price(o) + out*daysAMonth/1e9*Prices.Traffic
}

func walls() string {
	lines := [][]string{{"where", "members", "wall", "then", "moved by"}}
	for _, r := range rows() {
		for i, w := range r.walls.Walls()[:3] {
			name := ""
			if i == 0 {
				name = r.name
			}
			lines = append(lines, append([]string{name}, w.cells()...))
		}
	}
	for i, w := range OfOrganization.Walls() {
		name := ""
		if i == 0 {
			name = "whatever serves it: one roll"
		}
		lines = append(lines, append([]string{name}, w.cells()...))
	}
	return table(lines)
}

// cells are a wall's in a table. Where it stops an organization, the number is bold.
func (w Wall) cells() []string {
	members := count(floor(w.Members))
	if !w.Soft {
		members = "**" + members + "**"
	}
	return []string{members, w.What, w.Then, w.Moved}
}

// floor rounds down to two digits: a wall is no promise of the last member.
func floor(n float64) float64 {
	if n < 1 {
		return 0
	}
	place := math.Pow(10, math.Floor(math.Log10(n))-1)
	return math.Floor(n/place) * place
}

func prices() string {
	lines := [][]string{{"machine", "memory", "cores", "disk", "line", "a month"}}
	for _, m := range []struct {
		name string
		Machine
	}{{"small", Small}, {"middle", Middle}, {"large", Large}} {
		lines = append(lines, []string{m.name, memory(m.Memory), digits(m.Cores), memory(m.Disk), digits(m.Network*8/1e6) + " Mbit/s", dollars(m.Month())})
	}
	return table(lines)
}

func check() string {
	lines := [][]string{{"what", "the model says", "measured", "error"}}
	for _, f := range Compare(Checked) {
		lines = append(lines, []string{f.What, digits(f.Predicted) + " " + f.Unit, digits(f.Measured) + " " + f.Unit, f.Off()})
	}
	return table(lines)
}
