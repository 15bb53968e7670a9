package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Around implements localapi.Backend: one device, of somebody else. Each page asks for it: it is not noted.
func (b *Backend) Around(context.Context, api.AroundQuery) ([]api.Around, error) {
	return []api.Around{{
		Org: "org", OrgName: "Acme",
		Devices: api.List[api.Neighbour]{{Member: "bo", Name: "Bo", Device: "device", Path: api.PathLAN}},
	}}, nil
}

// CallAround implements localapi.Backend: one device is called.
func (b *Backend) CallAround(_ context.Context, request api.AroundCall) (api.AroundCalled, error) {
	return api.AroundCalled{Org: "org", OrgName: "Acme", Member: "bo", Name: "Bo", Devices: api.List[string]{"device"}, Connected: api.List[string]{"other"}}, b.got(request)
}
