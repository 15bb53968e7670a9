package queue_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"muster.example/rendezvous/queue"
)

// point is a place in the queue's work on its folder at which a process kills itself: at a call of one kind for one kind
// of file, before it, after it or, of a write, in its midst.
type point struct {
	call string // create, write, sync, rename, remove, or folder for the folder's sync
	file string // how the file's name begins and ends: "seg log"; "-" for the folder
	when string // before, half, after
	nth  int    // the call at which, from 1 on
}

func (p point) String() string {
	return fmt.Sprintf("%s %s %s %d", p.call, strings.ReplaceAll(p.file, " ", "_"), p.when, p.nth)
}

func parsePoint(text string) (p point, err error) {
	_, err = fmt.Sscan(text, &p.call, &p.file, &p.when, &p.nth)
	p.file = strings.ReplaceAll(p.file, "_", " ")
	return p, err
}

// points are all places that a process comes to which opens a folder and lets segments come and go.
func points() (all []point) {
	for _, nth := range []int{1, 3} {
		for _, when := range []string{"before", "after"} {
			for _, call := range []string{"create seg log", "write seg log", "sync seg log", "create seg ack", "write seg ack", "write slots", "sync slots", "remove seg log"} {
				name, file, _ := strings.Cut(call, " ")
				all = append(all, point{name, file, when, nth})
			}
			all = append(all, point{"folder", "-", when, nth})
		}
		all = append(all, point{"write", "seg log", "half", nth}, point{"write", "seg ack", "half", nth})
	}
	return all
}

// killing is a folder in which the process kills itself at a point.
func killing(dir, at string) queue.Files {
	if at == "" {
		return queue.OSFiles(dir)
	}
	p, err := parsePoint(at)
	if err != nil {
		panic(fmt.Sprintf("the point %q: %v", at, err))
	}
	return &killingFiles{Files: queue.OSFiles(dir), at: p}
}

type killingFiles struct {
	queue.Files
	at   point
	seen atomic.Int64
}

func (k *killingFiles) is(call, name string) bool {
	if call != k.at.call {
		return false
	}
	begin, end, _ := strings.Cut(k.at.file, " ")
	if call != "folder" && !(strings.HasPrefix(name, begin+"-") && strings.HasSuffix(name, end)) {
		return false
	}
	return k.seen.Add(1) == int64(k.at.nth)
}

// around does a call, and kills the process before or after it if it is the one.
func (k *killingFiles) around(call, name string, do, half func()) {
	here := k.is(call, name)
	if here && k.at.when == "half" {
		half()
		die()
	}
	if here && k.at.when == "before" {
		die()
	}
	do()
	if here {
		die()
	}
}

// die is SIGKILL: nothing is flushed, nothing deferred.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // the signal comes
}

func (k *killingFiles) Create(name string) (f queue.File, err error) {
	k.around("create", name, func() { f, err = k.Files.Create(name) }, nil)
	return killingFile{f, k, name}, err
}

func (k *killingFiles) Open(name string) (queue.File, error) {
	f, err := k.Files.Open(name)
	return killingFile{f, k, name}, err
}

func (k *killingFiles) Rename(from, to string) (err error) {
	k.around("rename", to, func() { err = k.Files.Rename(from, to) }, nil)
	return err
}

func (k *killingFiles) Remove(name string) (err error) {
	k.around("remove", name, func() { err = k.Files.Remove(name) }, nil)
	return err
}

func (k *killingFiles) Sync() (err error) {
	k.around("folder", "", func() { err = k.Files.Sync() }, nil)
	return err
}

type killingFile struct {
	queue.File
	k    *killingFiles
	name string
}

func (f killingFile) WriteAt(p []byte, off int64) (n int, err error) {
	f.k.around("write", f.name, func() { n, err = f.File.WriteAt(p, off) },
		func() { f.File.WriteAt(p[:len(p)/2], off) })
	return n, err
}

func (f killingFile) Sync() (err error) {
	f.k.around("sync", f.name, func() { err = f.File.Sync() }, nil)
	return err
}
