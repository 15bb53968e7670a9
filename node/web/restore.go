package web

import (
	"path/filepath"

	"muster.example/node/api"
)

func restoreRoutes() []route {
	return []route{
		{"GET /restore", restoreScreen},
		{"POST /restore", restoreStep},
	}
}

// restoring is how far it is that a backup is brought back, and where one could lie.
type restoring struct {
	api.Restore
	Places []api.BackupVolume
}

// Percent is how much of the backup was read.
func (r restoring) Percent() int {
	if r.Total == 0 {
		return 0
	}
	return int(min(100, 100*r.Read/r.Total))
}

// Whole reports whether all came back as it was.
func (r restoring) Whole() bool {
	for _, org := range r.Orgs {
		if org.State != "entered" || len(org.Refused)+len(org.Lacking) > 0 {
			return false
		}
	}
	return len(r.Damage) == 0
}

func restoreScreen(v *visit) (answer, error) {
	said, err := v.backend().Restoring(v.ctx(), api.RestoreQuery{})
	if err != nil {
		return answer{}, err
	}
	places, err := v.backend().BackupVolumes(v.ctx())
	if err != nil {
		places = nil // they are a help alone
	}
	return show("restore", "restore.title", restoring{said, places})
}

// restoreStep begins with what the person entered.
func restoreStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.RestoreRequest{From: f.text("from"), Words: f.text("words"), First: f.on("first")}
	if !filepath.IsAbs(request.From) {
		return v.again(api.Errorf(api.CodeUsage, "this is not a whole path of a folder"), restoreScreen)
	}
	if f.on("bar") {
		request.Bar = api.List[string]{"all"}
		if request.Since, err = localTime(f.text("since")); err != nil {
			return v.again(err, restoreScreen)
		}
	}
	if _, err := v.backend().Restore(v.ctx(), request); err != nil {
		return v.again(err, restoreScreen)
	}
	return goOn("/restore", "")
}
