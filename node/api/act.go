package api

import (
	"strconv"
	"strings"
	"time"
)

// EditRequest gives an own message another text, for all who have it.
type EditRequest struct {
	Org     string  `json:"org,omitzero"` // name or id; needed only where ID is in doubt
	ID      string  `json:"id"`
	Subject *string `json:"subject,omitzero"` // absent: as it was
	Text    string  `json:"text"`
	// Mentions are whom the new text mentions, by name or id.
	Mentions List[string] `json:"mentions"`
}

// DeleteRequest takes own messages back: every device that has them erases what they said.
type DeleteRequest struct {
	Org string       `json:"org,omitzero"`
	IDs List[string] `json:"ids"`
	// Undo is for how many seconds the deletion waits and can be taken back. Until then the messages are not shown.
	Undo int `json:"undo,omitzero"`
}

// ReactRequest sets a reaction beside a message, or takes it off.
type ReactRequest struct {
	Org   string `json:"org,omitzero"`
	ID    string `json:"id"`
	Emoji string `json:"emoji"`
	Off   bool   `json:"off,omitzero"`
}

// ReportRequest shows messages to the moderators of their group, or to the admins.
type ReportRequest struct {
	Org    string       `json:"org,omitzero"`
	IDs    List[string] `json:"ids"`             // just these are shown
	Text   string       `json:"text,omitzero"`   // why; at most 140 characters of plain text
	Admins bool         `json:"admins,omitzero"` // to the admins, though the messages are of a group
}

// Version is a text that a message had before it was edited.
type Version struct {
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Time    time.Time `json:"time"`
}

// Reaction is who set one sign beside a message.
type Reaction struct {
	Emoji   string       `json:"emoji"`
	Members List[Person] `json:"members"`
}

// Sighting says when a member first read a message, by the member's own clock.
type Sighting struct {
	Person
	Time time.Time `json:"time"`
}

// Progress is how far a sent message came with one member: on how many of the member's devices it is.
type Progress struct {
	Person
	Devices   int   `json:"devices"`
	Delivered int   `json:"delivered"`
	State     State `json:"state"` // of the device that it came furthest with
	Lack      Lack  `json:"lack,omitzero"`
	// Via are the ways that it went to the devices that have it. Carriers and Bundled are of the devices that lack it: by how many others it is
	// carried, at most, and when it was last written into a bundle. [API-182]
	Via      List[Via] `json:"via"`
	Carriers int       `json:"carriers,omitzero"`
	Bundled  time.Time `json:"bundled,omitzero"`
	// Reason is why, of StateReturned and StateRefused.
	Reason   StateReason `json:"reason,omitzero"`
	Returned int         `json:"returned,omitzero"` // devices that it was returned for: no reason to worry while another has it
}

// Forwarded is a message that was shown by another than its author. Its author's device signed it. [API-20]
type Forwarded struct {
	ID          string           `json:"id"`
	Verified    bool             `json:"verified"`        // the roll says whose device signed it; else the author is unknown
	Hidden      bool             `json:"hidden,omitzero"` // its author is blocked: shown on demand only, and in a report
	Barred      bool             `json:"barred"`          // that device is none of the author's any more: whoever has it may have signed
	From        string           `json:"from"`
	FromMember  string           `json:"from_member"`
	FromDevice  string           `json:"from_device"`
	To          List[Person]     `json:"to"`
	Subject     string           `json:"subject"`
	Text        string           `json:"text"`
	Locked      bool             `json:"locked,omitzero"` // the text is: who can open it opens it where it was first sent, or with the age tool
	Time        time.Time        `json:"time"`
	Edited      time.Time        `json:"edited,omitzero"`
	Attachments List[Attachment] `json:"attachments"` // by name: the files stay where they are
	Forwarded   List[Forwarded]  `json:"forwarded"`
}

// Setting is something that a person chooses for an account.
type Setting struct {
	Org     string `json:"org"`
	OrgName string `json:"org_name"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default bool   `json:"default"` // nobody chose it
	About   string `json:"about"`
}

// SettingsQuery asks for settings.
type SettingsQuery struct {
	Org string `json:"org,omitzero"` // name or id; empty: of all organizations
}

// SettingRequest chooses a value.
type SettingRequest struct {
	Org   string `json:"org,omitzero"` // name or id; empty: in all organizations
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ParseLifetime reads how long a message lives: a number with s, m, h or d behind it; never, which is 0.
func ParseLifetime(text string) (time.Duration, error) {
	if text == "never" {
		return 0, nil
	}
	unit, digits := time.Duration(0), strings.TrimRight(text, "smhd")
	switch strings.TrimPrefix(text, digits) {
	case "s":
		unit = time.Second
	case "m":
		unit = time.Minute
	case "h":
		unit = time.Hour
	case "d":
		unit = 24 * time.Hour
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	const longest = 366 * 24 * time.Hour
	if err != nil || unit == 0 || n > uint64(longest/unit) || time.Duration(n)*unit < time.Minute {
		return 0, Errorf(CodeUsage, "%q is no time from 1m to 366d", text).WithHint("write it like 10m, 24h or 7d")
	}
	return time.Duration(n) * unit, nil
}
