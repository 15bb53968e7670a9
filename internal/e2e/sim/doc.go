// Package sim proves whole-system properties on a simulated network: a real rendezvous node and real device nodes, with
// their stores on disk, exchange real QUIC packets in a testing/synctest bubble, where a test cuts, loses and doubles
// what travels, ends and restarts nodes, and puts a liar in the rendezvous node's place.
//
// It holds tests only. What a run did is fixed by its seed as far as testnet says; set MUSTER_SIM_SEEDS to run more.
// Those that take more than ten seconds are called TestLongSim; go test -short leaves them out.
package sim
