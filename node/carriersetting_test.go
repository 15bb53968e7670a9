package node

import (
	"testing"

	"muster.example/node/api"
	"muster.example/node/store"
)

// What a person chooses for a device narrows the policy, and never widens it. [API-176]
func TestCarrySettings(t *testing.T) {
	org := newRoll(t, "ben")
	o := newDevice(t, org, org.Members[1])
	policy := o.bounds()
	for _, tt := range []struct {
		name, value string
		wrong       bool
		want        uint64
	}{
		{settingCarryBytes, "64MiB", false, 64 << 20},
		{settingCarryBytes, "65536KiB", false, 64 << 20},
		{settingCarryBytes, "4096", false, 4096},
		{settingCarryBytes, "0", false, 0},
		{settingCarryBytes, "900GiB", false, policy.Bytes},
		{settingCarryBytes, "-1", true, policy.Bytes},
		{settingCarryBytes, "64 MiB", true, policy.Bytes},
		{settingCarryBytes, "MiB", true, policy.Bytes},
		{settingCarryBytes, "99999999999GiB", true, policy.Bytes},
		{settingCarryBytes, "policy", false, policy.Bytes},
		{settingCarry, "maybe", true, policy.Bytes},
		{settingCarry, "off", false, 0},
		{settingCarry, "on", false, policy.Bytes},
	} {
		_, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: tt.name, Value: tt.value})
		if (err != nil) != tt.wrong || o.bounds().Bytes != tt.want {
			t.Errorf("%s %q: %v, and %d bytes are carried, want %d", tt.name, tt.value, err, o.bounds().Bytes, tt.want)
		}
	}
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: settingCarryBytes, Value: "1MiB"}); err != nil {
		t.Fatal(err)
	}
	view(t, o.node.store, func(tx *store.Tx) error {
		kept, err := tx.DeviceSettings(o.org)
		if kept[settingCarryBytes] != "1MiB" || kept[settingCarry] != on {
			t.Errorf("on the disk is %v", kept)
		}
		return err
	})
	if _, ok := o.view.Setting(settingCarryBytes); ok {
		t.Error("other devices of the account hear of it")
	}
}
