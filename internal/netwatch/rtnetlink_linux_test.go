package netwatch

import (
	"context"
	"log/slog"
	"slices"
	"testing"
)

// The kernel can be asked, and a watch ends with its context.
func TestAnnouncements(t *testing.T) {
	hints, stop, err := announcements(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	for range hints {
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Watch(ctx, slog.New(slog.DiscardHandler), func() { t.Error("a change") })
}

// The ways out are read from the kernel's tables.
func TestDefaultRoutes(t *testing.T) {
	four := defaultRoutes4("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
		"eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n")
	if !slices.Equal(four, []string{"out eth0 0101A8C0"}) {
		t.Errorf("IPv4: %q", four)
	}
	const zero = "00000000000000000000000000000000"
	six := defaultRoutes6(zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 wlan0\n" +
		zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200       lo\n" +
		"fe800000000000000000000000000000 40 " + zero + " 00 " + zero + " 00000100 00000001 00000000 00000001    wlan0\n")
	if !slices.Equal(six, []string{"out wlan0 fe800000000000000000000000000001"}) {
		t.Errorf("IPv6: %q", six)
	}
}
