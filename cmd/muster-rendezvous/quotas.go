package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"muster.example/internal/kv"
	"muster.example/rendezvous"
)

// leastRoom is of what may wait: less holds no message with a file.
const leastRoom = 64 << 20

// quotaOptions are the flags of what may wait.
type quotaOptions struct {
	room, reserve            size
	memberBytes, deviceBytes size
	orgShare, memberShare    int
}

func (o *quotaOptions) addTo(flags *pflag.FlagSet) {
	flags.Var(&o.room, "room", "of everything together at most this `size` waits (default: what the volume has free beyond the reserve)")
	flags.Var(&o.reserve, "reserve", "this `size` of the volume stays free (default: a sixteenth of it, 96MiB to 1GiB)")
	flags.IntVar(&o.orgShare, "org-share", rendezvous.DefaultOrgShare, "an organization may have this `percent` of the room that the others leave")
	flags.IntVar(&o.memberShare, "member-share", rendezvous.DefaultMemberShare, "a member may have this `percent` of the share that the organization's others leave")
	flags.Var(&o.memberBytes, "member-bytes", "of what a member sent at most this `size` waits (default: a quarter of --device-bytes)")
	flags.Var(&o.deviceBytes, "device-bytes", "for a device at most this `size` waits (default: 1GiB)")
}

func (o *quotaOptions) check() error {
	for flag, percent := range map[string]int{"org-share": o.orgShare, "member-share": o.memberShare} {
		if percent < 1 || percent > 100 {
			return usageError{fmt.Errorf("--%s %d is not 1 to 100 percent", flag, percent)}
		}
	}
	for flag, c := range map[string]struct{ said, least size }{
		"room": {o.room, leastRoom}, "reserve": {o.reserve, kv.MinFree}, "member-bytes": {o.memberBytes, leastRoom}, "device-bytes": {o.deviceBytes, leastRoom},
	} {
		if c.said != 0 && c.said < c.least {
			return usageError{fmt.Errorf("--%s %s is too little: at least %s", flag, &c.said, &c.least)}
		}
	}
	return nil
}

// quotas are what was said; what was not is the node's to choose.
func (o *quotaOptions) quotas() rendezvous.Quotas {
	return rendezvous.Quotas{
		Bytes: int64(o.room), Reserve: int64(o.reserve), OrgShare: o.orgShare, MemberShare: o.memberShare,
		MemberBytes: int64(o.memberBytes), DeviceBytes: int64(o.deviceBytes),
	}
}
