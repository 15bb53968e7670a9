package node

import (
	"slices"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
)

// TestBundlesOweTheArchiveItsCopy: what touches a designated account is carried for the archive too, by who passes it on and by who
// receives it, also in a bundle for one member. [CAR-8]
func TestBundlesOweTheArchiveItsCopy(t *testing.T) {
	var service keys.PublicKey
	w := newIslands(t, func(org *membershiptest.Org) {
		service = org.Key().Public()
		setting := org.ArchiveSetting(service)
		org.Append(org.ArchiveEvent(org.Founder.Device(), membership.Archive{Set: &setting, Designate: []keys.MemberID{org.Founder.ID}}))
	})
	w.ann.saved(t, "for bob", nil, w.bobM)
	for name, request := range map[string]api.BundleRequest{"for all": {}, "for bob": {For: []string{"bob"}}} {
		t.Run(name, func(t *testing.T) {
			parts, said := exportBundle(t, w.ann, request)
			if said.Own == 0 {
				t.Fatalf("nothing was written: %+v", said)
			}
			for _, o := range []*organization{w.carol, w.bob} {
				importBundle(t, o, parts[0])
				messages := 0
				for _, carry := range o.carrying(t) {
					c, ok, err := o.readCarried(carry)
					if err != nil || !ok {
						t.Fatal(ok, err)
					}
					if c.Envelope.ParsedHeader().Kind != envelope.KindMessage {
						continue // a chain is announced to each alone
					}
					if !slices.Contains(carry.Wanted, service) {
						t.Errorf("%s carries for %d devices, not for the archive", o.device.Short(), len(carry.Wanted))
					}
					messages++
				}
				if messages == 0 {
					t.Errorf("%s carries nothing", o.device.Short())
				}
			}
		})
	}
	if got := w.bob.texts(t); len(got) != 1 {
		t.Errorf("bob has %q", got)
	}
}
