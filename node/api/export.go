package api

import "time"

// ExportRequest asks for a copy of the history in a format that other programs read.
type ExportRequest struct {
	Org           string       `json:"org,omitzero"`  // name or id; empty: of all organizations
	Conversations List[string] `json:"conversations"` // each a conversation's id, or the beginning of one; a member or group by name; none: all
	Format        string       `json:"format"`        // "json", "mbox", "maildir", "markdown"
	Since         time.Time    `json:"since,omitzero"`
	NoFiles       bool         `json:"no_files,omitzero"`
	Zip           bool         `json:"zip,omitzero"` // as a zip file; else as a body of many parts
}

// ExportStart is what is known of an export when it begins.
type ExportStart struct {
	Type     string // of the body
	Name     string // for the file, without an end
	Messages int    // about how many
}
