package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"muster.example/node/localapi"
	"muster.example/node/vault"
)

// Names of the flags that this program gives itself.
const (
	takenFlag = "taken"
	keptFlag  = "kept"
)

// statusLocked is how the process that runs the node ends when the folder is to be locked: its keeper starts the next one. No other
// end has it.
const statusLocked = 75

// replaceProgram ends this process, whose memory goes with it. A process cannot begin anew here: the keeper starts another. [ADR 42]
func replaceProgram(_ string, o startOptions, _ *os.File, _ *localapi.Left) error {
	if !o.kept {
		return errors.New("no keeper runs that would start it anew: start it again")
	}
	os.Exit(statusLocked)
	return nil
}

// hold takes the folder. The program before has ended, and left nothing open.
func (o startOptions) hold(dir string) (*vault.Held, *localapi.Left, error) {
	held, err := vault.Hold(dir)
	return held, new(localapi.Left), err
}

// keep runs the node in a process of its own, and another with the folder locked whenever that one ended for it. This process never
// sees a key. It reports false in the process that runs the node.
func (a *app) keep(dir string, o startOptions) (bool, error) {
	if file, ok := a.stdin.(*os.File); o.kept || !ok || file != os.Stdin {
		return false, nil
	}
	self, err := os.Executable()
	if err != nil {
		return true, err
	}
	job, err := newJob()
	if err != nil {
		return true, err
	}
	defer windows.CloseHandle(job) //nolint:errcheck // the program ends
	signal.Ignore(os.Interrupt)    // the console tells the node's process too
	arguments := append(os.Args[1:len(os.Args):len(os.Args)], "--"+keptFlag)
	for {
		status, err := runIn(job, self, arguments, o.passphraseFD)
		if err != nil {
			return true, err
		}
		if status != statusLocked {
			os.Exit(status)
		}
		arguments = append(lockedArguments(dir, o, "nothing")[1:], "--"+keptFlag)
	}
}

// newJob makes a job whose processes end with this one.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("making a job: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return 0, fmt.Errorf("limiting a job: %w", err)
	}
	return job, nil
}

// runIn runs this program in the job and returns its exit status.
func runIn(job windows.Handle, self string, arguments []string, passphraseFD int) (int, error) {
	command := exec.Command(self, arguments...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if passphraseFD > 2 {
		command.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(passphraseFD)}}
	}
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("starting the node's process: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(command.Process.Pid))
	if err == nil {
		err = errors.Join(windows.AssignProcessToJobObject(job, process), windows.CloseHandle(process))
	}
	if err != nil {
		command.Process.Kill() //nolint:errcheck // the first error is the one to tell
		return 0, fmt.Errorf("keeping the node's process: %w", err)
	}
	if err := command.Wait(); err != nil {
		if ended, ok := errors.AsType[*exec.ExitError](err); ok {
			return ended.ExitCode(), nil
		}
		return 0, err
	}
	return 0, nil
}
