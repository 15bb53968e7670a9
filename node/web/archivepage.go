package web

import (
	"strings"

	"muster.example/node/api"
)

// archiveScreen is the organization's archive, whose messages go there, and for admins forms to change it.
type archiveScreen struct {
	api.Archive
	Health *api.ArchiveHealth // how far it is behind; nil: the node did not say, or one is no admin
	Hours  int64              // in which it may take nothing
}

// archivePage shows the archive to every member. [API-130]
func archivePage(v *visit) (answer, error) {
	archive, err := v.backend().Archive(v.ctx(), api.AdminQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := archiveScreen{Archive: archive, Hours: archive.Age / 3600}
	if v.Admin() && archive.Named {
		if health, err := v.backend().RendezvousHealth(v.ctx(), api.AdminQuery{Org: v.Org.Org}); err == nil {
			s.Health = health.Archive
		}
	}
	return show("archive", "admin.archive", s)
}

// setArchive names the archive, or changes whose messages go there.
func setArchive(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.ArchiveRequest{Org: v.Org.Org}
	switch f.text("do") {
	case "set":
		request.Set = &api.ArchiveSetting{
			Service: strings.TrimSpace(f.text("service")), Key: strings.Join(strings.Fields(f.text("key")), ""),
			Label: f.text("label"), Mode: api.ArchiveMode(f.text("mode")),
		}
	case "designate":
		request.Designate = []string{strings.TrimSpace(f.text("member"))}
	case "release":
		request.Release = []string{f.text("member")}
	default:
		return answer{}, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	if _, err := v.backend().SetArchive(v.ctx(), request); err != nil {
		return v.again(err, archivePage)
	}
	return goOn(v.In("admin", "archive"), "archive.done")
}

// heedArchive notes whether what is to be written to those who are named goes to the archive.
func (c *composer) heedArchive(v *visit) {
	if len(c.Draft.To) == 0 {
		return
	}
	notice, err := v.backend().ArchiveNotice(v.ctx(), api.SendRequest{Org: v.Org.Org, To: c.Draft.To})
	c.Archived = err == nil && notice.Archived // of recipients that cannot be found, sending tells
}
