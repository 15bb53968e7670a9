package localapi

import "time"

// Limits of the local API. [API-7]
const (
	// WatchBuffer is how many events a backend keeps for one watcher before it gives the watcher up.
	WatchBuffer = 256

	// MaxRequest is the largest JSON body in bytes: a text of the default policy's size, escaped six-fold.
	MaxRequest = 8 << 20
	// MaxUpload is the largest file in bytes. A backend's own cap may be lower.
	MaxUpload = 4 << 30
	// MaxImport is the largest file of mail in bytes.
	MaxImport = 64 << 30
	// MaxName is the longest file name of an upload in bytes.
	MaxName = 255

	maxHeader      = 16 << 10 // bytes of a request's line and headers
	maxConnections = 128      // standing at once, for each listener
	maxRequests    = 64       // being answered at once, watchers apart
	maxWatchers    = 32       // at once

	headerTimeout = 10 * time.Second // to send a request's headers
	bodyTimeout   = 30 * time.Second // to send a JSON body, or the next bytes of an upload
	writeTimeout  = 30 * time.Second // to take the next bytes of an answer
	idleTimeout   = 2 * time.Minute  // between the requests of one connection
	heartbeat     = 15 * time.Second // between the comments that keep a watch alive

	loginLife   = 10 * time.Minute    // of a one-time link
	maxLogins   = 16                  // one-time links at once: the oldest goes
	entryLife   = time.Minute         // of the code that a login link leads on with
	maxSessions = 32                  // browsers at once: the one unused for longest goes
	sessionLife = 30 * 24 * time.Hour // of a session that is not used
	stopTimeout = 3 * time.Second     // for what is in flight when the server stops
)
