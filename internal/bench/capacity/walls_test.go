package capacity

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// deployments are all that the tables have.
func everyDeployment() []Deployment {
	all := []Deployment{OfOrganization}
	for _, r := range rows() {
		all = append(all, r.walls)
	}
	return all
}

// At a wall an organization is within all limits, and a little beyond it is not within that one.
func TestWallIsWhereTheNeedExceedsTheLimit(t *testing.T) {
	for _, d := range everyDeployment() {
		for _, w := range d.Walls() {
			if w.Members >= most {
				continue
			}
			if need := w.Need(Typical(w.Members)); need > w.Limit {
				t.Errorf("%s: with %.0f members the need is %g, above the limit of %g", w.What, w.Members, need, w.Limit)
			}
			if need := w.Need(Typical(w.Members*1.001 + 1)); need <= w.Limit {
				t.Errorf("%s: beyond %.0f members the need is %g, still within %g", w.What, w.Members, need, w.Limit)
			}
		}
	}
}

// The nearest wall comes first, and what First names stops an organization.
func TestWallsAreInOrder(t *testing.T) {
	for _, d := range everyDeployment() {
		walls := d.Walls()
		for i := 1; i < len(walls); i++ {
			if walls[i].Members < walls[i-1].Members {
				t.Errorf("%s at %.0f comes behind %s at %.0f", walls[i].What, walls[i].Members, walls[i-1].What, walls[i-1].Members)
			}
		}
		if first := d.First(); first.Soft {
			t.Errorf("%s is no wall that stops anybody", first.What)
		}
	}
}

// More members never need less, and never have a nearer wall on a machine with more.
func TestNeedsGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Float64Range(1, 1e7).Draw(t, "members")
		more := n * rapid.Float64Range(1, 10).Draw(t, "times")
		for _, d := range everyDeployment() {
			for _, w := range d.walls() {
				if less, most := w.Need(Typical(n)), w.Need(Typical(more)); most < less*(1-1e-12) {
					t.Fatalf("%s: %.0f members need %g, %.0f need %g", w.What, n, less, more, most)
				}
			}
		}
		if Nodes.Processes(Typical(more)) < Nodes.Processes(Typical(n)) {
			t.Fatal("more members take fewer processes")
		}
	})
	small, middle := OneNode("", Small).First(), OneNode("", Middle).First()
	if middle.Members <= small.Members {
		t.Errorf("a middle machine bears %.0f members, a small one %.0f", middle.Members, small.Members)
	}
}

// What is asked of each device and told to each makes the traffic of news grow with the square of the members.
func TestNewsGrowWithTheSquare(t *testing.T) {
	one, ten := Typical(10_000).News(), Typical(100_000).News()
	if math.Abs(ten/one-100) > 1e-9 {
		t.Errorf("ten times the members are told %g times as much", ten/one)
	}
}

// Three nodes side by side hold no more members than one of them: each has every session.
func TestThreeNodesHoldNoMoreSessions(t *testing.T) {
	one, three := Of(Typical(1000), 1), Of(Typical(1000), 1.0/3)
	if three.Connections != one.Connections || three.Memory < 0.9*one.Memory {
		t.Errorf("one node: %+v; each of three: %+v", one, three)
	}
}
