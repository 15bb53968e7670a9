package api

import "time"

// Partial is an upload that comes in pieces and can be gone on with after a break: what the drafts "Resumable Uploads for HTTP"
// and tus call an upload resource. Once it is complete its id goes where that of an Upload goes. [API-70]
type Partial struct {
	ID          string    `json:"id"`
	Draft       string    `json:"draft"` // the draft whose file it is
	Name        string    `json:"name"`
	Size        int64     `json:"size"`   // bytes of the whole file, at most 4 GiB
	Offset      int64     `json:"offset"` // bytes that the node has; the next piece begins there
	Complete    bool      `json:"complete"`
	Fingerprint string    `json:"fingerprint,omitzero"` // as it was given
	Time        time.Time `json:"time"`                 // when the last bytes came
}

// BeginUploadRequest makes an upload that has no bytes yet.
type BeginUploadRequest struct {
	Org   string `json:"org,omitzero"` // of the draft
	Draft string `json:"draft"`
	Name  string `json:"name"`
	Size  int64  `json:"size"` // bytes; 0 is complete at once
	// Fingerprint is what the client tells the file by when it goes on later, of at most MaxFingerprint bytes. The node only
	// keeps it.
	Fingerprint string `json:"fingerprint,omitzero"`
}

// DropUploadResult says that an upload is gone.
type DropUploadResult struct {
	ID      string `json:"id"`
	Already bool   `json:"already"` // it was gone, or went with a message
}

// Bounds of uploads that are not complete. [API-70]
const (
	MaxPartials    = 64       // of all organizations together
	MaxPartialSize = 16 << 30 // bytes that they are to have together
	MaxFingerprint = 128      // bytes
)
