package authority

import "muster.example/internal/keys"

// Key names a device or a recovery key.
type Key = keys.PublicKey

// Kind is what an act does.
type Kind uint8

// The kinds of acts.
const (
	Add     Kind = iota + 1 // a device to the account
	Bar                     // a device of it
	Freeze                  // the set of devices, for a while
	Lift                    // a freeze
	Order                   // the devices by a new seniority
	Replace                 // the recovery key
	Readmit                 // the member to the account, with one new device and a new recovery key
	Enter                   // the account by a re-admission whose delay is over
	Refuse                  // a re-admission
)

// Capacity is as what the signer of an act signs. The caller has verified it for all but the keys of the account itself,
// which Check holds against what the account has.
type Capacity uint8

// The capacities.
const (
	AsDevice   Capacity = iota + 1 // of this account
	AsRecovery                     // the account's recovery key
	AsAdmin                        // a device of an admin with another account, or the organization's root key
	AsNewcomer                     // the device that a re-admission names
)

// Act is what a signed event says of one account.
type Act struct {
	Kind   Kind
	As     Capacity
	Signer Key

	Device   Key          // Add, Bar, Readmit: the device
	After    uint64       // Bar: what the device did at this position of the roll and later is void; see Void
	Keep     []Key        // Bar: devices that this bar does not end
	Order    []Key        // Order: the devices, the most senior first
	Recovery Key          // Replace, Readmit: the new recovery key
	Event    keys.EventID // Readmit: its own name; Enter, Refuse: that of the re-admission
	Rooted   bool         // Readmit: the organization's root key signed it too
}

// cuts reports whether a bar has a position from which it voids: those of seniors and of the recovery key. [ROLL-74]
func (a Act) cuts() bool { return a.As == AsRecovery || a.As == AsDevice && a.Signer != a.Device }

// Moment is where an act stands in the roll, and how long things last by the policy of that place.
type Moment struct {
	Index   uint64 // of the entry
	Time    int64  // the sequencer's stamp, Unix milliseconds
	Freeze  int64  // how long a freeze lasts, milliseconds
	Readmit int64  // the delay of a re-admission, milliseconds
}

// Device is a device that the account has or had.
type Device struct {
	Key   Key
	By    Key    // the device that introduced it; zero for the first, and for what the recovery key added
	Elder Key    // the device next above it in seniority; zero if only the recovery key stands above it
	Since uint64 // the index of the entry that added it

	Barred   bool   // by a bar that stands of a senior or of the recovery key, or along with who introduced it
	Cut      uint64 // if Barred: what it signed at this position and later is void
	Resigned bool   // barred by itself
	Expelled bool   // barred by an admin
	Ended    bool   // by a re-admission
}

// Active reports whether the device may act for the account.
func (d Device) Active() bool { return !d.Barred && !d.Resigned && !d.Expelled && !d.Ended }

// Readmission is one that waits for its delay to pass.
type Readmission struct {
	Event    keys.EventID
	By       Key // the admin's device or the root key
	Device   Key
	Recovery Key
	Index    uint64
	Due      int64 // the stamp from which it can be entered, Unix milliseconds
	Rooted   bool
}
