// Package netns runs the programs as they are shipped in network namespaces of their own, where multicast, several addresses,
// routers and NAT are those of a real kernel: what no simulated network shows.
//
// It holds tests only, behind the build tag netns; they need root, ip (iproute2) and nft (nftables). A network belongs to one test,
// has a name of its own, and is gone when the test ends. Delay and loss belong to internal/e2e/sim.
//
// A test has a LAN of some hosts (lan.sh) or two homes behind routers (homes.sh). Programs and commands run on a host; a device's
// client works from outside. What must itself be on a host, such as a socket, runs in this test binary once more (network.again).
package netns
