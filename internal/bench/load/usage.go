package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what the kernel says of a process, and of the disk that its folder is on.
type usage struct {
	cpu       time.Duration // user and system, since its start
	loadCPU   time.Duration // the same of this program
	resident  int64         // bytes
	anonymous int64         // bytes of resident that are no file's
	peak      int64         // the most that resident was
	written   int64         // bytes that it had sent to the disk since its start
	flushes   int64         // of the whole disk since boot, by whomever; -1 if the kernel does not count them
}

// clockTick is the unit of CPU time in /proc: USER_HZ, which is 100 wherever Go runs on Linux.
const clockTick = 10 * time.Millisecond

// usage reads the figures of now.
func (n *node) usage() (u usage, err error) {
	proc := fmt.Sprintf("/proc/%d/", n.command.Process.Pid)
	if u.cpu, err = cpuTime(proc); err != nil {
		return u, err
	}
	if u.loadCPU, err = cpuTime("/proc/self/"); err != nil {
		return u, err
	}
	status, err := keyed(proc + "status")
	if err != nil {
		return u, err
	}
	u.resident, u.anonymous, u.peak = status["VmRSS"]<<10, status["RssAnon"]<<10, status["VmHWM"]<<10
	io, err := keyed(proc + "io")
	if err != nil {
		return u, err
	}
	u.written = io["write_bytes"]
	u.flushes = flushes(n.dir)
	return u, nil
}

// cpuTime reads what a process has used.
func cpuTime(proc string) (used time.Duration, err error) {
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from field 3 on; a name may hold spaces
	if len(fields) < 13 {
		return 0, fmt.Errorf("%sstat has %d fields", proc, len(fields))
	}
	for _, ticks := range fields[11:13] {
		count, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return 0, err
		}
		used += time.Duration(count) * clockTick
	}
	return used, nil
}

// keyed reads the first number after each "name:" of a file in /proc.
func keyed(path string) (map[string]int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make(map[string]int64)
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			if value, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
				values[name] = value
			}
		}
	}
	return values, nil
}

// flushes returns how often the disk that dir is on was flushed: field 16 of a block device's stat.
func flushes(dir string) int64 {
	device := deviceOf(dir)
	if device == "" {
		return -1
	}
	data, err := os.ReadFile("/sys/dev/block/" + device + "/stat")
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 16 {
		return -1
	}
	count, err := strconv.ParseInt(fields[15], 10, 64)
	if err != nil {
		return -1
	}
	return count
}

// deviceOf returns MAJOR:MINOR of the block device under dir, "" if it is none: of the longest mount point above it.
func deviceOf(dir string) (device string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	best := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := fields[4]
		above := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		if above && len(point) >= len(best) {
			best, device = point, fields[2]
		}
	}
	return device
}
