package api

import "time"

// NodeHealth is how a rendezvous node is. Nothing in it says who writes to whom.
type NodeHealth struct {
	Org       string       `json:"org"`
	OrgName   string       `json:"org_name"`
	Node      string       `json:"node"`
	Addresses List[string] `json:"addresses"`
	Reachable bool         `json:"reachable"`
	Why       string       `json:"why,omitzero"` // it is not

	// Of one that is reachable:
	Version       string    `json:"version,omitzero"`
	Since         time.Time `json:"since,omitzero"`  // when it was started
	Signed        time.Time `json:"signed,omitzero"` // when it signed its newest checkpoint
	Clock         int64     `json:"clock"`           // seconds by which its clock is ahead of this computer's
	DevicesOnline int       `json:"devices_online"`
	Entries       int64     `json:"entries"` // pairs of a message that waits and a device that it waits for
	Bodies        int64     `json:"bodies"`
	Bytes         int64     `json:"bytes"`
	Free          int64     `json:"free"` // bytes left on its disk, rounded down to a power of two; 0: it does not know
	// How much is used, in percent, of the organization's share of what may wait, and of all that may. Of a node that is Shared it
	// is 80, 90, 95 or 100 if it is that or more, else 0.
	ShareUsed int    `json:"share_used"`
	RoomUsed  int    `json:"room_used"`
	Shared    bool   `json:"shared"` // it serves other organizations too
	Day       Undone `json:"day"`    // of the last 24 hours, but not of before it was started
	Week      Undone `json:"week"`   // of the last seven days, likewise

	// Of one that serves this organization alone:
	Oldest  time.Time    `json:"oldest,omitzero"` // when what waits longest was accepted; zero: nothing waits
	Disk    int64        `json:"disk"`            // bytes of the files of what waits
	Damaged int64        `json:"damaged"`         // things on its disk that it cannot read
	Damage  List[string] `json:"damage"`          // the first of them

	Archive *ArchiveHealth `json:"archive,omitempty"` // of an organization that has one

	Warnings List[HealthWarning] `json:"warnings"`
}

// Undone counts what was not delivered, by why.
type Undone struct {
	Expired   int64 `json:"expired"`   // returned: pairs of a message and a device whose time was over
	Parked    int64 `json:"parked"`    // returned: the device stayed away for too long
	Shut      int64 `json:"shut"`      // returned: the device is barred, or its member was removed
	Full      int64 `json:"full"`      // refused for now: there was no room
	Leave     int64 `json:"leave"`     // refused: no leave, by the receiver or the policy
	Allowance int64 `json:"allowance"` // refused: more introductions than a day has
	Other     int64 `json:"other"`     // refused otherwise
}

// Returned counts what came back to its senders.
func (u Undone) Returned() int64 { return u.Expired + u.Parked + u.Shut }

// HealthWarning is something that an admin should look at.
type HealthWarning struct {
	Kind HealthWarningKind `json:"kind"`
	// Count is days, bytes, seconds or how many, as the kind says.
	Count int64 `json:"count,omitzero"`
}

// HealthWarningKind is what a warning is about. The list is append-only. [API-81]
type HealthWarningKind string

// The kinds.
const (
	HealthUnreachable HealthWarningKind = "unreachable"
	HealthOld         HealthWarningKind = "old"      // a message has waited for Count days
	HealthDisk        HealthWarningKind = "disk"     // Count bytes are left, which is little
	HealthDamage      HealthWarningKind = "damage"   // Count things cannot be read
	HealthUnsigned    HealthWarningKind = "unsigned" // no checkpoint was signed for Count minutes
	HealthClock       HealthWarningKind = "clock"    // its clock is off by Count seconds
	HealthFull        HealthWarningKind = "full"     // Count posts found no room in the last day
	HealthReturned    HealthWarningKind = "returned" // Count deliveries came back to their senders in the last day

	HealthShare    HealthWarningKind = "share"       // Count percent of the organization's share of the room are used
	HealthRoom     HealthWarningKind = "room"        // Count percent of its room are used
	HealthDiskFull HealthWarningKind = "disk_full"   // it takes nothing: its disk is full
	HealthQueue    HealthWarningKind = "queue_fails" // it takes nothing: what waits there cannot be written or read

	HealthArchive       HealthWarningKind = "archive"        // the archive is behind: Count envelopes wait for it
	HealthArchiveMissed HealthWarningKind = "archive_missed" // Count envelopes of archived accounts went on without a copy
)
