package rvproto

import "muster.example/internal/keys"

// ApplyRequest asks to be made a member, on the strength of an invitation that only lets one apply. The same again asks
// what became of it. [RV-90]
type ApplyRequest struct {
	Org        keys.OrgID     `cbor:"1,keyasint"`
	Invitation keys.PublicKey `cbor:"2,keyasint"`
	Proof      keys.Signature `cbor:"3,keyasint"`
	Event      []byte         `cbor:"4,keyasint"` // signed join event of the asking device
	Text       string         `cbor:"5,keyasint"` // who asks and why, as plain as an introduction
}

// ApplicationsRequest asks for the applications that wait, in the order of the ids of their events. [RV-92]
type ApplicationsRequest struct {
	After keys.EventID `cbor:"1,keyasint"` // the last that the asker has; zero at first
}

// DeclineRequest ends an application. [RV-93]
type DeclineRequest struct {
	Event keys.EventID `cbor:"1,keyasint"` // id of the join event
}

// Application is one that waits at a node. Nothing in it was verified for the asker: membership.OpenEvent does that.
type Application struct {
	Event []byte `cbor:"1,keyasint"` // signed join event
	Text  string `cbor:"2,keyasint"`
	Time  int64  `cbor:"3,keyasint"` // when it came, Unix seconds by the node's clock
}

func (a *ApplyRequest) check() error {
	if !within(a.Event, MaxEvent) || len(a.Text) == 0 || len(a.Text) > MaxApplication {
		return malformed("an application without an event or a text, or beyond the caps")
	}
	return nil
}

// checkApplications: each is whole and within its caps, and all together within theirs.
func checkApplications(list []Application) error {
	total := 0
	for i := range list {
		a := &list[i]
		total += len(a.Event)
		if !within(a.Event, MaxEvent) || len(a.Text) == 0 || len(a.Text) > MaxApplication {
			return malformed("an application without an event or a text, or beyond the caps")
		}
	}
	if len(list) > MaxApplications || total > MaxPageBytes {
		return malformed("applications beyond their caps")
	}
	return nil
}
