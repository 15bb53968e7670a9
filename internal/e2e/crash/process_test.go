//go:build crash

package crash

import (
	"testing"

	"muster.example/internal/e2e/program"
)

func TestMain(m *testing.M) { program.Build(m) }

// person is a member with a device of their own.
type person struct {
	*program.Device
	t  *testing.T
	id string
}

func startPerson(t *testing.T, name string) *person {
	t.Helper()
	return &person{Device: program.StartDevice(t, name, nil), t: t}
}
