package api

import "time"

// Archive is an organization's write-only archive as its roll names it. Every member may see it. [API-130]
type Archive struct {
	Org     string `json:"org"`
	OrgName string `json:"org_name"`
	Named   bool   `json:"named"` // there is one; else the rest is empty

	Service string      `json:"service,omitzero"` // key of the service that stores
	Key     string      `json:"key,omitzero"`     // what is sealed to: age1pq1…
	Label   string      `json:"label,omitzero"`
	Mode    ArchiveMode `json:"mode,omitzero"`
	Bytes   int64       `json:"bytes"` // that may wait for it before Mode decides
	Age     int64       `json:"age"`   // seconds in which it may take nothing
	Since   time.Time   `json:"since,omitzero"`

	Accounts List[ArchivedAccount] `json:"accounts"` // whose messages go there
	Own      bool                  `json:"own"`      // this account is one of them
}

// ArchiveMode is what happens to messages of archived accounts while more waits for the archive than may. [API-130]
type ArchiveMode string

// The modes.
const (
	ArchiveOpen   ArchiveMode = "open"   // they go on, without a copy if need be
	ArchiveClosed ArchiveMode = "closed" // they wait
)

// ArchivedAccount is an account whose messages go to the archive.
type ArchivedAccount struct {
	Person
	Since time.Time `json:"since"` // when it was designated, by the roll
}

// ArchiveRequest changes the archive, or whose messages go there, by an admin. [API-131]
type ArchiveRequest struct {
	Org string `json:"org,omitzero"`

	Set       *ArchiveSetting `json:"set,omitempty"` // replaces what is set
	Designate List[string]    `json:"designate"`     // members, by name or id
	Release   List[string]    `json:"release"`

	RootWords string `json:"root_words,omitzero"` // else by this device, as an admin's
}

// ArchiveSetting is what an admin sets of the archive. What is zero stays as it is, or is the default.
type ArchiveSetting struct {
	Service string      `json:"service,omitzero"`
	Key     string      `json:"key,omitzero"`
	Label   string      `json:"label,omitzero"`
	Mode    ArchiveMode `json:"mode,omitzero"`
	Bytes   int64       `json:"bytes,omitzero"`
	Age     int64       `json:"age,omitzero"` // seconds
}

// ArchiveResult is the archive as it is now.
type ArchiveResult struct {
	Archive
	Already bool `json:"already"` // nothing was to be done
}

// ArchiveNotice says whether what is to be sent goes to an archive. [API-132]
type ArchiveNotice struct {
	Archived bool   `json:"archived"`
	By       string `json:"by,omitzero"`    // the organization's name
	Label    string `json:"label,omitzero"` // the archive's
	First    bool   `json:"first"`          // this account was not told yet that the conversation is archived
}

// ArchiveHealth is how far the archive is behind, as the rendezvous node says it to admins.
type ArchiveHealth struct {
	Connected bool      `json:"connected"` // its service listens
	Behind    bool      `json:"behind"`    // more waits for it than may
	Waiting   int64     `json:"waiting"`   // envelopes
	Bytes     int64     `json:"bytes"`
	Since     time.Time `json:"since,omitzero"` // something waits, and nothing was taken since
	Missed    int64     `json:"missed"`         // envelopes that went on without a copy, in all
}
