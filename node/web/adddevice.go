package web

import (
	"muster.example/node/api"
)

func addDeviceRoutes() []route {
	return []route{
		{"GET /o/{org}/devices/add", addDevice},
		{"POST /o/{org}/devices/add", addDeviceStep},
		{"GET /o/{org}/devices/add/{key}/qr.png", invitationPicture},
	}
}

// addDeviceScreen is how far the adding of another device is. Code and link are shown this once.
type addDeviceScreen struct {
	api.Pairing
	Made    *api.AddDeviceResult
	Picture string // address of the link's QR code, for a while
}

func addDevice(v *visit) (answer, error) {
	said, err := v.backend().Pairing(v.ctx(), api.PairingQuery{})
	if err != nil {
		return answer{}, err
	}
	if said.New { // this device was the one to be added, once
		said = api.Pairing{State: api.PairingNone}
	}
	return show("adddevice", "adddevice.title", addDeviceScreen{Pairing: said})
}

// addDeviceStep makes a code, says yes to the words that the form was shown with, or ends the pairing.
func addDeviceStep(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	switch f.text("do") {
	case "make":
		made, err := v.backend().AddDevice(v.ctx(), api.AddDeviceRequest{})
		if err != nil {
			return v.again(err, addDevice)
		}
		a, err := addDevice(v)
		if err != nil {
			return answer{}, err
		}
		s := a.screen.Data.(addDeviceScreen)
		s.Made, s.Picture = &made, v.In("devices", "add", v.server.shelf.put(made.Link), "qr.png")
		a.screen.Data = s
		return a, nil
	case "yes":
		_, err = v.backend().ConfirmPairing(v.ctx(), api.ConfirmRequest{Words: f.all("word")})
	case "no":
		_, err = v.backend().ConfirmPairing(v.ctx(), api.ConfirmRequest{No: true})
	default:
		return answer{}, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	if err != nil {
		return v.again(err, addDevice)
	}
	return goOn(v.In("devices", "add"), "")
}
