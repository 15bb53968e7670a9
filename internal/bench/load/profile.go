package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// profile has perf(1) watch the node and this program until stop is called, if the plan asks for that. What it costs is in
// the figures. Look at one of them with perf report --comm muster-rendezvo, or load.
func (b *bench) profile(workload string) (stop func(), err error) {
	if b.perf == "" {
		return func() {}, nil
	}
	name := strings.NewReplacer(" ", "-", ",", "").Replace(workload) + ".perf"
	both := fmt.Sprintf("%d,%d", b.node.command.Process.Pid, os.Getpid())
	command := exec.Command("perf", "record", "-q", "-F", "997", "-g", "-p", both,
		"-o", filepath.Join(b.perf, name))
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting perf: %w", err)
	}
	return func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait() // it says so by its status that it was interrupted
	}, nil
}
