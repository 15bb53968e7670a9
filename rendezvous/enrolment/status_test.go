package enrolment

import (
	"strings"
	"testing"
)

// The status says why the key is silent: also when the service cannot read the roll at all.
func TestStatusSaysWhyTheKeyIsSilent(t *testing.T) {
	w := newWorld(t, asIs)
	w.stop()
	w.cfg.Client = "another"
	w.start()
	w.checkWhy("the roll names the issuer")
	w.stop()
	w.cfg.Dir = t.TempDir()
	if _, err := GenerateKey(w.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.checkWhy("its roll does not name the key")
}

func (w *world) checkWhy(why string) {
	w.t.Helper()
	w.pass(0)
	status, err := ReadStatus(w.cfg.Dir)
	if err != nil || status.Speaks || !strings.Contains(status.Why, why) {
		w.t.Fatalf("the status is %+v, %v", status, err)
	}
}
