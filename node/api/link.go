package api

// LinkMode is what this device's link to the network is taken for, as its user chose.
type LinkMode string

// The modes of a link.
const (
	LinkAuto    LinkMode = "auto" // what the system says, normal where it does not
	LinkNormal  LinkMode = "normal"
	LinkMetered LinkMode = "metered" // it costs by the byte, or is slow: large files wait
)

// DefaultFilesOver is above how many bytes of files a message waits on a metered link, unless another number is chosen.
const DefaultFilesOver = 100 << 10

// Link is what was chosen for this device's link.
type Link struct {
	Mode      LinkMode `json:"mode"`
	Metered   bool     `json:"metered"`    // large files wait, by Mode
	FilesOver int64    `json:"files_over"` // bytes
	Waiting   int      `json:"waiting"`    // messages of all organizations whose files wait for a better link
}

// LinkRequest chooses. What is left out stays. Now sends the files of one message though the link is metered. [API-177]
type LinkRequest struct {
	Mode      LinkMode `json:"mode,omitzero"`
	FilesOver *int64   `json:"files_over,omitzero"`
	Now       string   `json:"now,omitzero"` // id of a message
	Org       string   `json:"org,omitzero"` // where Now is, if that is in doubt
}
