package node

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The settings of what a device carries for others. [API-176]
const (
	settingCarry      = "carry"
	settingCarryBytes = "carry-bytes"
	carryByPolicy     = "policy"
)

// carryUnits are the units that the setting takes, in bytes.
var carryUnits = []struct {
	name string
	size uint64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}}

// carryLimit returns how many bytes the setting allows; false if it leaves that to the policy.
func carryLimit(value string) (bytes uint64, set bool) {
	if value == carryByPolicy {
		return 0, false
	}
	for _, unit := range carryUnits {
		digits, ok := strings.CutSuffix(value, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || n > math.MaxInt64/unit.size {
			return 0, false
		}
		return n * unit.size, true
	}
	return 0, false
}

// parseCarry takes a number of bytes, with or without a unit, or that the policy says it.
func parseCarry(value string) (string, error) {
	if _, set := carryLimit(value); !set && value != carryByPolicy {
		return "", fmt.Errorf("it is a number of bytes as 0, 65536KiB or 64MiB, or %s", carryByPolicy)
	}
	return value, nil
}
