// Command write measures carriers in simulated weeks and writes the table into a page, between two marks. `make carrying` runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"muster.example/internal/bench/carrying"
)

const begin, end = "<!-- carriers -->\n", "<!-- end of carriers -->\n"

func main() {
	page := flag.String("page", "docs/benchmarks.md", "the page with the marks")
	seeds := flag.Int("seeds", 3, "how many weeks are simulated of each movement")
	flag.Parse()
	if err := write(*page, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(page string, seeds int) error {
	data, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s must have the lines %q and %q", page, begin, end)
	}
	table := carrying.Table(seeds, func(done string) { fmt.Fprintln(os.Stderr, done) })
	return os.WriteFile(page, []byte(before+begin+"\n"+table+"\n"+end+after), 0o644)
}
