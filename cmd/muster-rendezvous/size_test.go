package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"muster.example/rendezvous"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]struct {
		bytes size
		again string
	}{
		"": {0, ""}, "1": {1, "1"}, "2GiB": {2 << 30, "2GiB"}, "2 GiB": {2 << 30, "2GiB"}, "1024MiB": {1 << 30, "1GiB"},
		"1TB": {1e12, "1TB"}, "1500MB": {1.5e9, "1500MB"}, "3KiB": {3 << 10, "3KiB"}, "5kB": {5e3, "5kB"}, "1001": {1001, "1001"},
	} {
		var s size
		if err := s.Set(text); err != nil || s != want.bytes || s.String() != want.again {
			t.Errorf("%q is %d, %q: %v", text, s, s.String(), err)
		}
		same := s
		if err := s.Set(s.String()); err != nil || s != same {
			t.Errorf("%q becomes %d: %v", same.String(), s, err)
		}
	}
	for _, text := range []string{"0", "GiB", "-1GiB", "1.5GiB", "2gib", "2G", "1e9", "9223372036854775808", "99999999999TiB", "1  GiB", " 1", "+1"} {
		s := size(7)
		if err := s.Set(text); err == nil || s != 7 {
			t.Errorf("%q is taken as %d", text, s)
		}
	}
}

// What is not said is left to the node, and what is said reaches it.
func TestQuotasOfFlags(t *testing.T) {
	const mib = 1 << 20
	for line, want := range map[string]rendezvous.Quotas{
		"": {OrgShare: 80, MemberShare: 10},
		"--room 2GiB --reserve 100MiB --org-share 50 --member-share 5 --member-bytes 128MiB --device-bytes 256MiB": {
			Bytes: 2048 * mib, Reserve: 100 * mib, OrgShare: 50, MemberShare: 5, MemberBytes: 128 * mib, DeviceBytes: 256 * mib,
		},
	} {
		options, err := parseQuotas(line)
		if err != nil || options.check() != nil || options.quotas() != want {
			t.Errorf("%q: %+v, %v, %v", line, options.quotas(), err, options.check())
		}
	}
	for _, line := range []string{
		"--room 63MiB", "--reserve 1", "--member-bytes 1kB", "--device-bytes 4096", "--org-share 0", "--org-share 101", "--member-share -1",
	} {
		if options, err := parseQuotas(line); err != nil || options.check() == nil {
			t.Errorf("%q is taken: %v", line, err)
		}
	}
}

func parseQuotas(line string) (*quotaOptions, error) {
	options, flags := new(quotaOptions), pflag.NewFlagSet("run", pflag.ContinueOnError)
	options.addTo(flags)
	return options, flags.Parse(strings.Fields(line))
}
