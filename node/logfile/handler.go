package logfile

import (
	"context"
	"io"
	"log/slog"
)

// Handler returns a handler that writes what may be kept of each entry, from level info on, as a line of text to w.
func Handler(w io.Writer) slog.Handler {
	return &handler{slog.NewTextHandler(w, nil)}
}

// handler gives its text handler nothing that was not looked at.
type handler struct{ text slog.Handler }

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	kept := slog.NewRecord(r.Time, r.Level, r.Message, 0)
	r.Attrs(func(a slog.Attr) bool {
		kept.AddAttrs(keep(a))
		return true
	})
	return h.text.Handle(ctx, kept)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		kept[i] = keep(a)
	}
	return &handler{h.text.WithAttrs(kept)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.text.WithGroup(name)} }

// Both returns a handler that gives each entry to two others; what the second does with it holds up nobody.
func Both(first, second slog.Handler) slog.Handler { return both{first, second} }

type both struct{ first, second slog.Handler }

// Enabled implements slog.Handler.
func (b both) Enabled(ctx context.Context, level slog.Level) bool {
	return b.first.Enabled(ctx, level) || b.second.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (b both) Handle(ctx context.Context, r slog.Record) error {
	if b.second.Enabled(ctx, r.Level) {
		b.second.Handle(ctx, r.Clone()) //nolint:errcheck // a full disk must not silence the first
	}
	if !b.first.Enabled(ctx, r.Level) {
		return nil
	}
	return b.first.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b.first.WithAttrs(attrs), b.second.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (b both) WithGroup(name string) slog.Handler {
	return both{b.first.WithGroup(name), b.second.WithGroup(name)}
}
