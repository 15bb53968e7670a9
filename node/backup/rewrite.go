package backup

// decide says which packs are written anew, and returns how many items and bytes those are. [BAK-11]
func (r *run) decide() (items int, bytes int64) {
	var small, spoilt []*stocked
	wish := int64(0)
	for _, p := range r.stock.packs {
		n, live, dead := r.stock.weigh(p)
		if n == 0 {
			continue // no new list names it
		}
		p.since = r.since(p, n)
		switch {
		case p.since > 0 && p.since <= r.sober-r.Policy.erase()/2:
			p.rewrite = true
			items, bytes = items+n, bytes+live
		case dead > 0 && dead >= live:
			spoilt, wish = append(spoilt, p), wish+live
		case int(p.size) < smallPack():
			small, wish = append(small, p), wish+live
		}
	}
	if len(small) < smallPacks {
		for _, p := range small {
			_, live, _ := r.stock.weigh(p)
			wish -= live
		}
		small = nil
	}
	if wish == 0 || !r.roomFor(bytes+wish) {
		return items, bytes
	}
	for _, p := range append(small, spoilt...) {
		n, live, _ := r.stock.weigh(p)
		p.rewrite = true
		items, bytes = items+n, bytes+live
	}
	return items, bytes
}

// roomFor reports whether so much may be written that need not be.
func (r *run) roomFor(bytes int64) bool {
	free, err := r.Folder.Free()
	return err == nil && (free < 0 || free > 2*bytes+scrubBytes)
}

// since returns a time before which none of the pack's items had gone that the Source does not give; 0 if it gives all.
func (r *run) since(p *stocked, live int) int64 {
	if live == p.items {
		return 0
	}
	line := r.lines[p.pack]
	if line == nil {
		return max(min(p.made, r.now), 1)
	}
	since := line.since
	for i := range p.items {
		if !line.isDead(i) && !r.stock.isLive(p.base+i) { // it was there at the last snapshot
			if at := max(min(int64(r.last.Time), r.now), 1); since == 0 || at < since {
				since = at
			}
			break
		}
	}
	return since
}
