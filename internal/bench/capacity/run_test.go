package capacity

import "testing"

// The model, whose unit costs are of 2,000 devices, holds for nine times as many: it is nowhere much below what they need, and nowhere
// far above.
func TestModelHoldsAtTheLargestRun(t *testing.T) {
	const below, above = -0.15, 0.3
	for _, f := range Compare(Checked) {
		if off := f.Error(); f.Measured <= 0 {
			t.Errorf("%s: nothing was measured", f.What)
		} else if off < below || off > above {
			t.Errorf("%s: the model says %.3g %s, measured were %.3g, %+.0f %%", f.What, f.Predicted, f.Unit, f.Measured, 100*off)
		}
	}
}

// A roll's cost is in proportion to its events, up to the longest that was folded.
func TestRollIsLinear(t *testing.T) {
	for _, r := range rollRuns {
		for what, off := range map[string]float64{
			"bytes": r.events*EventBytes/r.bytes - 1, "processor": r.events*EventProcessor/r.processor - 1,
			"memory": r.events*EventMemory/r.memory - 1,
		} {
			if off < -0.06 || off > 0.06 {
				t.Errorf("%.0f events, %s: the model is off by %+.0f %%", r.events, what, 100*off)
			}
		}
	}
}
