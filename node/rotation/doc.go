// Package rotation puts a device's folder under a new data key, and takes away what is left of earlier ones.
//
// It owns what in the folder is under the data key and by which names, the order in which that is made anew, and when the old is destroyed. A
// folder is rotated while no node runs in it: who calls holds it. The package must not know what entries mean, how the folder is
// unlocked, nor what a rendezvous node is: the one file of that is sealed anew by a function of the caller's.
//
// Spec: docs/spec/07-storage.md part 3, [STO-74] to [STO-76].
package rotation
