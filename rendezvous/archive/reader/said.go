package reader

import (
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
)

// entry begins an entry of an envelope.
func (c *chainReading) entry(where at, e envelope.Envelope, content keys.ContentID) (*Entry, keys.MemberID) {
	device := e.ParsedHeader().Sender
	member, author := c.names.author(device)
	c.known(where, e, device)
	if c.options.Verify {
		c.opened[e.ID()] = outcome{opened: true, content: content}
	}
	return &Entry{Schema: 1, Item: where.number, From: author, Device: device, To: []Person{}, Arrived: where.arrived, Envelope: e.ID(), Content: content}, member
}

// said shows a message that opened. [ARC-61]
func (c *chainReading) said(where at, e envelope.Envelope, opened envelope.Opened, place envelope.Place) error {
	c.summary.Messages++
	entry, member := c.entry(where, e, opened.ID)
	entry.Conversation = opened.Content.Conversation
	entry.place(c.names, place, member)
	if c.options.Verify && c.lines.note(opened.Sender, opened) {
		c.report(Notice{Kind: NoticeLine, Item: where.number, Envelope: e.ID(), Device: opened.Sender, Time: where.arrived,
			What: "it names another message before it than the archive has: its author told others something else, or the archive"})
	}
	if err := entry.body(opened.Content); err != nil {
		c.report(Notice{Kind: NoticeUnreadable, Item: where.number, Envelope: e.ID(), Device: opened.Sender, Time: where.arrived, What: plainError(err)})
		entry.Kind = KindOther
	}
	return c.visit(entry)
}

// single shows an introduction or a report. [ARC-61]
func (c *chainReading) single(archive envelope.ArchiveOpener, where at, e envelope.Envelope) error {
	if e.ParsedHeader().Kind == envelope.KindReport {
		report, id, err := archive.Report(e)
		if err != nil {
			c.unopened(where, e, err)
			return nil
		}
		entry, _ := c.entry(where, e, id)
		entry.Kind, entry.Text, entry.Forwarded = KindReport, report.Text, len(report.Messages)
		if !report.Group.IsZero() {
			entry.Group = c.names.group(report.Group)
		}
		c.summary.Others++
		return c.visit(entry)
	}
	in, id, err := archive.Introduction(e)
	if err != nil {
		c.unopened(where, e, err)
		return nil
	}
	entry, _ := c.entry(where, e, id)
	entry.Kind, entry.Text, entry.To = KindIntroduction, in.Text, []Person{c.names.member(in.To)}
	c.summary.Others++
	return c.visit(entry)
}
