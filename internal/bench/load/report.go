package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report collects figures by row and column, one of each run.
type report struct {
	rows, columns []string
	figures       map[[2]string][]float64
	memories      []string
	resident      map[string][]float64 // MiB
	anonymous     map[string][]float64
	notes         []string
}

func newReport() *report {
	return &report{figures: make(map[[2]string][]float64),
		resident: make(map[string][]float64), anonymous: make(map[string][]float64)}
}

// add notes one figure of this run.
func (r *report) add(row, column string, value float64) {
	if !slices.Contains(r.rows, row) {
		r.rows = append(r.rows, row)
	}
	if !slices.Contains(r.columns, column) {
		r.columns = append(r.columns, column)
	}
	r.figures[[2]string{row, column}] = append(r.figures[[2]string{row, column}], value)
}

// latencies notes the median and the 99th percentile in milliseconds.
func (r *report) latencies(row, column string, times []time.Duration) {
	slices.Sort(times)
	for _, p := range []int{50, 99} {
		at := times[min(len(times)-1, len(times)*p/100)]
		r.add(fmt.Sprintf("%s p%d, ms", row, p), column, at.Seconds()*1000)
	}
}

// memory notes what the node has in memory; anonymous is negative if it is not known.
func (r *report) memory(when string, resident, anonymous int64) {
	if !slices.Contains(r.memories, when) {
		r.memories = append(r.memories, when)
	}
	r.resident[when] = append(r.resident[when], mebi(resident))
	if anonymous >= 0 {
		r.anonymous[when] = append(r.anonymous[when], mebi(anonymous))
	}
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// column names a workload of so many messages.
func column(count int) string { return grouped(strconv.Itoa(count)) }

// print writes the medians as Markdown, with the least and the most where runs differ by more than a tenth.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n| messages | %s |\n| --- |%s\n", strings.Join(r.columns, " | "), strings.Repeat(" --- |", len(r.columns)))
	for _, row := range r.rows {
		fmt.Fprintf(w, "| %s |", row)
		for _, column := range r.columns {
			fmt.Fprintf(w, " %s |", summary(r.figures[[2]string{row, column}]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\n| the node's memory | resident MiB | of it anonymous |\n| --- | --- | --- |\n")
	for _, when := range r.memories {
		fmt.Fprintf(w, "| %s | %s | %s |\n", when, summary(r.resident[when]), summary(r.anonymous[when]))
	}
	fmt.Fprintf(w, "\n%s\n", strings.Join(r.notes, "\n"))
}

// summary is the median, and the range if it is wide.
func summary(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(values))
	least, median, most := sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1]
	if len(sorted)%2 == 0 {
		median = (median + sorted[len(sorted)/2-1]) / 2
	}
	if most-least <= median/10 {
		return figure(median)
	}
	return fmt.Sprintf("%s (%s to %s)", figure(median), figure(least), figure(most))
}

// figure writes a number to three digits or so.
func figure(value float64) string {
	switch {
	case value >= 100:
		return grouped(strconv.FormatFloat(value, 'f', 0, 64))
	case value >= 10:
		return strconv.FormatFloat(value, 'f', 1, 64)
	case value >= 1:
		return strconv.FormatFloat(value, 'f', 2, 64)
	case value == 0:
		return "0"
	}
	return strconv.FormatFloat(value, 'g', 2, 64)
}

// grouped puts commas between thousands.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// printMachine says on what this was measured and with what choices.
func printMachine(w io.Writer, p plan) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Fprintf(w, "%d cores, %s, Linux %s, %s; %s over loopback; %d senders × %d in flight, %d receivers; median of %d (least to most)\n",
		runtime.NumCPU(), processor(), strings.TrimSpace(string(kernel)), runtime.Version(), p.transport,
		p.senders, p.window, p.receivers, p.runs)
}

// processor returns the name of the processor as the kernel has it.
func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
