package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Picture is one that was written anew.
type Picture struct {
	Type          string // image/png or image/jpeg
	Content       []byte
	Width, Height int
}

// kind is a kind of file that is read.
type kind struct {
	begins string // what a file begins with; ? stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// kinds are named by what files begin with, and not by image.Decode, which knows what any package registers.
var kinds = []kind{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"GIF8?a", gif.DecodeConfig, gif.Decode},
	{"RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
}

func kindOf(content []byte) *kind {
kinds:
	for i := range kinds {
		begins := kinds[i].begins
		if len(content) < len(begins) {
			continue
		}
		for j := range len(begins) {
			if begins[j] != '?' && begins[j] != content[j] {
				continue kinds
			}
		}
		return &kinds[i]
	}
	return nil
}

// Size returns how wide and high a picture will be shown, from the beginning of its file. Whether the rest can be read is not
// known by that. Errors are ErrKind, ErrLarge and ErrBroken.
func Size(beginning io.Reader) (width, height int, err error) {
	head := make([]byte, 16)
	n, err := io.ReadFull(beginning, head)
	if err != nil && n == 0 {
		return 0, 0, ErrKind
	}
	k := kindOf(head[:n])
	if k == nil {
		return 0, 0, ErrKind
	}
	var read bytes.Buffer
	config, err := k.config(io.TeeReader(io.MultiReader(bytes.NewReader(head[:n]), beginning), &read))
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if err := check(config); err != nil {
		return 0, 0, err
	}
	width, height = config.Width, config.Height
	if orientation(read.Bytes()).sideways() {
		width, height = height, width
	}
	width, height = shown(width, height)
	return width, height, nil
}

// Make reads a picture and writes it anew, at most MaxShown wide and high. Errors are as of Size.
func Make(content []byte) (Picture, error) {
	k := kindOf(content)
	if k == nil {
		return Picture{}, ErrKind
	}
	if len(content) > MaxBytes {
		return Picture{}, ErrLarge
	}
	config, err := k.config(bytes.NewReader(content))
	if err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if err := check(config); err != nil {
		return Picture{}, err
	}
	if config.Width*config.Height*passes(content) > maxPasses {
		return Picture{}, ErrLarge
	}
	read, err := k.decode(bytes.NewReader(content))
	if err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if b := read.Bounds(); b.Dx() > config.Width || b.Dy() > config.Height || b.Empty() {
		return Picture{}, ErrBroken
	}
	return write(orientation(content).turn(scale(read)))
}

// check holds a picture's measures against the limits, before anything is set aside for it.
func check(config image.Config) error {
	if config.Width <= 0 || config.Height <= 0 {
		return ErrBroken
	}
	if config.Width > MaxSide || config.Height > MaxSide || config.Width*config.Height > MaxPixels {
		return ErrLarge
	}
	return nil
}

// passes returns how many times a file can go over its picture: the scans of a JPEG, 1 for other kinds.
func passes(content []byte) int {
	if !bytes.HasPrefix(content, []byte("\xff\xd8")) {
		return 1
	}
	return max(1, bytes.Count(content, []byte("\xff\xda"))) // what is written inside of a scan never looks like one
}

// shown returns the measures at which a picture is shown.
func shown(width, height int) (int, int) {
	if longest := max(width, height); longest > MaxShown {
		return max(1, width*MaxShown/longest), max(1, height*MaxShown/longest)
	}
	return width, height
}

func scale(read image.Image) *image.NRGBA {
	width, height := shown(read.Bounds().Dx(), read.Bounds().Dy())
	scaled := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.BiLinear.Scale(scaled, scaled.Bounds(), read, read.Bounds(), draw.Src, nil)
	return scaled
}

// write keeps what can be seen through as PNG, and what is small, which is mostly drawn; the rest are mostly photographs.
func write(made *image.NRGBA) (Picture, error) {
	p := Picture{Type: "image/png", Width: made.Bounds().Dx(), Height: made.Bounds().Dy()}
	var out bytes.Buffer
	var err error
	if made.Opaque() && p.Width*p.Height > 64<<10 {
		p.Type = "image/jpeg"
		err = jpeg.Encode(&out, made, &jpeg.Options{Quality: quality})
	} else {
		err = png.Encode(&out, made)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("writing the picture: %w", err)
	}
	p.Content = out.Bytes()
	return p, nil
}
