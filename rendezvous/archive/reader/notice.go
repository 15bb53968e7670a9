package reader

import (
	"fmt"
	"time"

	"muster.example/internal/keys"
)

// NoticeKind says what a notice is about, in one word that programs may rely on.
type NoticeKind string

// The kinds of notice. [ARC-62]
const (
	NoticeStore      NoticeKind = "store"      // the store is not as the service wrote it; What says how
	NoticeUnopened   NoticeKind = "unopened"   // an item that does not open
	NoticeDiffers    NoticeKind = "differs"    // its receiver opened something else than the archive
	NoticeAbsent     NoticeKind = "absent"     // its receiver has it, the archive never got it
	NoticeGap        NoticeKind = "gap"        // a node says that it did not keep copies
	NoticeNumbers    NoticeKind = "numbers"    // numbers of an author's line that the archive does not have
	NoticeLine       NoticeKind = "line"       // a message names another one before it than the archive has there
	NoticeStranger   NoticeKind = "stranger"   // the roll does not know who signed
	NoticeUnreadable NoticeKind = "unreadable" // it opened, and this program does not know what it says
	NoticeFile       NoticeKind = "file"       // an attachment that is not whole
)

// Notice is one thing that is not as it should be.
type Notice struct {
	Kind     NoticeKind      `json:"kind"`
	Item     uint64          `json:"item,omitempty"`
	Envelope keys.EnvelopeID `json:"envelope,omitzero"`
	Device   keys.PublicKey  `json:"device,omitzero"` // who sent it, or who attests
	Name     string          `json:"name,omitempty"`  // of that device's member
	Time     time.Time       `json:"time,omitzero"`   // when it came to the archive
	What     string          `json:"what"`
}

// String says it in one line.
func (n Notice) String() string {
	text := string(n.Kind)
	if n.Item > 0 {
		text += fmt.Sprintf(" item %d", n.Item)
	}
	if !n.Time.IsZero() {
		text += " of " + n.Time.UTC().Format(time.RFC3339)
	}
	if !n.Device.IsZero() {
		text += " by " + n.Name + " (device " + n.Device.Short() + ")"
	}
	if !n.Envelope.IsZero() {
		text += " envelope " + n.Envelope.String()
	}
	return text + ": " + n.What
}
