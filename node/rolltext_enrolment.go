package node

import "muster.example/membership"

// enrolment says what is named, changed or ended of a login provider's key.
func (w *wording) enrolment(e *membership.Enrolment) string {
	if e.Terms == nil {
		what := w.put("enrolment.end", "ended the enrolment key %s", short(e.Key))
		if e.Suspend > 0 {
			what += w.put("enrolment.suspend", ", and suspended whom it admitted from #%d on", e.Suspend-1)
		}
		return what
	}
	what := w.put("enrolment", "let the enrolment key %s admit up to %d people a day, as %s at most, by the login at %s",
		short(e.Key), e.Terms.Daily, e.Terms.Role, e.Terms.Issuer)
	if !e.Replaces.IsZero() {
		what += w.put("enrolment.place", ", in the place of the key %s", short(e.Replaces))
	}
	return what
}
