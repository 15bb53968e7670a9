package node

import (
	"net"
	"slices"
	"strings"
)

// networksNow names the networks that this machine is on, by its addresses there, as one text to compare; empty if that cannot be told.
func networksNow() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	texts := make([]string, 0, len(addresses))
	for _, address := range addresses {
		texts = append(texts, address.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}
