//go:build unix

package queue

import "syscall"

// allocate returns n zero bytes outside the collector's heap: the index would double it, for the collector lets a heap grow
// by as much again as lives in it. On an error there is no memory left.
func allocate(n int) ([]byte, error) {
	return syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

// release gives the memory of allocate back to the system: nobody may use it any more.
func release(memory []byte) { _ = syscall.Munmap(memory) }
