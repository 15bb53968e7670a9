package membership

import "muster.example/internal/keys"

// Device is the event by which an account adds a device: signed by an active device of it and by the new one. [ROLL-24]
type Device struct {
	Add keys.PublicKey `cbor:"1,keyasint"`
}

var deviceKind = kind{
	rules: []rule{sequenced, authored, counted, deviceKey, deviceRoom},
	apply: func(s *State, c *change) { s.addDevice(c.author, c.event.Device.Add, c.by.Signer) },
}

// deviceKey: a device's key is new to the organization; no key comes back and none is two members'. [ROLL-8] [ROLL-9]
func deviceKey(s *State, c *change) error { return s.newKeys(c.event.Device.Add) }

// deviceRoom: an account has at most MaxDevices, since every message to it is sealed to each. [ROLL-24]
func deviceRoom(_ *State, c *change) error {
	if len(c.author.Devices) >= MaxDevices {
		return refuse(ReasonLimit, "%d devices", MaxDevices)
	}
	return nil
}
