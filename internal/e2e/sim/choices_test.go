package sim

import (
	"math/rand/v2"
	"time"

	"muster.example/internal/testnet"
)

// serverAddress is where the rendezvous node is.
var serverAddress = testnet.Address(serverPlace)

// choices are the seeded decisions of a run.
type choices struct{ *rand.Rand }

func newChoices(seed uint64) choices { return choices{rand.New(rand.NewPCG(seed, 0))} }

func (c choices) below(n int) int { return c.IntN(n) }

// pause lets up to limit of simulated time pass.
func (w *world) pause(c choices, limit time.Duration) {
	time.Sleep(time.Duration(c.Int64N(int64(limit))))
}
