// Package nearby is how devices on one local network find each other without a server: what one announces, others there hear.
//
// An announcement says for what it is (Kind), a port, and a payload that only those should understand for whom it is. What is
// heard is a hint and proves nothing: whoever is at the addresses proves who they are when they are called.
//
// The package must not know what payloads mean, who is a member, or how one is called.
package nearby
