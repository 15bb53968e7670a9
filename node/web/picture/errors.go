package picture

import "errors"

var (
	// ErrKind says that a file is no picture of a kind that is shown.
	ErrKind = errors.New("no picture that can be shown")
	// ErrLarge says that a picture is larger than what is shown.
	ErrLarge = errors.New("the picture is too large to be shown")
	// ErrBroken says that a picture cannot be read to its end.
	ErrBroken = errors.New("the picture is broken")
)
