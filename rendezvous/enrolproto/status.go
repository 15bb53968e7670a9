package enrolproto

// Status is how a service answers. The numbers are part of the wire format; a Status that is not OK is an error. [ENR-4]
type Status uint8

// The statuses.
const (
	OK           Status = 0
	Waiting      Status = 1  // for the person to log in
	Malformed    Status = 2  // no request in its one form
	Unknown      Status = 3  // no such ticket, or its time is over
	Full         Status = 4  // too many at once: try again later
	LoginRefused Status = 5  // the provider or its token was refused
	NotAllowed   Status = 6  // the login is good, and not for this organization
	NoName       Status = 7  // the login gives no name that the rule allows, or the name is taken
	NameMissing  Status = 8  // the login gives no name, and the person chose none
	Member       Status = 9  // the login has joined already: another device is added by pairing
	DailyLimit   Status = 10 // as many as may join in a day have
	Ended        Status = 11 // the enrolment key does not speak for the organization
	Unreachable  Status = 12 // the provider or the rendezvous node cannot be reached: try again
	Declined     Status = 13 // the person said that the words were others, or the code came from elsewhere
	WrongJoin    Status = 14 // the join is not what was logged in for
)

var statusText = [...]string{
	OK: "ok", Waiting: "waiting for the login", Malformed: "malformed", Unknown: "the time for the login is over",
	Full: "too many log in at once", LoginRefused: "the login was refused", NotAllowed: "the login is not for this organization",
	NoName: "the name that the login gives cannot be had", NameMissing: "a name is missing",
	Member: "this login has joined already", DailyLimit: "as many as may join in a day have",
	Ended: "joining by login has ended", Unreachable: "the login provider cannot be reached",
	Declined: "the login was for another device", WrongJoin: "the join is another than what was logged in for",
}

// Error implements error.
func (s Status) Error() string {
	if int(s) < len(statusText) {
		return "enrolment: " + statusText[s]
	}
	return "enrolment: refused"
}

// Err returns nil for OK, else the status.
func (s Status) Err() error {
	if s == OK {
		return nil
	}
	return s
}

// Final reports whether asking again with the same ticket cannot help.
func (s Status) Final() bool { return s != OK && s != Waiting && s != Full && s != Unreachable }
