package queue

import (
	"log/slog"
	"sync"
	"time"
)

// troublePause is for how long the same trouble is not logged again: a disk that fails fails at each try, and the log may be on it.
const troublePause = time.Minute

// troubles logs what goes wrong and is tried again.
type troubles struct {
	log *slog.Logger

	mu   sync.Mutex // guards the following
	told map[string]time.Time
}

func newTroubles(log *slog.Logger) *troubles {
	return &troubles{log: log, told: make(map[string]time.Time)}
}

// warn logs a trouble, unless it did so a moment ago. what is one of a few texts.
func (t *troubles) warn(what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if last, told := t.told[what]; told && now.Sub(last) < troublePause {
		return
	}
	t.told[what] = now
	t.log.Warn("queue: "+what, "error", err)
}
