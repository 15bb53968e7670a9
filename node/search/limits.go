package search

import "time"

const (
	// MaxQuery is the length of a query's text in bytes; what is longer is refused.
	MaxQuery = 1 << 10
	// MaxWords is how many words or phrases of a query count. The rest is ignored: fewer words find more, never less.
	MaxWords = 24
	// MaxTokens is how many parts these have together.
	MaxTokens = 64
	// MaxWord is the length of a word in the index in bytes: of a longer one the beginning counts.
	MaxWord = 48
	// MaxIndexed is how many words of one text are indexed.
	MaxIndexed = 50_000
	// MaxRanked is how many messages a query without words may fit so that the newest come first by their times. Of one that fits
	// more, those come first that the index heard of last.
	MaxRanked = 5_000
	// MaxScored is how many a query with words may fit so that the best come first. It is not above MaxRanked.
	MaxScored = 2_000
	// MaxBatch is how many messages one Apply takes: each costs the disk some flushes, whatever it holds.
	MaxBatch = 1024
	// slowest is how long a query may take: one that is not ranked by then is answered without ranks, the newest first, and
	// that too within this time.
	slowest = 2 * time.Second
	// cacheKiB is how much of the file is held in memory.
	cacheKiB = 4096
)
