// Command start runs a local cluster of three servers until it is interrupted: make cluster.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"muster.example/internal/cluster"
)

func main() {
	dir := flag.String("dir", ".cluster", "the folder of keys and servers, made if missing")
	port := flag.Int("port", 4222, "port of the first server; the others follow by tens")
	flag.Parse()
	if err := run(*dir, *port); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(dir string, port int) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	c, err := cluster.New(dir, cluster.Options{Servers: 3, Port: port})
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := c.Start(time.Minute); err != nil {
		return err
	}
	fmt.Printf("three servers run; Ctrl-C stops them, and %s keeps what they hold. A node before them:\n\n", dir)
	fmt.Printf("  muster-rendezvous run --queue %s \\\n    --queue-credentials %s\n", c.URL(), c.Credentials())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	return nil
}
