package bundle

import "errors"

var (
	// ErrForeign means that no frame opens under any of the keys: the file is of another organization, or no bundle.
	ErrForeign = errors.New("bundle: not a bundle of an organization of this device")
	// ErrHostile means that a file holds far more beginnings of frames than frames, or more items than a part may.
	ErrHostile = errors.New("bundle: made to cost time, or hopelessly damaged: the rest is not read")
	// ErrTooLarge means that an item is larger than one may be.
	ErrTooLarge = errors.New("bundle: item too large")
	// ErrMalformed means that an item is not what its kind says.
	ErrMalformed = errors.New("bundle: malformed item")
)
