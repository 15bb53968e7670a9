package membership

// Judge returns what Append would say of the next entry whose signatures hold, and changes nothing. Unlike Check it asks
// nothing that only a sequencer asks.
func (r *Roll) Judge(e Entry) error {
	_, err := r.judge(e, recallEvent)
	return err
}

// Take is Append of an entry whose signatures hold.
func (r *Roll) Take(e Entry) error {
	change, err := r.judge(e, recallEvent)
	if err != nil {
		return err
	}
	if r.tree, err = r.tree.add(r.state.size, e.Leaf()); err != nil {
		return err
	}
	r.fold(change, e.Audience)
	return nil
}

// Judges reports whether a device that holds this roll judges an entry, and does not fetch the roll anew first.
func (r *Roll) Judges(e Entry) bool { return !r.unjudged(e) }

// Lacks reports whether the roll lacks an event that its reader must hold.
func (r *Roll) Lacks() bool { return r.lacks() }
