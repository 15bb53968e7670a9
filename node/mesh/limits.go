package mesh

// Caps of frames and of what is in them, in bytes unless said otherwise. [MSH-3]
const (
	// MaxKnown is the size of the longest Known: entries of less than MostEntries, MostBars bars, checkpoint and proof. [NEAR-7]
	MaxKnown = 2_164_736
	// MostEntries bounds the entries of the roll that one Known hands over: a larger difference is for the rendezvous node.
	MostEntries = 1 << 20
	// MostBars is how many bars one Known holds at most.
	MostBars = 256
	// MaxEnvelope is the size of the longest carried envelope that goes by this stream: what is larger goes by a rendezvous node or a
	// bundle.
	MaxEnvelope = 1 << 20
	// MaxReceipt is the size of the longest receipt: of 1,024 envelopes. [ENV-45]
	MaxReceipt = 40 << 10
	// MostPrekeys is how many devices one Prekeys has prekeys of, and one Ask asks for, at most.
	MostPrekeys = 64
	// MaxPrekey is the size of the longest signed prekey.
	MaxPrekey = 4 << 10
	// MaxCarriers is the size of the longest frame of carriers, and of one of a kind that a reader does not know.
	MaxCarriers = 256 << 10
	// MaxFrame is the size of the longest frame, its kind included.
	MaxFrame = MaxKnown + 1

	maxHello   = 128
	maxSmall   = 32
	maxPrekeys = MostPrekeys*(MaxPrekey+64) + 16
	maxAsk     = MostPrekeys*40 + 16
)
