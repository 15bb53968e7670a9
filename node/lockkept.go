package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/lock"
)

const (
	// preparedFor is how long a lock is held that no message has taken: long enough for large files to be uploaded.
	preparedFor = time.Hour
	// mostPrepared and mostOpened are how many locks are prepared, and messages open, at once: of more the oldest goes.
	mostPrepared = 16
	mostOpened   = 16
)

// keptLocks is what is held in memory and nowhere else: locks of messages to come, with their passphrases, and what messages
// say that are open. What is over is erased by keepLocks. [LOCK-8]
type keptLocks struct {
	turn sync.Mutex    // one passphrase at a time: each takes up to 256 MiB
	wake chan struct{} // capacity 1: something is over earlier than what was waited for

	mu       sync.Mutex // innermost
	prepared map[string]*preparedLock
	opened   map[keys.MessageID]*openedMessage
}

// preparedLock is a lock for one message to come.
type preparedLock struct {
	lock  lock.Lock
	org   keys.OrgID
	until time.Time
}

// openedMessage is what a message says that is open.
type openedMessage struct {
	text  []byte
	keys  lock.Keys // with which its files are opened
	until time.Time
}

func (m *openedMessage) erase() {
	clear(m.text)
	clear(m.keys.Passphrase)
	*m = openedMessage{}
}

func newKeptLocks() *keptLocks {
	return &keptLocks{
		wake: make(chan struct{}, 1), prepared: make(map[string]*preparedLock), opened: make(map[keys.MessageID]*openedMessage),
	}
}

// keepLocks erases what is over, until ctx ends, and then everything.
func (n *Node) keepLocks(ctx context.Context) error {
	defer n.locks.eraseAll()
	for {
		next := n.locks.eraseOver(time.Now())
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		case <-n.locks.wake:
			timer.Stop()
		}
	}
}

// eraseOver erases what is over at a time, and returns when the next is.
func (k *keptLocks) eraseOver(now time.Time) (next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next = now.Add(time.Hour)
	for id, p := range k.prepared {
		if !p.until.After(now) {
			p.lock.Clear()
			delete(k.prepared, id)
		} else if p.until.Before(next) {
			next = p.until
		}
	}
	for id, m := range k.opened {
		if !m.until.After(now) {
			m.erase()
			delete(k.opened, id)
		} else if m.until.Before(next) {
			next = m.until
		}
	}
	return next
}

// eraseAll erases everything: the node stops, or is locked.
func (k *keptLocks) eraseAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.prepared {
		p.lock.Clear()
	}
	for _, m := range k.opened {
		m.erase()
	}
	clear(k.prepared)
	clear(k.opened)
}

// ForgetOpened erases what is held of locked messages that are open, and of locks that were prepared: the person locks the node, or
// leaves it. It reports how many messages were open.
func (n *Node) ForgetOpened() int {
	n.locks.mu.Lock()
	open := len(n.locks.opened)
	n.locks.mu.Unlock()
	n.locks.eraseAll()
	return open
}

// prepare holds a lock for a message to come.
func (k *keptLocks) prepare(org keys.OrgID, l lock.Lock, now time.Time) (id string, until time.Time) {
	var raw [16]byte
	rand.Read(raw[:])
	id, until = hex.EncodeToString(raw[:]), now.Add(preparedFor)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.prepared) >= mostPrepared {
		oldest := ""
		for id, p := range k.prepared {
			if oldest == "" || p.until.Before(k.prepared[oldest].until) {
				oldest = id
			}
		}
		k.dropLocked(oldest)
	}
	k.prepared[id] = &preparedLock{lock: l, org: org, until: until}
	wake(k.wake)
	return id, until
}

// use returns a lock that was prepared. Its passphrase is a copy of its own, which the caller clears.
func (k *keptLocks) use(id string) (l lock.Lock, org keys.OrgID, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.prepared[id]
	if !ok || !p.until.After(time.Now()) {
		return l, org, api.Errorf(api.CodeNotFound, "no lock %q", id).WithHint("it was used, or is older than an hour: prepare it again")
	}
	return p.lock.Copy(), p.org, nil
}

// drop erases a lock that was prepared, and reports whether it was there.
func (k *keptLocks) drop(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropLocked(id)
}

func (k *keptLocks) dropLocked(id string) bool {
	p, ok := k.prepared[id]
	if ok {
		p.lock.Clear()
		delete(k.prepared, id)
	}
	return ok
}

// open holds what a message says until a time.
func (k *keptLocks) open(id keys.MessageID, m *openedMessage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if before, ok := k.opened[id]; ok {
		before.erase()
		delete(k.opened, id)
	}
	for len(k.opened) >= mostOpened {
		var oldest keys.MessageID
		var at time.Time
		for id, m := range k.opened {
			if at.IsZero() || m.until.Before(at) {
				oldest, at = id, m.until
			}
		}
		k.opened[oldest].erase()
		delete(k.opened, oldest)
	}
	k.opened[id] = m
	wake(k.wake)
}

// isOpen returns copies of what a message says, if it is open.
func (k *keptLocks) isOpen(id keys.MessageID) (text string, with lock.Keys, until time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, ok := k.opened[id]
	if !ok || !m.until.After(time.Now()) {
		return "", with, until, false
	}
	with = m.keys
	with.Passphrase = append([]byte(nil), m.keys.Passphrase...)
	return string(m.text), with, m.until, true
}

// close erases what is held of a message, or of all with the zero id, and returns of how many.
func (k *keptLocks) close(id keys.MessageID) (closed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for open, m := range k.opened {
		if open == id || id == (keys.MessageID{}) {
			m.erase()
			delete(k.opened, open)
			closed++
		}
	}
	return closed
}
