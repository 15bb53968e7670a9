package archive

import (
	"context"
	"errors"
	"fmt"

	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// resume finds the end of the chain: what the index says, then what the store has beyond it, because it was stored when the
// service was killed, or because the index is new. A chain that is shorter than the index or the file of heads says goes on
// behind what they say, and the loss is told: what comes is kept, and verifying names what is gone. [ARC-53] [ARC-54]
func (w *writer) resume(ctx context.Context) error {
	w.stand.Head = segment.Begin(w.cfg.Org, w.identity.Public())
	noted, ok, err := w.known.head()
	if err != nil {
		return err
	}
	if ok {
		if noted.Org != w.cfg.Org {
			return fmt.Errorf("%w: the folder is the archive's of the organization %s", ErrConfig, noted.Org)
		}
		w.stand = noted
		if err := w.checkEnd(ctx); err != nil {
			return err
		}
	}
	if err := w.catchUp(ctx, ok); err != nil {
		return err
	}
	kept, ok, err := w.heads.furthest(w.cfg.Org, w.identity.Public())
	if err != nil {
		return err
	}
	if ok && kept.Number > w.stand.Number {
		w.lost("the store ends before a head that was kept", "segment", w.stand.Number, "kept", kept.Number)
		w.stand = kept
	}
	w.state.stands(w.stand)
	return nil
}

// lost tells that the store has less than it had. It counts as trouble until the service is started anew.
func (w *writer) lost(text string, attributes ...any) {
	w.log.Error(text+": muster-rendezvous archive verify says what is gone", attributes...)
	w.state.trouble(troubleLost, errors.New(text))
}

// checkEnd looks whether the last segment is as it was.
func (w *writer) checkEnd(ctx context.Context) error {
	name := audit.Name(w.identity.Public(), w.stand.Number)
	data, err := w.cfg.Storage.Read(ctx, name, segment.MaxBytes)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("reading the end of the store: %w", err)
	}
	if read, ours := segment.Of(data, w.cfg.Org, w.identity.Public()); !ours || read.Head.Segment != w.stand.Segment {
		w.lost("the last segment is gone or changed", "object", name)
	}
	return nil
}

// catchUp notes the segments that the store has behind the end that is known. Where the index is new, that is all of them.
func (w *writer) catchUp(ctx context.Context, known bool) error {
	options := audit.Options{Report: func(f audit.Finding) {
		w.log.Error("the store is not as it was written", "finding", f.String())
		w.state.trouble(troubleLost, errors.New(string(f.Kind)+" segments or items"))
	}}
	if known {
		since := w.stand
		options.Since = &since
	}
	count := 0
	_, err := audit.Walk(ctx, w.cfg.Storage, w.identity.Public(), options, func(read *segment.Read) error {
		if read.Org != w.cfg.Org {
			return fmt.Errorf("%w: the store is the archive's of the organization %s", ErrConfig, read.Org)
		}
		count++
		w.stand = read.Head
		return w.known.note(read.Head, read.Items)
	})
	if err != nil {
		return fmt.Errorf("looking for the end of the store: %w", err)
	}
	if count > 0 {
		w.log.Info("the index was brought up to the store", "segments", count)
	}
	return nil
}
