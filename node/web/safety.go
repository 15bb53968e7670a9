package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"muster.example/node/api"
)

func safetyRoutes() []route {
	return []route{
		{"GET /o/{org}/safety", safety},
		{"POST /o/{org}/safety", markSeen},
		{"GET /o/{org}/safety/again", safety},
		{"POST /o/{org}/safety/again", sendAgain},
	}
}

// status returns the organization's part of the node's status, once a visit.
func (v *visit) status() (api.OrgStatus, error) {
	if v.known != nil {
		return *v.known, nil
	}
	status, err := v.backend().Status(v.ctx())
	if err != nil {
		return api.OrgStatus{}, err
	}
	for _, one := range status.Orgs {
		if one.Org == v.Org.Org {
			v.known, v.backups = &one, status.Backup
			return one, nil
		}
	}
	return api.OrgStatus{}, api.Errorf(api.CodeNotFound, "this device is in no such organization")
}

// alarmKinds are those that the page has words for.
var alarmKinds = []string{"roll", "fork", "head", "stale", "clock", "withheld", "prekey", "clone", "verify", "readmission", "sequence", "shrunk", "returns", "retention"}

// safetyScreen is how safe the organization's traffic is, the newest alarm first.
type safetyScreen struct {
	api.OrgStatus
	api.Losses
	Missing int
	Raised  []alarm
}

// Alarmed reports whether there is anything to do.
func (s safetyScreen) Alarmed() bool {
	return len(s.Raised)+len(s.Gaps)+len(s.Returned) > 0
}

// alarm is one to show: Words is the end of the keys that say what it means and what to do.
type alarm struct {
	api.Alarm
	Words string
}

func safety(v *visit) (answer, error) {
	status, err := v.status()
	if err != nil {
		return answer{}, err
	}
	s := safetyScreen{OrgStatus: status, Missing: int(min(status.Missing, 1<<30))}
	if s.Losses, err = v.backend().Losses(v.ctx(), api.LossesQuery{Org: v.Org.Org}); err != nil {
		return answer{}, err
	}
	for _, one := range slices.Backward(status.Raised) {
		words := "other"
		if slices.Contains(alarmKinds, one.Kind) {
			words = one.Kind
		}
		s.Raised = append(s.Raised, alarm{one, words})
	}
	return show("alarms", "alarms.title", s)
}

// pieces is a number of them, as words need it to choose the plural.
func pieces(n uint64) int { return int(min(n, 1<<30)) }

// sendAgain makes a draft of a message that came back, for those who did not get it.
func sendAgain(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	losses, err := v.backend().Losses(v.ctx(), api.LossesQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	at := slices.IndexFunc(losses.Returned, func(r api.Returned) bool { return r.ID == f.text("id") })
	if at < 0 {
		return v.again(api.Errorf(api.CodeNotFound, "this message is not among those that came back any more"), safety)
	}
	m, err := v.backend().Read(v.ctx(), api.ReadRequest{Org: v.Org.Org, ID: losses.Returned[at].ID})
	if err != nil {
		return v.again(err, safety)
	}
	draft := api.Draft{Org: v.Org.Org, Subject: m.Subject, Text: m.Text}
	for _, to := range losses.Returned[at].To {
		if !to.Gone {
			draft.To = append(draft.To, to.Name)
		}
	}
	if draft, err = v.backend().SaveDraft(v.ctx(), draft); err != nil {
		return v.again(err, safety)
	}
	notice := "again.drafted"
	if len(m.Attachments) > 0 {
		notice = "again.files"
	}
	return goOn(v.In("compose")+"?"+url.Values{"draft": {draft.ID}}.Encode(), notice)
}

// NoticeText says what a notice of the device itself means, in English where the app has no words for it yet.
func (v *visit) NoticeText(n api.Notice) (string, error) {
	key := "notice." + string(n.Kind)
	if !v.words.knows(key) {
		return n.Text, nil
	}
	if n.Count == 0 {
		return v.T(key)
	}
	return v.T(key, "count", n.Count)
}

// markSeen has the banner be silent about alarms that the person has looked at. The browser remembers that.
func markSeen(v *visit) (answer, error) {
	status, err := v.status()
	if err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		keep(w, seenCookie+v.Org.Org, strconv.FormatInt(newestAlarm(status).UnixMilli(), 10))
		http.Redirect(w, v.r, v.In("safety")+"?notice=alarms.seen", http.StatusSeeOther)
	}}, nil
}

// seenCookie is the name, before an organization's id, of the cookie that holds the time of the newest alarm that was seen.
const seenCookie = "muster_seen_"

// patience is for how long pieces may be missing before a person is told on every page: most come late by themselves.
const patience = 24 * time.Hour

// newestAlarm returns when the newest alarm was raised, the zero time if there is none: a gap is one once it has lasted.
func newestAlarm(status api.OrgStatus) (at time.Time) {
	if gap := status.MissingSince; !gap.IsZero() && time.Since(gap) > patience {
		at = gap.Add(patience)
	}
	for _, one := range status.Raised {
		if one.Time.After(at) {
			at = one.Time
		}
	}
	for _, notice := range status.Notices { // who sends is not to have to look for what came back
		if notice.Returned != nil && notice.Time.After(at) {
			at = notice.Time
		}
	}
	return at
}

// seenUntil returns up to when a person has looked at alarms.
func (v *visit) seenUntil() time.Time {
	cookie, err := v.r.Cookie(seenCookie + v.Org.Org)
	if err != nil {
		return time.Time{}
	}
	milliseconds, err := strconv.ParseInt(cookie.Value, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds)
}

// banner is a line above every page of the organization: the key of its words and where to read on.
type banner struct{ Title, Address string }

// Banners are what a person must know wherever they are.
func (v *visit) Banners() (all []banner) {
	if v.Org.Org == "" {
		return nil
	}
	status, err := v.status()
	if err != nil {
		return nil
	}
	if status.Excluded != nil {
		all = append(all, banner{"banner.excluded", v.In("safety")})
	}
	if status.Roll.Distrusted {
		all = append(all, banner{"banner.distrusted", v.In("safety")})
	}
	if len(status.Readmissions) > 0 {
		all = append(all, banner{"banner.readmission", v.In("devices")})
	}
	if status.FrozenUntil.After(time.Now()) {
		all = append(all, banner{"banner.frozen", v.In("devices")})
	}
	if v.Renewal() {
		all = append(all, banner{"banner.renewal", v.In("devices", "words")})
	}
	if newestAlarm(status).After(v.seenUntil()) && !v.Here(v.In("safety")) {
		all = append(all, banner{"banner.alarm", v.In("safety")})
	}
	if len(v.backups.Warnings) > 0 && !v.Here(v.In("backup")) {
		all = append(all, banner{"banner.backup", v.In("backup")})
	}
	return all
}
