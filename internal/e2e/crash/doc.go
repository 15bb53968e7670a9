// Package crash proves with real processes what the simulations prove with seeds: the programs as they are shipped,
// killed with SIGKILL at random moments while messages flow, lose nothing and repeat nothing.
//
// It holds tests only, behind the build tag crash. MUSTER_CRASH_SECONDS says for how long messages flow.
package crash
