package vault

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"

	"muster.example/internal/machine"
)

// How long a try of a passphrase is to take.
const (
	DefaultCost = 600 * time.Millisecond
	MinCost     = 100 * time.Millisecond
	MaxCost     = 10 * time.Second
)

// Bounds of what Measure chooses, beside those of the file.
const (
	mostMemory = 256 << 10 // KiB: what an unlock may take beside everything else that runs
	ofMemory   = 16        // the part of the machine's memory that it may take at most
	fewPasses  = 3         // of the floor, and where more memory serves better than more passes
)

// Tune returns the least cost of a passphrase for a machine with memory bytes of main memory; 0 means unknown. Three passes
// over 64 MiB take about 0.2 s on one core of an ordinary machine. Machines with less memory get less, down to 19 MiB,
// below which guessing becomes too cheap: unlocking takes that much there.
func Tune(memory uint64) Parameters {
	switch {
	case memory == 0 || memory >= 448<<20:
		return Parameters{Time: fewPasses, Memory: 64 << 10, Threads: 1}
	case memory >= 160<<20:
		return Parameters{Time: fewPasses, Memory: 32 << 10, Threads: 1}
	default:
		return Parameters{Time: fewPasses, Memory: 19 << 10, Threads: 1}
	}
}

// Measure returns the cost with which this machine, as busy as it is now, takes about as long as wanted to try one passphrase: never
// less than Tune, and no more memory than a sixteenth of the machine's and 256 MiB. It takes about a second itself. An error if
// wanted is not between MinCost and MaxCost.
func Measure(wanted time.Duration) (Parameters, error) {
	if wanted < MinCost || wanted > MaxCost {
		return Parameters{}, fmt.Errorf("a try of a passphrase cannot take %s: choose %s to %s", wanted, MinCost, MaxCost)
	}
	memory, err := machine.Memory()
	if err != nil {
		memory = 0 // Tune knows what to do
	}
	return tune(uint64(memory), runtime.GOMAXPROCS(0), wanted, took), nil
}

// took returns how long one try takes.
func took(p Parameters) time.Duration {
	begin := time.Now()
	clear(argon2.IDKey([]byte("passphrase"), make([]byte, 16), p.Time, p.Memory, p.Threads, keySize))
	return time.Since(begin)
}

// tune looks twice at what the floor costs with all lanes, and makes of the time that is left first more memory, which costs who
// guesses most, then more passes.
func tune(memory uint64, processors int, wanted time.Duration, took func(Parameters) time.Duration) Parameters {
	floor := Tune(memory)
	chosen := floor
	chosen.Threads = uint8(min(max(processors, 1), maxArgonLanes))
	once := max(min(took(chosen), took(chosen)), time.Microsecond)
	times := float64(wanted) / float64(once) // as much work as the floor
	if times <= 1 {
		return floor
	}
	most := uint32(mostMemory)
	if memory > 0 {
		most = uint32(min(uint64(most), memory>>10/ofMemory))
	}
	if wish := times * float64(floor.Memory); wish < float64(most) {
		chosen.Memory = uint32(wish) &^ 1023
	} else {
		chosen.Memory = most &^ 1023
	}
	chosen.Memory = max(chosen.Memory, floor.Memory)
	work := times * float64(floor.Memory) * fewPasses / float64(chosen.Memory)
	chosen.Time = uint32(min(max(work, fewPasses), maxArgonTime))
	return chosen
}

// orMeasured returns the parameters, or for nil what Measure says.
func (p *Parameters) orMeasured() (Parameters, error) {
	if p == nil {
		return Measure(DefaultCost)
	}
	return *p, p.check()
}
