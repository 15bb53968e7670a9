package node

import (
	"strings"

	"muster.example/membership"
)

// archive says what an event changed of the organization's archive.
func (w *wording) archive(a *membership.Archive) string {
	var parts []string
	if set := a.Set; set != nil {
		kind, format := "archive.set.open", "named the archive %s, whose service has the key %s; it fails open"
		if set.Mode == membership.ArchiveClosed {
			kind, format = "archive.set.closed", "named the archive %s, whose service has the key %s; it fails closed"
		}
		parts = append(parts, w.put(kind, format, archiveName(*set), short(set.Service)))
	}
	if len(a.Designate) > 0 {
		parts = append(parts, w.put("archive.designate", "had the messages of %s archived", w.members(a.Designate)))
	}
	if len(a.Release) > 0 {
		parts = append(parts, w.put("archive.release", "ended the archiving of messages of %s", w.members(a.Release)))
	}
	return strings.Join(parts, ", ")
}

// archiveName is what people call an archive.
func archiveName(set membership.ArchiveSetting) string {
	if set.Label == "" {
		return "…" + set.Service.Short()
	}
	return set.Label
}
