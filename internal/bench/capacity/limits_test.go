package capacity

import (
	"os"
	"regexp"
	"testing"
)

// The limits of the model are those of the programs, which it does not import: each is where the pattern finds it.
func TestLimitsAreThoseOfThePrograms(t *testing.T) {
	const (
		unit   = "internal/packaging/files/muster-rendezvous.service"
		server = "rendezvous/limits.go"
		client = "rendezvous/rvclient/client.go"
	)
	for _, c := range []struct {
		file, pattern string
		same          bool
	}{
		{unit, `LimitNOFILE=65536\n`, MaxFiles == 65536},
		{unit, `MemoryMax=75%\n`, memoryPart == 0.75},
		{server, `mostConnections\s+= 100_000\n`, maxConnections == 100_000},
		{server, `connectionMemory\s+= 88 << 10\b`, Machine{Memory: 88 * kib * 400}.mark() == 225},
		{server, `connectionsPart\s+= 4\b`, Machine{Memory: 88 * kib * 1600}.mark() == 900},
		{server, `maxWatches\s+= 1 << 19\b`, MaxWatches == 1<<19},
		{server, `maxHanded\s+= 512 << 20\b`, MaxRollBytes == 512<<20},
		{server, `signEvery\s+= 30 \* time\.Minute`, checkpoints == 48},
		{client, `maxRollBytes\s+= 512 << 20\b`, MaxRollBytes == 512<<20},
		{client, `entryCost\s+= 128\b`, EntryCost == 128},
	} {
		data, err := os.ReadFile("../../../" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(c.pattern).Match(data) || !c.same {
			t.Errorf("the model and %s do not agree on %q", c.file, c.pattern)
		}
	}
}
