package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A dial begins anew on another network, and has its time before that happens once more. [RV-205]
func TestDialBeginsAnewSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p path
		ended := 0
		dial := func() (ended func() bool, done func()) {
			ctx, done := p.dialling(t.Context())
			return func() bool { return ctx.Err() == context.Canceled }, done
		}
		for range 10 * 60 / 10 {
			is, done := dial()
			p.dialled(false)
			p.hurry(time.Now())
			if is() {
				ended++
				if !p.isFresh() || p.dialTime() != dialTimeout {
					t.Error("what came to nothing on another network counts here")
				}
			} else if p.isFresh() {
				t.Error("pauses begin anew, dials do not")
			}
			done()
			time.Sleep(10 * time.Second)
		}
		if most := int(10*time.Minute/freshEvery) + 1; ended < 2 || ended > most {
			t.Errorf("in ten minutes %d dials are begun anew", ended)
		}
	})
}
