package api

import "time"

// StatusResult is what the node is and whom it reaches.
type StatusResult struct {
	Version string          `json:"version"`
	Orgs    List[OrgStatus] `json:"orgs"`
	// Applications are requests of this device for re-admission that have not taken effect.
	Applications List[Application] `json:"applications"`
	// Joining are applications of this device to join an organization.
	Joining List[Candidacy] `json:"joining"`
	// Wiped are the organizations whose data this device removed because a bar asked for it.
	Wiped List[Wiped] `json:"wiped"`
	// Backup is how backups stand.
	Backup BackupStatus `json:"backup"`
}

// OrgStatus is one organization's part of StatusResult.
type OrgStatus struct {
	Org        string                 `json:"org"`
	Name       string                 `json:"name"`
	Member     string                 `json:"member"`      // own member id
	MemberName string                 `json:"member_name"` // own name there
	Devices    List[DeviceStatus]     `json:"devices"`     // of this account
	Roll       RollStatus             `json:"roll"`
	Rendezvous List[RendezvousStatus] `json:"rendezvous"`
	Peers      List[PeerStatus]       `json:"peers"`   // devices of members that a direct connection stands to
	Missing    uint64                 `json:"missing"` // messages known to have been sent to this account that have not come
	// MissingSince is when the oldest of the gaps was noticed that they are in; zero if none are missing.
	MissingSince time.Time `json:"missing_since,omitzero"`
	// Parked is there for 30 days after this device stayed away for so long that the rendezvous node kept nothing for it.
	Parked *Parked      `json:"parked,omitempty"`
	Outbox int          `json:"outbox"` // (message, device) pairs that no receipt has come for
	Alarms List[string] `json:"alarms"` // what a person must know: a fork, a clone, a clock; one line each
	// Raised are the alarms again, in the same order, for programs that say what each means.
	Raised List[Alarm] `json:"raised"`
	// Warnings name members whose verification does not stand any more, and what changed; one line each.
	Warnings List[string] `json:"warnings"`
	Notices  List[Notice] `json:"notices"` // of the last 30 days, oldest first
	// Evidence is the paths of the files that prove an alarm to anybody, oldest first: `muster check --evidence FILE`.
	Evidence List[string] `json:"evidence"`
	// Excluded says why this device may not act; FrozenUntil is in the past, or zero, while the account is not frozen;
	// Readmissions of the own account wait, and are refused by who did not ask for them.
	Excluded     *Exclusion    `json:"excluded,omitzero"`
	FrozenUntil  time.Time     `json:"frozen_until,omitzero"`
	Readmissions List[Waiting] `json:"readmissions"`
	// Newcomers have joined, and the roll does not confirm it yet.
	Newcomers List[Newcomer] `json:"newcomers"`
	// Unconfirmed says of this account itself that the roll does not have it.
	Unconfirmed Unconfirmed `json:"unconfirmed,omitzero"`
}

// Unconfirmed says that the roll does not have somebody who joined ahead of it; empty: it has, or nobody did. [API-187]
type Unconfirmed string

// What it can be.
const (
	UnconfirmedYet   Unconfirmed = "yet"   // it may have them later
	UnconfirmedNever Unconfirmed = "never" // their join was not taken: they were never a member
)

// Newcomer is who joined by an invitation, and is not on the roll as it is known here. [API-186]
type Newcomer struct {
	Member string    `json:"member"` // the id that they will have
	Device string    `json:"device"`
	Name   string    `json:"name"`
	Clash  bool      `json:"clash,omitzero"` // it looks like the name of another newcomer: the roll will take one of them
	By     Person    `json:"by"`             // who invited them
	Since  time.Time `json:"since"`          // when this device heard of it
	Until  time.Time `json:"until,omitzero"` // when it is forgotten unless the roll has it
}

// Parked is a time in which the rendezvous node kept nothing for this device. [API-58]
type Parked struct {
	From     time.Time `json:"from"`      // the day on which it last came before
	Until    time.Time `json:"until"`     // the day on which it came back
	Came     int       `json:"came"`      // messages of that time that other devices of the account have given since
	CaughtUp bool      `json:"caught_up"` // it has been in step with another one since
}

// Alarm is one of OrgStatus.Alarms.
type Alarm struct {
	Time time.Time `json:"time"`
	// Kind is roll, fork, head, stale, clock, withheld, prekey, clone, verify, readmission, sequence, shrunk or returns. The list is append-only.
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Evidence string `json:"evidence,omitzero"` // path of the file that proves it
}

// DeviceStatus is one device of the own account.
type DeviceStatus struct {
	Device string `json:"device"`
	This   bool   `json:"this"`
	Path   Path   `json:"path,omitzero"` // as in Device
}

// RollStatus says how far the roll is known.
type RollStatus struct {
	Size  uint64    `json:"size"`
	Fresh bool      `json:"fresh"` // a checkpoint younger than the policy's offline grace is held
	Time  time.Time `json:"time"`  // of the newest checkpoint
	// Distrusted: the rendezvous node was caught lying, and no event is taken from it any more.
	Distrusted bool `json:"distrusted"`
}

// RendezvousStatus is one rendezvous node of the organization.
type RendezvousStatus struct {
	Address   string `json:"address"`
	Node      string `json:"node"` // its peer id
	Connected bool   `json:"connected"`
	Role      string `json:"role,omitzero"`       // NodeOrders, NodeServes
	LatencyMS int64  `json:"latency_ms,omitzero"` // of an answer, while connected
	Posting   bool   `json:"posting,omitzero"`    // this device posts to it
	Here      *Here  `json:"here,omitzero"`       // it is part of this very program
}

// Here is how the rendezvous node in this program is. While it does not run, members hold what they send.
type Here struct {
	Running       bool         `json:"running"`
	Why           string       `json:"why,omitzero"`   // it does not
	Since         time.Time    `json:"since,omitzero"` // it does
	Addresses     List[string] `json:"addresses"`      // where it says that it is
	Listen        List[string] `json:"listen"`         // where it was told to listen
	Announce      List[string] `json:"announce"`       // what it was told to announce besides
	Members       int          `json:"members"`        // of this organization; so are those that follow
	DevicesOnline int          `json:"devices_online"`
	Entries       int64        `json:"entries"` // pairs of a message that waits and a device that it waits for
	Bodies        int64        `json:"bodies"`
	Bytes         int64        `json:"bytes"`
	Moved         bool         `json:"moved"`  // to another node: it stays until nothing waits here and every device knows
	Untold        int          `json:"untold"` // devices that do not know yet
}

// HereRequest has the rendezvous node in this program listen elsewhere, or announce other addresses; what is empty stays.
type HereRequest struct {
	Listen   []string `json:"listen,omitempty"`
	Announce []string `json:"announce,omitempty"`
}

// PeerStatus is a device of a member in direct reach.
type PeerStatus struct {
	Device  string `json:"device"`
	Member  string `json:"member"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Login is a one-time link to the API on loopback.
type Login struct {
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
}

// Session answers the one-time link until the page exists.
type Session struct {
	Token string `json:"token"` // for "Authorization: Bearer …", until the node stops
}
