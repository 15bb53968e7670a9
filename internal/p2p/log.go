package p2p

import (
	"context"
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"
)

// libp2p keeps loggers of its own, which write JSON to stderr. From here on they go where the program's logs go. Must
// happen before libp2p's first line.
func init() { gologshim.SetDefaultHandler(forward{}) }

// forward hands libp2p's warnings and errors to whatever slog's default handler is when they happen.
type forward struct {
	with func(slog.Handler) slog.Handler // adds the attributes and groups of this logger; nil adds none
}

// Enabled implements slog.Handler.
func (f forward) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && slog.Default().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f forward) Handle(ctx context.Context, r slog.Record) error {
	return f.apply(slog.Default().Handler()).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (f forward) WithAttrs(attributes []slog.Attr) slog.Handler {
	return forward{func(h slog.Handler) slog.Handler { return f.apply(h).WithAttrs(attributes) }}
}

// WithGroup implements slog.Handler.
func (f forward) WithGroup(name string) slog.Handler {
	return forward{func(h slog.Handler) slog.Handler { return f.apply(h).WithGroup(name) }}
}

func (f forward) apply(h slog.Handler) slog.Handler {
	if f.with == nil {
		return h
	}
	return f.with(h)
}
