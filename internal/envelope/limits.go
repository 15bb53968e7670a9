package envelope

import (
	"time"

	"muster.example/internal/keys"
)

// Limits of the format. Both sides enforce them. [ENV-3]
const (
	// MaxEnvelope bounds an encoded envelope in bytes whatever an organization's policy says.
	MaxEnvelope = 16 << 20
	// MaxHeader bounds an encoded header; the longest one of version 1 has 159 bytes.
	MaxHeader = 256
	// MaxBody bounds the body of a message in bytes, so that its padded envelope stays below MaxEnvelope.
	MaxBody = 15 << 20
	// MaxPosition is the last position of a chain: a chain is replaced long before (ChainMessages).
	MaxPosition = 1 << 16
	// MaxMembers bounds the members of a conversation: each announcement lists them.
	MaxMembers = 256
	// MaxQuotes bounds the messages that one report shows.
	MaxQuotes = 32
	// MaxReportSlots bounds for how many devices one report is.
	MaxReportSlots = 64
	// MaxReceiptIDs bounds the envelopes that one receipt speaks for, so that it stays within 36 KiB.
	MaxReceiptIDs = 1024
	// MaxWanted bounds the devices that the label of a carried envelope names.
	MaxWanted = 1024
	// MaxCarried bounds a carried envelope in bytes.
	MaxCarried = MaxEnvelope + maxLabel + 96
	// MaxGrant bounds the grant that travels in an introduction in bytes, so that the fixed size always suffices.
	MaxGrant = 1024
	// MaxHead bounds the head of the roll that travels in every message and introduction in bytes.
	MaxHead = 160
	// MaxTextRunes and MaxTextBytes bound the text of an introduction after NFC: four bytes a code point.
	MaxTextRunes = 140
	MaxTextBytes = 4 * MaxTextRunes
	// MaxPrekeyTerm bounds how far ahead a prekey's last sealing date may lie: prekeys rotate weekly, so that 30 days
	// leave room for a device that is away, and no prekey is for ever.
	MaxPrekeyTerm = 30 * 24 * time.Hour
)

// Limits of a receiver. They are its own and can change.
const (
	// MaxSkip is how many positions ahead of the last opened one a message may be: it bounds the work that one
	// forged header can cause (two hashes a position).
	MaxSkip = 1024
	// MaxKept is how many keys of messages not yet seen an Inbound keeps; the oldest go first.
	MaxKept = 2048
	// MaxRecent is of how many opened messages an Inbound remembers enough to tell a repeat from a clone.
	MaxRecent = 32
)

// When a sender replaces a chain (Chain.Due), to recover from a compromise that went unseen.
const (
	ChainMessages = 1000
	ChainAge      = 7 * 24 * time.Hour
)

// Sizes of the format in bytes.
const (
	// PrekeySize is the public half of MLKEM768X25519.
	PrekeySize = 1216
	// IntroductionSlots is how many devices (and archives) one introduction can be for.
	IntroductionSlots = 8
	// IntroductionSize is what every introduction's sealed part has: the slots and one body.
	IntroductionSize = IntroductionSlots*slotSize + bodyTagSize + introductionPlain + aeadOverhead

	maxLabel = MaxWanted*(keys.PublicKeySize+2) + 64

	saltSize          = 16
	keySize           = 32
	encapsulationSize = 1120
	aeadOverhead      = 16
	bodyTagSize       = 32
	slotSize          = encapsulationSize + keySize + aeadOverhead // 1168
	introductionPlain = 2016
	minReportPlain    = 1 << 10
	maxReportPlain    = 1 << 16
	minPadded         = 512 // short texts and small announcements all look alike
)
