package netwatch

import (
	"net"
	"slices"
	"strings"
)

// networks names what the machine is on, as one text to compare: its interfaces that carry, their addresses, and the ways out. Empty:
// there is no network.
func networks() string {
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	var names []string
	for _, at := range all {
		const want = net.FlagUp | net.FlagRunning
		if at.Flags&want != want || at.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := at.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, address := range addresses {
			names = append(names, at.Name+" "+address.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	names = append(names, waysOut()...)
	slices.Sort(names)
	return strings.Join(names, "\n")
}
