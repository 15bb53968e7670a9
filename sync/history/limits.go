package history

import "time"

// MaxEarly is how long before its author wrote it a message that expires may have come for its record to be given to other devices.
const MaxEarly = 5 * time.Minute

// Caps on what one body or record may hold. What is beyond any of them is refused by the decoders and by Validate
// alike. [HIST-2]
const (
	// MaxSubject is the length of a subject in bytes.
	MaxSubject = 1 << 10
	// MaxText is the length of a message's text in bytes; what is longer travels as a file.
	MaxText = 256 << 10
	// MaxRecipients is the number of members a message may be addressed to: a conversation has 256 with its author.
	MaxRecipients = 255
	// MaxMentions is the number of members that one message mentions.
	MaxMentions = 64
	// MaxForwarded is the number of signed contents that one message carries along.
	MaxForwarded = 32
	// MaxSigned is the length of one of them in bytes: a text with little beside it.
	MaxSigned = 320 << 10
	// MaxLifetime is the longest lifetime of a message that expires, in seconds: 366 days.
	MaxLifetime = 366 * 24 * 3600
	// MaxDeleted and MaxSeen are the numbers of messages that one body deletes, or says to have been read.
	MaxDeleted = 64
	MaxSeen    = 256
	// MaxSpans and MaxNumbers are how many spans of numbers, and how many numbers, one body asks for.
	MaxSpans   = 64
	MaxNumbers = 1024
	// MaxEmoji is the length of a reaction in bytes.
	MaxEmoji = 32
	// MaxEdits and MaxReactions are how many edits of one message, and how many different reactions to it, of one member
	// count: the latest.
	MaxEdits     = 64
	MaxReactions = 16
	// MaxSettingName and MaxSettingValue are the lengths of a setting's name and value in bytes.
	MaxSettingName  = 64
	MaxSettingValue = 4 << 10
	// MaxDraftName is the length of what a draft names a recipient, a member whom it mentions or a message by, in bytes.
	MaxDraftName = 512
	// MaxTag is the length of a tag in characters.
	MaxTag = 64
	// MaxFiles is the number of files attached to one message.
	MaxFiles = 64
	// MaxFileName is the length of a file's name in bytes.
	MaxFileName = 255
	// MaxFileSize is the size of one file in bytes: 4 GiB.
	MaxFileSize = 4 << 30
	// ChunkSize is the size of every chunk of a file but the last, in bytes.
	ChunkSize = 128 << 10
	// MaxChunks is the number of chunks of the largest file. A receiver keeps a bit for each.
	MaxChunks = MaxFileSize / ChunkSize
	// MaxGrant is the size of a signed grant in bytes.
	MaxGrant = 512
	// MaxContactText is the length of a contact's text in bytes: an introduction has at most 560.
	MaxContactText = 1 << 10
	// MaxTime is the last time that is understood, the end of the year 9999, in unix milliseconds. Beyond it a time has
	// no text form that other programs read.
	MaxTime = 253402300799999
	// MaxAhead is how far ahead of the account's time the clock of a record may be that is taken, or that moves a device's own.
	MaxAhead = 25 * time.Hour
	// MaxCounter is the highest counter of a clock that is read. A clock that has reached it goes on with the next millisecond.
	MaxCounter = 1<<31 - 1
)
