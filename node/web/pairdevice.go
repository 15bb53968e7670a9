package web

import (
	"time"

	"muster.example/node/api"
)

func pairDeviceRoutes() []route {
	return []route{
		{"GET /pair", pairDevice},
		{"POST /pair", pairDeviceStep},
	}
}

// pairScreen is how far it is that this device becomes one of an account.
type pairScreen struct {
	api.Pairing
	Came []pairedOrg // what came of it, organization by organization
}

// pairedOrg is an organization that this device was added to, and how its history comes over.
type pairedOrg struct {
	api.PairedOrg
	Here    bool               // it can be opened
	History *api.DeviceHistory // with the device that gives most; nil: none yet
}

// Percent is how much of the history has come.
func (o pairedOrg) Percent() int {
	if o.History == nil || o.History.Missing == 0 {
		return 0
	}
	return int(min(100, 100*o.History.Taken/o.History.Missing))
}

// Rate is how many records come in a second, and Minutes how long the rest will take.
func (o pairedOrg) Rate() int { return int(o.History.PerSec) }
func (o pairedOrg) Minutes() int {
	return int(time.Duration(o.History.Left) * time.Second / time.Minute)
}

func pairDevice(v *visit) (answer, error) {
	said, err := v.backend().Pairing(v.ctx(), api.PairingQuery{})
	if err != nil {
		return answer{}, err
	}
	if !said.New { // this device adds another one, or did
		said = api.Pairing{State: api.PairingNone}
	}
	s := pairScreen{Pairing: said}
	if len(said.Orgs) == 0 {
		return show("pairdevice", "pair.title", s)
	}
	accounts, err := v.backend().Devices(v.ctx(), api.DevicesQuery{})
	if err != nil {
		return answer{}, err
	}
	for _, org := range said.Orgs {
		one := pairedOrg{PairedOrg: org}
		for _, account := range accounts {
			if account.Org == org.Org {
				one.Here, one.History = true, mostHistory(account.Devices)
			}
		}
		s.Came = append(s.Came, one)
	}
	return show("pairdevice", "pair.title", s)
}

// mostHistory returns the exchange that goes on, else the one that brought most.
func mostHistory(devices []api.Device) (most *api.DeviceHistory) {
	for _, d := range devices {
		if h := d.History; h != nil && (most == nil || h.Missing > most.Missing) {
			most = h
		}
	}
	return most
}

// pairDeviceStep begins with what the person entered, or ends what is under way.
func pairDeviceStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "find":
		_, err = v.backend().Pair(v.ctx(), api.PairRequest{With: f.text("with"), At: f.text("at")})
	case "end":
		_, err = v.backend().ConfirmPairing(v.ctx(), api.ConfirmRequest{No: true})
	default:
		return answer{}, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	if err != nil {
		return v.again(err, pairDevice)
	}
	return goOn("/pair", "")
}
