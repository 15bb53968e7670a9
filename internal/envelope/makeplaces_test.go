package envelope

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
)

var allMakers = slices.Concat(vectorMakers, placeMakers, reportMakers, archiveMakers, carriedMakers)

// at is what a receiver has whose roll says that alice and the receiver take part somewhere.
func (w *world) at(place [32]byte, e Envelope) vector {
	v := w.announceVector(e)
	for i, line := range v.inputs {
		if line[0] == "member" {
			v.inputs[i][1] += " " + hex.EncodeToString(place[:])
		}
	}
	return v
}

// announced adds to a vector what the receiver then holds.
func (w *world) announced(t *testing.T, v vector, e Envelope) vector {
	t.Helper()
	in, err := w.openAnnounce(e, w.bob)
	if err != nil {
		t.Fatal(err)
	}
	v.inputs = append(v.inputs, input("inbound", in.Marshal()))
	return v
}

// claim has the header claim a leave.
func claim(kind LeaveKind, id [32]byte) func(*Header) {
	return func(h *Header) { h.Leave = Leave{kind, id} }
}

func reportForged(f func(w *world) forgedReport) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		return w.to(w.bob, w.org, w.bob.private, w.forgeReport(t, f(w)).Bytes())
	}
}

var placeMakers = []vectorMaker{
	{"conversation_pair", "ok", "[ENV-15]", "two members", func(t *testing.T, w *world) vector {
		ids := []keys.MemberID{w.bob.member, w.alice.member, w.bob.member}
		id := ConversationID(w.org, ids)
		sorted := Among(ids...).Members
		return vector{inputs: [][2]string{inputID("org", w.org), {"place", "members"}, input("id", id[:])}, data: append(sorted[0][:], sorted[1][:]...)}
	}},
	{"conversation_order", "malformed", "[ENV-15]", "two members out of order", func(t *testing.T, w *world) vector {
		sorted := Among(w.bob.member, w.alice.member).Members
		return vector{inputs: [][2]string{inputID("org", w.org), {"place", "members"}}, data: append(sorted[1][:], sorted[0][:]...)}
	}},
	{"conversation_group", "ok", "[ENV-15]", "a group", func(t *testing.T, w *world) vector {
		id := InGroup(w.group).ID(w.org)
		return vector{inputs: [][2]string{inputID("org", w.org), {"place", "group"}, input("id", id[:])}, data: w.group[:]}
	}},
	{"conversation_desk", "ok", "[ENV-15]", "a guest at the desk", func(t *testing.T, w *world) vector {
		id := AtDesk(w.alice.member).ID(w.org)
		return vector{inputs: [][2]string{inputID("org", w.org), {"place", "guest"}, input("id", id[:])}, data: w.alice.member[:]}
	}},

	{"parse_leave", "ok", "[ENV-9]", "a message to a group", func(t *testing.T, w *world) vector {
		e := w.seal(t, w.chainAt(t, InGroup(w.group)), &Line{}, "hello")
		return vector{inputs: [][2]string{{"max", "1048576"}, inputID("id", e.ID())}, data: e.Bytes()}
	}},
	{"parse_leavekind", "malformed", "[ENV-5]", "leave of kind 5", parseHeaderOf(claim(5, [32]byte{1}))},
	{"parse_leavezero", "malformed", "[ENV-5]", "leave of no group", parseHeaderOf(claim(LeaveGroup, [32]byte{}))},
	{"parse_leavereport", "malformed", "[ENV-5]", "a message with the leave of a report", parseHeaderOf(claim(LeaveReport, [32]byte{1}))},
	{"parse_reportleave", "malformed", "[ENV-5]", "a report with the leave of a group", func(t *testing.T, w *world) vector {
		e := w.forgeReport(t, forgedReport{header: claim(LeaveGroup, w.group)})
		return vector{inputs: [][2]string{{"max", "1048576"}}, data: e.Bytes()}
	}},
	{"parse_reportsize", "malformed", "[ENV-6]", "a report of no number of slots", func(t *testing.T, w *world) vector {
		e := w.report(t, w.complaint(t), w.bob)
		e.Sealed = append(e.Sealed, 0)
		return vector{inputs: [][2]string{{"max", "1048576"}}, data: e.Bytes()}
	}},

	{"announce_group", "ok", "[ENV-17]", "a new chain for a group", func(t *testing.T, w *world) vector {
		e := w.announce(t, w.chainAt(t, InGroup(w.group)), w.bob)
		return w.announced(t, w.at(w.group, e), e)
	}},
	{"announce_desk", "ok", "[ENV-17]", "a guest's new chain", func(t *testing.T, w *world) vector {
		e := w.announce(t, w.chainAt(t, AtDesk(w.alice.member)), w.bob)
		return w.announced(t, w.at(w.alice.member, e), e)
	}},
	{"announce_several", "ok", "[ENV-9]", "a conversation of three, with leave of all", func(t *testing.T, w *world) vector {
		e := w.announce(t, w.chainAt(t, Among(w.alice.member, w.bob.member, w.carol.member)), w.bob)
		return w.announced(t, w.announceVector(e), e)
	}},
	{"announce_twoplaces", "malformed", "[ENV-17]", "members and a group", announceForged(func(w *world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Group = w.group }}
	})},
	{"announce_noplace", "malformed", "[ENV-17]", "neither members nor group nor guest", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Members = nil }}
	})},
	{"announce_notmember", "member", "[ENV-19]", "a group that nobody knows of", func(t *testing.T, w *world) vector {
		return w.announceVector(w.announce(t, w.chainAt(t, InGroup(keys.GroupID{5})), w.bob))
	}},
	{"announce_leave", "binding", "[ENV-9]", "two members, with leave of a group that both are in", announceForged(func(w *world) forgedAnnounce {
		return forgedAnnounce{header: claim(LeaveGroup, w.group)}
	})},
	{"announce_noleave", "binding", "[ENV-9]", "a group, without its leave", func(t *testing.T, w *world) vector {
		return w.at(w.group, w.forgeAnnounce(t, w.chainAt(t, InGroup(w.group)), forgedAnnounce{header: claim(0, [32]byte{})}))
	}},
	{"message_leave", "binding", "[ENV-9]", "two members, with leave of a group that both are in", messageForged(func(w *world) forgedMessage {
		return forgedMessage{header: claim(LeaveGroup, w.group)}
	})},
	{"chain_group", "ok", "[ENV-50]", "a group's chain at rest", func(t *testing.T, w *world) vector {
		return vector{data: w.chainAt(t, InGroup(w.group)).Marshal()}
	}},
	{"chain_noplace", "malformed", "[ENV-50]", "a chain of no place", func(t *testing.T, w *world) vector {
		c := w.chain(t)
		c.place = Place{}
		return vector{data: c.Marshal()}
	}},
	{"inbound_desk", "ok", "[ENV-50]", "a guest's chain at rest", func(t *testing.T, w *world) vector {
		in, err := w.openAnnounce(w.announce(t, w.chainAt(t, AtDesk(w.alice.member)), w.bob), w.bob)
		if err != nil {
			t.Fatal(err)
		}
		return vector{data: in.Marshal()}
	}},
}

var reportMakers = []vectorMaker{
	{"report_good", "ok", "[ENV-48]", "a message shown to two devices", func(t *testing.T, w *world) vector {
		report := w.complaint(t)
		v := w.to(w.bob, w.org, w.bob.private, w.report(t, report, w.bob2, w.bob).Bytes())
		v.inputs = append(v.inputs, input("text", []byte(report.Text)), input("first", report.Messages[0].Content))
		return v
	}},
	{"report_others", "prekey", "[ENV-49]", "no slot for this device", func(t *testing.T, w *world) vector {
		return w.to(w.bob, w.org, w.bob.private, w.report(t, w.complaint(t), w.bob2).Bytes())
	}},
	{"report_kind", "kind", "[ENV-49]", "an introduction", func(t *testing.T, w *world) vector {
		return w.to(w.bob, w.org, w.bob.private, w.introduce(t, w.introduction("hello"), w.bob).Bytes())
	}},
	{"report_signer", "signature", "[ENV-48]", "signed by another device", reportForged(func(w *world) forgedReport { return forgedReport{signer: w.carol.device} })},
	{"report_salt", "binding", "[ENV-48]", "signed for another envelope", reportForged(func(*world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Salt[0] ^= 1 }}
	})},
	{"report_group", "binding", "[ENV-48]", "for another group than the header's", reportForged(func(*world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.Group[0] ^= 1 }}
	})},
	{"report_from", "member", "[ENV-49]", "in the name of another member", reportForged(func(w *world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.From = w.carol.member }}
	})},
	{"report_forged", "signature", "[ENV-49]", "words that their author never signed", reportForged(func(*world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.Messages[0].Signature[0] ^= 1 }}
	})},
	{"report_author", "signature", "[ENV-49]", "words put into another's mouth", reportForged(func(w *world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.Messages[0].Device = w.bob.key() }}
	})},
	{"report_empty", "malformed", "[ENV-48]", "no message", reportForged(func(*world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.Messages = []Quote{} }}
	})},
	{"report_text", "text", "[ENV-48]", "141 characters", reportForged(func(*world) forgedReport {
		return forgedReport{body: func(b *reportBody) { b.Report.Text = strings.Repeat("x", 141) }}
	})},
	{"report_padding", "malformed", "[ENV-47]", "padded to twice the size", reportForged(func(*world) forgedReport {
		return forgedReport{padded: func(p []byte) []byte { return append(p, make([]byte, len(p))...) }}
	})},
}
