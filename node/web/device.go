package web

import (
	"slices"

	"muster.example/node/api"
)

func deviceRoutes() []route {
	return []route{
		{"GET /o/{org}/devices", devices},
		{"GET /o/{org}/devices/bar", barScreen},
		{"POST /o/{org}/devices/bar", bar},
		{"POST /o/{org}/devices/freeze", freeze},
		{"GET /o/{org}/devices/freeze", devices},
		{"POST /o/{org}/devices/refuse", refuseReadmission},
		{"GET /o/{org}/devices/refuse", devices},
		{"POST /o/{org}/devices/wiper", wiper},
		{"GET /o/{org}/devices/wiper", devices},
		{"GET /o/{org}/devices/card", card},
	}
}

// account returns the own account in the organization, its devices in their order of seniority.
func (v *visit) account() (api.Account, error) {
	all, err := v.backend().Devices(v.ctx(), api.DevicesQuery{Org: v.Org.Org})
	if err != nil {
		return api.Account{}, err
	}
	for _, account := range all {
		if account.Org == v.Org.Org {
			account.Devices = bySeniority(account.Devices)
			return account, nil
		}
	}
	return api.Account{}, api.Errorf(api.CodeNotFound, "this device has no account there")
}

// bySeniority puts each device behind the one next above it: those that only the recovery key stands above first, and those
// that are no devices any more last.
func bySeniority(devices []api.Device) []api.Device {
	listed := make([]api.Device, 0, len(devices))
	var below func(elder string, barred bool)
	below = func(elder string, barred bool) {
		for _, d := range devices {
			known := func(other api.Device) bool { return other.Device == d.Device }
			if d.Elder == elder && d.Barred == barred && !slices.ContainsFunc(listed, known) {
				listed = append(listed, d)
				below(d.Device, barred)
			}
		}
	}
	below("", false)
	for _, barred := range []bool{false, true} {
		for _, d := range devices { // whose elder is of the other kind, or not known
			known := func(other api.Device) bool { return other.Device == d.Device }
			if d.Barred == barred && !slices.ContainsFunc(listed, known) {
				listed = append(listed, d)
				below(d.Device, barred)
			}
		}
	}
	return listed
}

// devicesScreen is the own account.
type devicesScreen struct {
	api.Account
	Active int // how many devices may act
}

func devices(v *visit) (answer, error) {
	account, err := v.account()
	if err != nil {
		return answer{}, err
	}
	s := devicesScreen{Account: account}
	for _, d := range account.Devices {
		if !d.Barred {
			s.Active++
		}
	}
	return show("devices", "devices.title", s)
}

// Signer returns who signed something, as the node says it, in the person's language where that is not a name.
func (v *visit) Signer(text string) (string, error) {
	switch text {
	case "the recovery key":
		return v.T("signer.recovery")
	case "the organization's root key":
		return v.T("signer.root")
	}
	return text, nil
}

// barring is the form in which devices are barred, and what that would do once it was asked.
type barring struct {
	api.Account
	Request api.BarRequest
	Since   string // as it was typed
	Owner   bool   // the recovery words sign
	Plan    *api.BarResult
}

func barScreen(v *visit) (answer, error) {
	account, err := v.account()
	if err != nil {
		return answer{}, err
	}
	b := barring{Account: account}
	b.Request.Devices = v.r.URL.Query()["device"]
	return show("bar", "bar.title", b)
}

// bar shows what barring would do, and does it when that was seen. The recovery words are asked for each time: they are in no
// page.
func bar(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	b := barring{Since: f.text("since"), Owner: f.on("owner"), Request: api.BarRequest{
		Org: v.Org.Org, Devices: f.all("device"), Keep: f.all("keep"), Wipe: f.on("wipe"), Preview: !f.on("confirmed"),
	}}
	if b.Request.Since, err = localTime(b.Since); err != nil {
		return v.again(err, barScreen)
	}
	if len(b.Request.Devices) == 0 {
		return v.again(api.Errorf(api.CodeUsage, "no device was chosen"), barScreen)
	}
	if b.Owner {
		b.Request.Words = f.text("words")
	}
	plan, err := v.backend().Bar(v.ctx(), b.Request)
	if err != nil {
		return v.again(err, barScreen)
	}
	if plan.Done {
		return goOn(v.In("devices"), "bar.done")
	}
	if len(plan.Barred) == 0 {
		return goOn(v.In("devices"), "bar.already")
	}
	b.Plan, b.Request.Words = &plan, ""
	if b.Account, err = v.account(); err != nil {
		return answer{}, err
	}
	return show("bar-plan", "bar.title", b)
}

// freeze freezes the account, or ends that with the recovery words.
func freeze(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.FreezeRequest{Org: v.Org.Org, Lift: f.on("lift")}
	if request.Lift {
		request.Words = f.text("words")
	}
	if _, err := v.backend().Freeze(v.ctx(), request); err != nil {
		return v.again(err, devices)
	}
	if request.Lift {
		return goOn(v.In("devices"), "freeze.lifted")
	}
	return goOn(v.In("devices"), "freeze.done")
}

func refuseReadmission(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.RefuseRequest{Org: v.Org.Org, Readmission: f.text("readmission"), Words: f.text("words")}
	if _, err := v.backend().Refuse(v.ctx(), request); err != nil {
		return v.again(err, devices)
	}
	return goOn(v.In("devices"), "readmission.refused")
}

func wiper(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().Wiper(v.ctx(), api.WiperRequest{Org: v.Org.Org, Obey: f.text("obey")}); err != nil {
		return v.again(err, devices)
	}
	return goOn(v.In("devices"), "wiper.done")
}

func card(v *visit) (answer, error) {
	one, err := v.backend().Card(v.ctx(), api.DevicesQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	return show("card", "card.title", one)
}
