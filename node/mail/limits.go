package mail

import "errors"

// Limits of one mail.
const (
	// MaxMail is the length of a mail in bytes. One beyond it is passed over.
	MaxMail = 64 << 20
	// MaxHeader is the length of a header in bytes.
	MaxHeader = 256 << 10
	// MaxDepth is how deep parts lie in each other, and MaxParts how many there are. What is beyond is left to the mail as a whole.
	MaxDepth = 16
	MaxParts = 256
	// MaxText is the length of a text in bytes: more of it is cut.
	MaxText = 8 << 20
	// maxWord is the length of a header's field as it is shown, in bytes.
	maxWord = 1 << 10
	// maxReferences is how many mails one names as those before it.
	maxReferences = 64
	// maxLabels is how many labels are kept.
	maxLabels = 16
)

// What is wrong with a mail that is not taken.
var (
	ErrLarge  = errors.New("mail: it is larger than 64 MiB")
	ErrHeader = errors.New("mail: its header is larger than 256 KiB")
	ErrNoMail = errors.New("mail: it has no header of a mail")
)
