package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"muster.example/rendezvous"
)

// node is a muster-rendezvous that runs as a process of its own.
type node struct {
	command *exec.Cmd
	dir     string
	claim   string // link, of a folder's first start
	metrics string // host:port of its metrics, "" for none
}

const (
	startTime = 20 * time.Second
	stopTime  = 20 * time.Second
	pollEvery = 5 * time.Millisecond
)

// startNode starts the program in dir and returns when it answers. What it says on standard error is appended to
// dir.log.
func startNode(ctx context.Context, program, dir string, listen []string, metrics string) (*node, error) {
	fresh := false
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		fresh = true
	}
	args := []string{"run", "--dir", dir}
	for _, address := range listen {
		args = append(args, "--listen", address)
	}
	if metrics != "" {
		args = append(args, "--metrics", metrics)
	}
	log, err := os.OpenFile(dir+".log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	n := &node{command: exec.Command(program, args...), dir: dir, metrics: metrics}
	n.command.Stderr = log
	out, err := n.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the node: %w", err)
	}
	if fresh {
		n.claim, err = readLine(out)
	}
	if err == nil {
		_, err = n.await(ctx, startTime, func(rendezvous.Status) bool { return true })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the node: %w", err), n.stop())
	}
	return n, nil
}

// readLine reads the one line that a new node prints. It ends with the process.
func readLine(out io.Reader) (string, error) {
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// await asks for the status again and again until it is as wanted.
func (n *node) await(ctx context.Context, most time.Duration, wanted func(rendezvous.Status) bool) (rendezvous.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		status, err := rendezvous.AskStatus(ctx, n.dir)
		if err == nil && wanted(status) {
			return status, nil
		}
		select {
		case <-ctx.Done():
			return status, errors.Join(fmt.Errorf("the node's status is not what was waited for: %+v", status.Orgs), err)
		case <-ticker.C:
		}
	}
}

// stop ends the process, at first politely.
func (n *node) stop() error {
	_ = n.command.Process.Signal(os.Interrupt)
	late := time.AfterFunc(stopTime, func() { _ = n.command.Process.Kill() })
	defer late.Stop()
	if err := n.command.Wait(); err != nil {
		return fmt.Errorf("the node ended: %w", err)
	}
	return nil
}

// freePort returns a port that TCP and UDP both have free on loopback.
func freePort() (int, error) {
	for range 100 {
		stream, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := stream.Addr().(*net.TCPAddr).Port
		packets, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		_ = stream.Close()
		if err == nil {
			return port, packets.Close()
		}
	}
	return 0, errors.New("no port is free for both TCP and UDP")
}

// diskUse returns the bytes of the files below dir.
func diskUse(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // a file that went away meanwhile
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
