package node

import "muster.example/membership"

// settingDirect is from where a person's devices may have direct connections with other members'. The policy may allow less. [API-183]
const settingDirect = "direct"

// reachLocked returns from where this device may have direct connections with other members': what the policy and the person allow, both.
// Callers hold mu.
func (o *organization) reachLocked() membership.Reach {
	reach := o.roll.State().Policy().DirectReach()
	if o.view == nil { // it is being opened: what the person chose is heeded before anything runs
		return reach
	}
	if own, err := membership.ParseReach(o.settingLocked(settingDirect)); err == nil {
		reach = max(reach, own)
	}
	return reach
}

// chooseDirect ends connections that the person wants no more, or lets there be others.
func (o *organization) chooseDirect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noteCallableLocked()
}
