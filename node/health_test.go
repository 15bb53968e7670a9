package node

import (
	"slices"
	"testing"
	"time"

	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
)

func TestWarningsOfHealth(t *testing.T) { // [API-81]
	now := time.Unix(1_790_000_000, 0)
	at := func(ago time.Duration) uint64 { return uint64(now.Add(-ago).Unix()) }
	well := rvproto.Health{
		Version: "v", Now: at(0), Since: at(time.Hour), Signed: at(time.Minute), Free: 1 << 40, Oldest: at(6 * 24 * time.Hour), Entries: 3,
		Week: rvproto.Tally{Expired: 5, Full: 5, Parked: 3, Shut: 2}, Day: rvproto.Tally{Leave: 9}, Share: 12, Room: 34, Shared: true,
	}
	for name, c := range map[string]struct {
		change func(*rvproto.Health)
		want   []api.HealthWarning
	}{
		"well":      {func(*rvproto.Health) {}, nil},
		"old":       {func(h *rvproto.Health) { h.Oldest = at(9*24*time.Hour + time.Hour) }, []api.HealthWarning{{Kind: api.HealthOld, Count: 9}}},
		"disk":      {func(h *rvproto.Health) { h.Free = 1 << 29 }, []api.HealthWarning{{Kind: api.HealthDisk, Count: 1 << 29}}},
		"no number": {func(h *rvproto.Health) { h.Free = 0 }, nil},
		"damage":    {func(h *rvproto.Health) { h.Damaged = 2 }, []api.HealthWarning{{Kind: api.HealthDamage, Count: 2}}},
		"unsigned":  {func(h *rvproto.Health) { h.Signed = at(3 * time.Hour) }, []api.HealthWarning{{Kind: api.HealthUnsigned, Count: 180}}},
		"full":      {func(h *rvproto.Health) { h.Day.Full = 4 }, []api.HealthWarning{{Kind: api.HealthFull, Count: 4}}},
		"returned": {func(h *rvproto.Health) { h.Day.Expired, h.Day.Parked, h.Day.Shut = 1, 2, 4 },
			[]api.HealthWarning{{Kind: api.HealthReturned, Count: 7}}},
		"room":        {func(h *rvproto.Health) { h.Room, h.Share = 87, 79 }, []api.HealthWarning{{Kind: api.HealthRoom, Count: 87}}},
		"share":       {func(h *rvproto.Health) { h.Share = 80 }, []api.HealthWarning{{Kind: api.HealthShare, Count: 80}}},
		"disk full":   {func(h *rvproto.Health) { h.Free, h.Troubles = 1<<20, rvproto.TroubleDisk }, []api.HealthWarning{{Kind: api.HealthDiskFull}}},
		"queue fails": {func(h *rvproto.Health) { h.Troubles = rvproto.TroubleQueue }, []api.HealthWarning{{Kind: api.HealthQueue}}},
		"behind": {func(h *rvproto.Health) { h.Now, h.Signed, h.Oldest = at(time.Hour), at(time.Hour), at(time.Hour) },
			[]api.HealthWarning{{Kind: api.HealthClock, Count: -3600}}},
	} {
		said := well
		c.change(&said)
		var h api.NodeHealth
		describeHealth(&h, &said, now)
		if !slices.Equal(h.Warnings, c.want) {
			t.Errorf("%s: %v", name, h.Warnings)
		}
		if !h.Reachable || h.Entries != 3 || h.Week.Expired != 5 || h.Week.Returned() != 10 || h.Day.Leave != 9 ||
			h.ShareUsed != int(said.Share) || h.RoomUsed != int(said.Room) || !h.Shared {
			t.Errorf("%s: %+v", name, h)
		}
	}
	var h api.NodeHealth
	most := uint64(rvproto.MaxHealthCount)
	describeHealth(&h, &rvproto.Health{Now: most, Since: most, Signed: most, Oldest: most, Free: 1 << 63}, now)
	if h.Free <= 0 || h.Since.Year() != 9999 {
		t.Errorf("the largest numbers are %+v", h)
	}
}
