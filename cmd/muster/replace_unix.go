//go:build unix

package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"muster.example/node/localapi"
	"muster.example/node/vault"
)

// Names of the flags that this program gives itself.
const (
	takenFlag = "taken"
	keptFlag  = "kept"
)

// none stands for a descriptor that was not left.
const none = -1

// replaceProgram has this program begin anew in its own process, with the folder locked. Descriptors that were left stay open.
// [ADR 42]
func replaceProgram(dir string, o startOptions, lock *os.File, left *localapi.Left) error {
	self, err := ownProgram()
	if err != nil {
		return err
	}
	numbers := make([]any, 0, 5)
	for _, file := range []*os.File{lock, left.Sessions, left.Socket, left.First, left.Second} {
		number := none
		if file != nil {
			number = int(file.Fd())
			if _, err := unix.FcntlInt(uintptr(number), unix.F_SETFD, 0); err != nil { // else exec closes it
				return fmt.Errorf("leaving a descriptor: %w", err)
			}
		}
		numbers = append(numbers, number)
	}
	err = unix.Exec(self, lockedArguments(dir, o, fmt.Sprintf(takenForm, numbers...)), os.Environ())
	return fmt.Errorf("beginning anew with %s: %w", self, err)
}

// takenForm is what --taken says: the descriptors of the folder's lock, of the sessions, the socket, and loopback twice.
const takenForm = "%d,%d,%d,%d,%d"

// ownProgram returns a path at which this very program lies. On Linux that works also when another version was put in its place.
func ownProgram() (string, error) {
	self, err := os.Executable()
	if runtime.GOOS != "linux" {
		return self, err
	}
	const running = "/proc/self/exe"
	if err == nil {
		there, err1 := os.Stat(self)
		own, err2 := os.Stat(running)
		if err1 == nil && err2 == nil && os.SameFile(there, own) {
			return self, nil
		}
	}
	return running, nil
}

// hold takes the folder, from the program whose place this one takes if there is one, with what else that left.
func (o startOptions) hold(dir string) (*vault.Held, *localapi.Left, error) {
	left := new(localapi.Left)
	if o.taken == "" {
		held, err := vault.Hold(dir)
		return held, left, err
	}
	var n [5]int
	if _, err := fmt.Sscanf(o.taken, takenForm, &n[0], &n[1], &n[2], &n[3], &n[4]); err != nil {
		return nil, nil, usage("--%s is for Muster itself", takenFlag)
	}
	var files [5]*os.File
	for i, number := range n {
		if number == none {
			continue
		}
		if _, err := unix.FcntlInt(uintptr(number), unix.F_SETFD, unix.FD_CLOEXEC); number < 3 || err != nil {
			return nil, nil, usage("--%s is for Muster itself", takenFlag)
		}
		files[i] = os.NewFile(uintptr(number), "left")
	}
	left.Sessions, left.Socket, left.First, left.Second = files[1], files[2], files[3], files[4]
	if files[0] == nil {
		held, err := vault.Hold(dir)
		return held, left, err
	}
	held, err := vault.TakeOver(dir, files[0])
	return held, left, err
}

// keep is not needed here: this program can take its own place.
func (a *app) keep(string, startOptions) (bool, error) { return false, nil }
