package web

import "muster.example/node/api"

func settingRoutes() []route {
	return []route{
		{"GET /o/{org}/settings", settings},
		{"POST /o/{org}/settings", setSetting},
		{"GET /o/{org}/settings/link", settings},
		{"POST /o/{org}/settings/link", setLink},
		{"GET /o/{org}/settings/name", settings},
		{"POST /o/{org}/settings/name", rename},
	}
}

func settings(v *visit) (answer, error) {
	all, err := v.backend().Settings(v.ctx(), api.SettingsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	s := arrange(all)
	if s.Link, err = v.backend().Link(v.ctx()); err != nil {
		return answer{}, err
	}
	return show("settings", "settings.title", s)
}

func setSetting(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.SettingRequest{Org: v.Org.Org, Name: f.text("setting"), Value: f.text("value")}
	if _, err := v.backend().SetSetting(v.ctx(), request); err != nil {
		return v.again(err, settings)
	}
	return goOn(v.In("settings"), "settings.kept")
}

// rename gives the account another name in the organization.
func rename(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().Rename(v.ctx(), api.NameRequest{Org: v.Org.Org, Name: f.text("name")}); err != nil {
		return v.again(err, settings)
	}
	return goOn(v.In("settings"), "settings.renamed")
}
