package names

// Caps of names. They are rules of the roll: two builds with different caps would fold one roll in two ways. [ROLL-30]
const (
	// MaxName is the length of a name or pattern in code points, MaxBytes that in UTF-8.
	MaxName  = 64
	MaxBytes = 4 * MaxName
	// MaxMarks is how many combining marks may follow each other: no stack of them covers other lines.
	MaxMarks = 4
)
