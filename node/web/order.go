package web

import (
	"slices"
	"strconv"

	"muster.example/node/api"
)

func orderRoutes() []route {
	return []route{
		{"GET /o/{org}/devices/order", orderScreen},
		{"POST /o/{org}/devices/order", order},
		{"GET /o/{org}/devices/keep", keepScreen},
		{"POST /o/{org}/devices/keep", keepData},
	}
}

// ordering is a new order of seniority: the devices as they are to stand.
type ordering struct {
	Devices []api.Device
	Places  []int // that can be chosen
}

func (v *visit) ordering() (ordering, error) {
	account, err := v.account()
	if err != nil {
		return ordering{}, err
	}
	o := ordering{Devices: slices.DeleteFunc(account.Devices, func(d api.Device) bool { return d.Barred })}
	for i := range o.Devices {
		o.Places = append(o.Places, i+1)
	}
	return o, nil
}

func orderScreen(v *visit) (answer, error) {
	o, err := v.ordering()
	if err != nil {
		return answer{}, err
	}
	return show("order", "order.title", o)
}

// order shows what the new order means, and has it signed when that was seen. The words are asked for with the second form
// alone: they are in no page.
func order(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	o, err := v.ordering()
	if err != nil {
		return answer{}, err
	}
	if err := o.choose(f); err != nil {
		return v.again(err, orderScreen)
	}
	if !f.on("confirmed") {
		return show("order-plan", "order.title", o)
	}
	request := api.RecoverRequest{Org: v.Org.Org, Words: f.text("words")}
	for _, d := range o.Devices {
		request.Order = append(request.Order, d.Device)
	}
	if _, err := v.backend().Recover(v.ctx(), request); err != nil {
		return v.again(err, func(*visit) (answer, error) { return show("order-plan", "order.title", o) })
	}
	return goOn(v.In("devices"), "order.done")
}

// choose puts the devices where a form has them.
func (o *ordering) choose(f form) error {
	devices, places := f.all("device"), f.all("place")
	place := make(map[string]int)
	used := make(map[int]bool)
	for i, device := range devices {
		if i < len(places) {
			n, err := strconv.Atoi(places[i])
			if err != nil || n < 1 || n > len(o.Devices) {
				return api.Errorf(api.CodeUsage, "there is no such place")
			}
			if used[n] {
				return api.Errorf(api.CodeUsage, "two devices have place %d", n).WithHint("give each device a place of its own")
			}
			place[device], used[n] = n, true
		}
	}
	for _, d := range o.Devices {
		if place[d.Device] == 0 {
			return api.Errorf(api.CodeUsage, "the devices have changed meanwhile").WithHint("open the page once more, and choose again")
		}
	}
	slices.SortFunc(o.Devices, func(a, b api.Device) int { return place[a.Device] - place[b.Device] })
	return nil
}

// Placed reports whether the device at a place of the page, from 0, has this place in the order, from 1: as it was chosen in
// a form that was refused, or else as it is.
func (v *visit) Placed(at, place int, device string) bool {
	if v.Refusal != nil {
		if i := slices.Index(v.r.PostForm["device"], device); i >= 0 && i < len(v.r.PostForm["place"]) {
			return v.r.PostForm["place"][i] == strconv.Itoa(place)
		}
	}
	return place == at+1
}

// keepScreen offers to cancel that barred devices remove their data.
func keepScreen(v *visit) (answer, error) {
	account, err := v.account()
	if err != nil {
		return answer{}, err
	}
	account.Devices = slices.DeleteFunc(account.Devices, func(d api.Device) bool { return !d.Wipe })
	return show("keep", "keep.title", account)
}

func keepData(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.RecoverRequest{Org: v.Org.Org, Words: f.text("words"), CancelWipe: f.all("device")}
	if len(request.CancelWipe) == 0 {
		return v.again(api.Errorf(api.CodeUsage, "no device was chosen"), keepScreen)
	}
	if _, err := v.backend().Recover(v.ctx(), request); err != nil {
		return v.again(err, keepScreen)
	}
	return goOn(v.In("devices"), "keep.done")
}
