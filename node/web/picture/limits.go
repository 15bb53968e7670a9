package picture

const (
	// MaxBytes is the largest file that is read as a picture.
	MaxBytes = 32 << 20
	// MaxSide is the most pixels that a picture may be wide or high.
	MaxSide = 16_000
	// MaxPixels is the most pixels that a picture may have: 40 megapixels.
	MaxPixels = 40_000_000
	// MaxShown is the most pixels that a picture is wide or high when it is shown.
	MaxShown = 1280

	// maxPasses bounds the pixels of a JPEG times the passes that it is drawn in: a pass of a few bytes can go over all of it.
	maxPasses = 10 * MaxPixels
	// quality is that of the JPEG that is written.
	quality = 85
)
