package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// Options say what a chain is held against.
type Options struct {
	// Since is the head up to which the chain was let go, because nobody had to keep it longer; nil is its beginning. [ARC-49]
	Since *segment.SignedHead
	// Heads are what the service signed and somebody kept elsewhere: the chain must have each. Those of others are passed over.
	Heads []segment.SignedHead
	// Report gets each finding as it is made.
	Report func(Finding)
}

// Summary is what a chain has.
type Summary struct {
	Org      keys.OrgID     `json:"org"`
	Service  keys.PublicKey `json:"service"`
	Segments int            `json:"segments"` // that are readable
	Items    int            `json:"items"`    // that are whole
	Bytes    int64          `json:"bytes"`
	From     int64          `json:"from"`  // Unix milliseconds: when the first segment was made
	Until    int64          `json:"until"` // the last
	Findings int            `json:"findings"`
	// End is the head of the last segment, nil if there is none.
	End *segment.SignedHead `json:"-"`
}

// errEnough ends a listing.
var errEnough = errors.New("audit: enough")

// Services returns whose segments a storage has, in the order of their names; what is under other names goes to stray.
func Services(ctx context.Context, s storage.Storage, stray func(name string)) (all []keys.PublicKey, err error) {
	for after := ""; ; {
		var first string
		err := s.List(ctx, "", after, func(o storage.Object) error {
			first = o.Name
			return errEnough
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		if first == "" {
			return all, nil
		}
		part, _, below := strings.Cut(first, "/")
		service, err := keys.ParsePublicKey(part)
		if err != nil || !below {
			stray(first)
			after = first
			continue
		}
		all = append(all, service)
		after = part + "0" // what sorts behind everything that begins with the part and a slash
	}
}

// Walk goes through the chain of a service from its beginning, has visit see each segment that the service wrote, in order, and
// reports what is not as it should be. visit may be nil. An error is one of the storage's, of visit, or the end of ctx. [ARC-48]
func Walk(ctx context.Context, s storage.Storage, service keys.PublicKey, options Options, visit func(*segment.Read) error) (Summary, error) {
	w := walker{service: service, options: options, summary: Summary{Service: service}, visit: visit}
	w.stand.Service = service
	after := ""
	if since := options.Since; since != nil && since.Service == service {
		w.stand = since.Head
		w.summary.Org = since.Org
		after = Name(service, since.Number)
	}
	err := inOrder(ctx, s, Prefix(service), after, w.object)
	if err == nil {
		w.finish()
	}
	return w.summary, err
}

type walker struct {
	service keys.PublicKey
	options Options
	visit   func(*segment.Read) error
	summary Summary
	stand   segment.Head // of the last segment that was read
	broken  []string     // names behind it that hold no segment of the chain
}

func (w *walker) report(f Finding) {
	f.Service = w.service
	w.summary.Findings++
	if w.options.Report != nil {
		w.options.Report(f)
	}
}

// object looks at the next object by name.
func (w *walker) object(o *held) error {
	number, named := NumberOf(w.service, o.Name)
	if !named {
		w.report(Finding{Kind: Foreign, Object: o.Name, What: "no segment has such a name"})
		return nil
	}
	if o.Touched != "" {
		w.report(Finding{Kind: Touched, Object: o.Name, FirstSegment: number, What: o.Touched})
	}
	if o.err != nil { // taken away since it was listed
		w.broken = append(w.broken, o.Name)
		return nil
	}
	read, err := segment.Parse(o.data)
	switch {
	case err != nil:
		w.broken = append(w.broken, o.Name)
		w.report(Finding{Kind: Altered, Object: o.Name, FirstSegment: number, What: strings.TrimPrefix(err.Error(), "segment: ")})
		return nil
	case read.Service != w.service, !w.summary.Org.IsZero() && read.Org != w.summary.Org:
		w.broken = append(w.broken, o.Name)
		w.report(Finding{Kind: Foreign, Object: o.Name, FirstSegment: number,
			What: fmt.Sprintf("a segment of the service %s in the organization %s", read.Service, read.Org)})
		return nil
	case read.Number != number:
		w.broken = append(w.broken, o.Name)
		w.report(Finding{Kind: Reordered, Object: o.Name, FirstSegment: number, What: fmt.Sprintf("it holds segment %d", read.Number)})
		return nil
	}
	return w.segment(o, read)
}

// segment takes the next segment of the chain.
func (w *walker) segment(o *held, read *segment.Read) error {
	w.summary.Org, w.stand.Org = read.Org, read.Org
	w.link(o.Name, read)
	w.items(o.Name, read)
	if w.summary.Segments == 0 {
		w.summary.From = read.Made
	}
	w.summary.Segments++
	w.summary.Bytes += int64(len(o.data))
	w.summary.Until = read.Made
	w.summary.End = &read.Head
	w.stand, w.broken = read.Head.Head, nil
	w.heads(read)
	if w.visit == nil {
		return nil
	}
	return w.visit(read)
}

// link holds the segment against where the chain stood. What lies between and is no segment was reported; what is missing is
// reported here, with the items that it had. [ARC-45]
func (w *walker) link(name string, read *segment.Read) {
	switch stand := w.stand; {
	case read.Follows(stand) == nil:
	case read.Before > stand.Number && read.First > stand.Items+1:
		w.report(Finding{Kind: Missing, FirstSegment: stand.Number + 1, LastSegment: read.Before, FirstItem: stand.Items + 1, LastItem: read.First - 1,
			What: fmt.Sprintf("segment %d comes behind them", read.Number) + w.unreadable()})
	default:
		w.report(Finding{Kind: Forked, Object: name, FirstSegment: read.Number, What: fmt.Sprintf(
			"it was written behind segment %d with hash %s, and segment %d with hash %s is there", read.Before, read.Previous.Short(), stand.Number, stand.Segment.Short())})
	}
}

// unreadable says what is in the place of missing segments.
func (w *walker) unreadable() string {
	if len(w.broken) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d objects are in their place", len(w.broken))
}

// items holds each item against its hash. [ARC-42]
func (w *walker) items(name string, read *segment.Read) {
	for place, entry := range read.Items {
		f := Finding{Object: name, FirstSegment: read.Number, FirstItem: read.First + uint64(place), Envelope: entry.ID}
		switch _, err := read.Sealed(place); {
		case errors.Is(err, segment.ErrMissing):
			f.Kind, f.What = Missing, "the segment ends before it"
			w.report(f)
		case err != nil:
			f.Kind, f.What = Altered, "its bytes are not those that the service stored"
			w.report(f)
		default:
			w.summary.Items++
		}
	}
	if surplus := read.Surplus(); surplus > 0 {
		w.report(Finding{Kind: Foreign, Object: name, FirstSegment: read.Number, What: fmt.Sprintf("%d bytes behind the last item", surplus)})
	}
}

// heads holds a segment against what was kept of it elsewhere. [ARC-44]
func (w *walker) heads(read *segment.Read) {
	for _, head := range w.options.Heads {
		if head.Service == w.service && head.Number == read.Number && head.Segment != read.Head.Segment {
			w.report(Finding{Kind: Forked, FirstSegment: read.Number, What: fmt.Sprintf(
				"the head that was kept names the hash %s, and %s is there", head.Segment.Short(), read.Head.Segment.Short())})
		}
	}
}

// finish looks for heads beyond the end. [ARC-44]
func (w *walker) finish() {
	var furthest *segment.SignedHead
	for i, head := range w.options.Heads {
		if head.Service == w.service && head.Number > w.stand.Number && (furthest == nil || head.Number > furthest.Number) {
			furthest = &w.options.Heads[i]
		}
	}
	if furthest != nil {
		w.report(Finding{Kind: Truncated, FirstSegment: w.stand.Number + 1, LastSegment: furthest.Number, FirstItem: w.stand.Items + 1, LastItem: furthest.Items,
			What: fmt.Sprintf("the chain ends with segment %d, and the head that was kept is of segment %d", w.stand.Number, furthest.Number) + w.unreadable()})
	}
}
