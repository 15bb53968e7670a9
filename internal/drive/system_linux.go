package drive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const mountinfo = "/proc/self/mountinfo"

func list() ([]Volume, error) {
	text, err := os.ReadFile(mountinfo)
	if err != nil {
		return nil, fmt.Errorf("drive: reading what is mounted: %w", err)
	}
	mounts, err := parseMounts(string(text))
	if err != nil {
		return nil, err
	}
	return volumesOf(mounts, isRemovable), nil
}

// isRemovable asks sysfs: a device that says so, or one behind USB or in a card reader.
func isRemovable(device string) bool {
	target, err := filepath.EvalSymlinks(filepath.Join("/sys/dev/block", device))
	if err != nil {
		return false // not a block device
	}
	if strings.Contains(target, "/usb") || strings.Contains(target, "/mmc_host/") {
		return true
	}
	for _, dir := range []string{target, filepath.Dir(target)} { // a partition's disk is the folder above
		if says, err := os.ReadFile(filepath.Join(dir, "removable")); err == nil {
			return strings.TrimSpace(string(says)) == "1"
		}
	}
	return false
}

// watch waits for the kernel to say that the list has changed: it reports that as an error and a priority event of the file
// once, to whoever asks first. So the file is opened past package os, whose runtime would ask too, and take some of the changes away.
// A pipe wakes the wait when ctx ends.
func watch(ctx context.Context, changed func()) error {
	file, err := unix.Open(mountinfo, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("drive: opening the list of what is mounted: %w", err)
	}
	defer unix.Close(file) //nolint:errcheck // only read
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("drive: making a pipe: %w", err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_, _ = unix.Write(pipe[1], []byte{0})
	})
	defer func() {
		if !stop() {
			<-ended // it writes to the pipe
		}
		_, _ = unix.Close(pipe[0]), unix.Close(pipe[1])
	}()
	changed()
	for {
		fds := []unix.PollFd{
			{Fd: int32(file), Events: unix.POLLPRI | unix.POLLERR}, {Fd: int32(pipe[0]), Events: unix.POLLIN},
		}
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("drive: waiting for a change of what is mounted: %w", err)
		}
		if fds[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0 {
			changed()
		}
	}
}
