package vault

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// Tune returns the cost of a passphrase for a machine with memory bytes of main memory; 0 means unknown. Three passes
// over 64 MiB take about 0.2 s on one core of an ordinary machine. Machines with less memory get less, down to 19 MiB,
// below which guessing becomes too cheap: unlocking takes that much there.
func Tune(memory uint64) Parameters {
	switch {
	case memory == 0 || memory >= 448<<20:
		return Parameters{Time: 3, Memory: 64 << 10, Threads: 1}
	case memory >= 160<<20:
		return Parameters{Time: 3, Memory: 32 << 10, Threads: 1}
	default:
		return Parameters{Time: 3, Memory: 19 << 10, Threads: 1}
	}
}

// mainMemory returns the machine's memory in bytes, or 0 where the system does not tell in /proc.
func mainMemory() uint64 {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kilobytes, err := strconv.ParseUint(fields[1], 10, 40)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}
