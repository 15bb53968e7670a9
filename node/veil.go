package node

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/sync/history"
)

// hidesLocked reports whether a message is kept and not shown: its author is blocked, and it came by a group, a desk or a
// conversation of several. A report is not hidden from whoever decides on it. [HIST-19] Callers hold mu.
func (o *organization) hidesLocked(m history.Message) bool {
	return m.Member != o.member && !m.Report && len(m.Text.To) != 1 && o.blockedLocked(m.Member)
}

// surfacesLocked reports whether the person is told that an act came on a message: not if they do not see the message, nor
// if a blocked member did it, nor if it counts for nothing there. Callers hold mu.
func (o *organization) surfacesLocked(act history.Act, m history.Message) bool {
	return act.Conversation == m.Conversation && !o.hidesLocked(m) && (act.Member == o.member || !o.blockedLocked(act.Member))
}

// unblockedLocked leaves blocked members out. Callers hold mu.
func (o *organization) unblockedLocked(members []keys.MemberID) []keys.MemberID {
	return slices.DeleteFunc(slices.Clone(members), func(m keys.MemberID) bool { return m != o.member && o.blockedLocked(m) })
}

// veil leaves of a message what is shown without being asked for: of one that is hidden that it is there, and of what
// others forward the same. A report shows what is reported, marked: somebody has to judge it. [API-24]
func veil(m api.Message) api.Message {
	switch {
	case m.Hidden:
		m.Subject, m.Text, m.Attachments, m.Forwarded = "", "", nil, nil
		m.Mentions, m.Mentioned, m.Versions, m.Reactions = nil, false, nil, nil
	case m.Kind != api.KindReport:
		m.Forwarded = veilForwarded(m.Forwarded)
	}
	return m
}

func veilForwarded(all []api.Forwarded) (veiled []api.Forwarded) {
	for _, f := range all {
		if f.Hidden {
			f.Subject, f.Text, f.Attachments, f.Forwarded = "", "", nil, nil
		}
		f.Forwarded = veilForwarded(f.Forwarded)
		veiled = append(veiled, f)
	}
	return veiled
}
