package netwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"muster.example/internal/task"
)

// groups are what the kernel tells of: interfaces, addresses, routes.
const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE

// announcements returns a channel on which the kernel's word comes that something about the networks has changed; what it was is not
// read, since what counts is what there is afterwards. The channel is closed if the kernel says no more. stop ends it.
func announcements(ctx context.Context) (_ <-chan struct{}, stop func(), err error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("opening a socket to the kernel: %w", err)
	}
	if err := unix.Bind(socket, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("asking the kernel for its word: %w", err), unix.Close(socket))
	}
	file := os.NewFile(uintptr(socket), "rtnetlink") // the runtime's poller waits for it
	hints := make(chan struct{}, 1)
	group := task.New(ctx)
	group.Go("networks", func(ctx context.Context) error {
		defer close(hints)
		unhook := context.AfterFunc(ctx, func() { _ = file.Close() })
		defer unhook()
		message := make([]byte, 8<<10) // of what is longer the rest is thrown away
		for {
			if _, err := file.Read(message); err != nil && !errors.Is(err, unix.ENOBUFS) { // some were lost: something has changed
				return nil //nolint:nilerr // who waits for hints looks from time to time then
			}
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	})
	return hints, func() {
		group.Stop()
		_ = group.Wait() // it returns none
		_ = file.Close()
	}, nil
}

// waysOut are the default routes, as the kernel lists them.
func waysOut() (all []string) {
	if text, err := os.ReadFile("/proc/net/route"); err == nil {
		all = append(all, defaultRoutes4(string(text))...)
	}
	if text, err := os.ReadFile("/proc/net/ipv6_route"); err == nil {
		all = append(all, defaultRoutes6(string(text))...)
	}
	return all
}

// defaultRoutes4 returns interface and gateway of the routes to everywhere.
func defaultRoutes4(table string) (all []string) {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 7 && f[1] == "00000000" && f[7] == "00000000" {
			all = append(all, "out "+f[0]+" "+f[2])
		}
	}
	return all
}

// defaultRoutes6 is the same of IPv6, where the kernel lists one on the loopback interface that leads nowhere.
func defaultRoutes6(table string) (all []string) {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 9 && strings.Trim(f[0], "0") == "" && f[1] == "00" && f[9] != "lo" {
			all = append(all, "out "+f[9]+" "+f[4])
		}
	}
	return all
}
