// Command load measures a rendezvous node from outside: it starts the real program as a process of its own, founds an
// organization on it by the claim link, joins devices by invitation, and then posts, drains and times.
//
// It owns the workloads, the clocks and the table that it prints. It must not know how the node works: everything goes
// through the protocols, the control socket and what the kernel says about the process. It is the whole load: its own
// sealing, signing and checking compete with the node for the same cores, as they do on a small machine.
//
// It runs on Linux, whose /proc it reads.
package main
