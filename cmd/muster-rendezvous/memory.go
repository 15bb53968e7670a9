package main

import (
	"math"
	"os"
	"runtime/debug"

	"github.com/pbnjay/memory"

	"muster.example/internal/machine"
)

// limitMemory makes the collector work harder as memory gets short, unless the environment says something else: from half
// of what the process may have, by the machine or by the limit of its container or service.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if total := totalMemory(); total > 0 {
		debug.SetMemoryLimit(total / 2)
	}
}

// totalMemory returns how much memory the process may have, 0 if the system does not say.
func totalMemory() int64 {
	if total, err := machine.Memory(); err == nil {
		return total
	}
	return int64(min(memory.TotalMemory(), math.MaxInt64)) // outside Linux
}
