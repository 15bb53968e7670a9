package p2p

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/gologshim"
)

func TestLibp2pLogsThroughSlog(t *testing.T) {
	var logged lockedBuffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })

	log := gologshim.Logger("probe").With("a", 1).WithGroup("g")
	log.Info("chatter")
	log.Warn("trouble", "b", 2)
	got := logged.String()
	if strings.Contains(got, "chatter") || !strings.Contains(got, "msg=trouble") ||
		!strings.Contains(got, "logger=probe a=1 g.b=2") {
		t.Errorf("logged %q", got)
	}
}
