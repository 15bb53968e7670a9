package router

import "time"

// Bounds are what a device carries for others at most, by the organization's policy and by its own will.
type Bounds struct {
	Copies uint32        // devices that may carry one envelope at a time, its sender not counted; 0: nobody carries
	Hops   uint32        // handings of one copy, the last to whom it is for not counted
	Bytes  uint64        // carried by this device
	Count  int           // envelopes carried by this device
	Age    time.Duration // since the sender sealed it; what is older is not carried
}

// Within returns the stricter of two bounds in each respect.
func (b Bounds) Within(other Bounds) Bounds {
	return Bounds{
		Copies: min(b.Copies, other.Copies), Hops: min(b.Hops, other.Hops),
		Bytes: min(b.Bytes, other.Bytes), Count: min(b.Count, other.Count), Age: min(b.Age, other.Age),
	}
}
