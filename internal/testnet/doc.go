// Package testnet is a simulated network for tests: real hosts exchange real QUIC packets over links that exist only
// in memory and in the fake time of a testing/synctest bubble, and a test makes these links lose, double, delay and
// cut what they carry.
//
//	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
//		a := net.Host(t, net.Config(0, net.Key("a")))
//		b := net.Host(t, net.Config(1, net.Key("b")))
//		net.Partition([]string{testnet.Address(0)}, []string{testnet.Address(1)})
//		…
//	})
//
// Everything must be made and closed inside the bubble: hosts by Host or by the test, stores by the part that uses
// them. A goroutine that outlives its owner makes the bubble panic with its stack, so every simulation is a test of
// shutdown too. Disk is allowed and takes no simulated time; sockets of the real network are not.
//
// A seed fixes keys, randomness and every fault. Runs then repeat as far as the scheduler lets them: timers due at the
// same instant, map order and select stay random, so assert outcomes and not their order. Under the race detector
// nothing repeats.
//
// The package must not know any protocol of ours.
package testnet
