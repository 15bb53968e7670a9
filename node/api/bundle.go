package api

import "time"

// BundleRequest asks for a bundle: a file that carries what waits for members to where no server can be reached. [API-160]
type BundleRequest struct {
	Org    string        `json:"org,omitzero"`   // name or id; needed only where there is more than one
	For    List[string]  `json:"for"`            // members or groups, by name or id; none: everybody
	Split  int64         `json:"split,omitzero"` // the most bytes of a part; 0: one part
	Resume *BundleResume `json:"resume,omitzero"`
}

// BundleResume is what an earlier try has written already: whole frames from the first part on. [API-160]
type BundleResume struct {
	First []byte `json:"first"` // the first frame of all
	Part  uint64 `json:"part"`  // that is not complete, from 1
	Size  int64  `json:"size"`  // bytes of it
	Items uint64 `json:"items"` // in it
	Tags  []byte `json:"tags"`  // 12 bytes for each frame of all parts, in order
}

// BundleWritten says what a bundle holds. It is the last part of the answer. [API-160]
type BundleWritten struct {
	Bundle    string    `json:"bundle"` // names it for BundleKept
	Org       string    `json:"org"`
	Made      time.Time `json:"made"`
	Parts     int       `json:"parts"`
	Bytes     int64     `json:"bytes"`
	Own       int       `json:"own"`       // envelopes of this device
	Carried   int       `json:"carried"`   // envelopes of others
	Receipts  int       `json:"receipts"`  // on their way back
	Entries   int       `json:"entries"`   // of the roll
	Bars      int       `json:"bars"`      // that the roll may lack
	Prekeys   int       `json:"prekeys"`   // of devices, so that one can write to them
	Unsealed  int       `json:"unsealed"`  // messages, or parts of them, that cannot be sealed without a server
	TooLarge  int       `json:"too_large"` // envelopes that fit no part of the size asked for
	Left      int       `json:"left"`      // for another bundle: this one is as long as one may be
	Messages  int       `json:"messages"`  // of this device, whole or in part
	Receivers int       `json:"receivers"` // devices that something is for
}

// BundleKeptRequest says that a bundle is written durably: its messages are shown as carried from then on. [API-161]
type BundleKeptRequest struct {
	Bundle string `json:"bundle"`
}

// BundleKept says how many messages are shown as carried.
type BundleKept struct {
	Messages int `json:"messages"`
}

// BundleImportRequest says of which organization a bundle is. [API-162]
type BundleImportRequest struct {
	Org string `json:"org,omitzero"` // name or id; empty: whichever can read it
}

// BundleImport says what came of one part of a bundle. [API-162]
type BundleImport struct {
	Org       string    `json:"org"`
	OrgName   string    `json:"org_name"`
	Maker     string    `json:"maker,omitzero"` // member or rendezvous node that made it; empty if that cannot be read
	Made      time.Time `json:"made,omitzero"`  // by the maker's clock
	Part      int       `json:"part,omitzero"`
	Last      bool      `json:"last"`     // no further part follows
	Whole     bool      `json:"whole"`    // nothing is missing from this part
	Opened    int       `json:"opened"`   // envelopes for this device that are new
	Already   int       `json:"already"`  // that were here
	Unopened  int       `json:"unopened"` // for this device, that do not open; their senders hear so
	Waiting   int       `json:"waiting"`  // for this device, that need another part first
	Carried   int       `json:"carried"`  // for others, now carried here
	Receipts  int       `json:"receipts"` // for this device's own envelopes
	Passed    int       `json:"passed"`   // receipts for others, now carried here
	Refused   int       `json:"refused"`  // whose sender is barred or no member, or did not sign them
	Expired   int       `json:"expired"`
	Dropped   int       `json:"dropped"` // that were carried here and had to make room
	Entries   int       `json:"entries"` // new ones of the roll
	Behind    bool      `json:"behind"`  // it has more of the roll, which cannot be taken in yet
	Bars      int       `json:"bars"`
	Prekeys   int       `json:"prekeys"`
	Unknown   int       `json:"unknown"` // of a kind that this version does not know
	Damage    int       `json:"damage"`  // places where nothing whole lies
	Malformed int       `json:"malformed"`

	Damaged List[BundleDamage] `json:"damaged"` // the first of these places
}

// BundleDamage is a place of a file.
type BundleDamage struct {
	From int64 `json:"from"` // bytes
	To   int64 `json:"to"`   // not included
	Cut  bool  `json:"cut"`  // the file ends here
}

// Carrying is what a device carries for others in one organization. [API-163]
type Carrying struct {
	Org       string    `json:"org"`
	OrgName   string    `json:"org_name"`
	Envelopes int       `json:"envelopes"`
	Bytes     int64     `json:"bytes"`
	Oldest    time.Time `json:"oldest,omitzero"` // since when
	Receipts  int       `json:"receipts"`        // on their way back
	Pending   int       `json:"pending"`         // own envelopes that some device has not acknowledged
	Unsealed  int       `json:"unsealed"`        // own messages that are not sealed yet

	For List[CarryingFor] `json:"for"` // whom it is for, by name
}

// CarryingFor is what waits on a device for one member. [API-180]
type CarryingFor struct {
	Member   string `json:"member"`
	Name     string `json:"name"`
	Messages int    `json:"messages"` // of this device, that some device of theirs has not acknowledged
	Carried  int    `json:"carried"`  // envelopes of others
}
