package node

import (
	"bytes"
	"image"
	"image/color"
	_ "image/gif"  // images of skins are read in three formats
	_ "image/jpeg" // and written in one
	"image/png"

	"muster.example/node/api"
)

// Caps of the images of skins.
const (
	maxImageBytes  = 4 << 20  // of what a person gives
	maxImagePixels = 16 << 20 // of it, asked before anything is decoded
	maxTile        = 256      // pixels a side of what another device may show us
	maxOwnImage    = 2560     // bytes of an own image: with the rest of a revision it fits into a setting
)

// smallImage makes an image of at most so many bytes out of what a person gives: read, made small, with few colours, and
// written anew as a PNG.
func smallImage(data []byte, most int) ([]byte, error) {
	if len(data) > maxImageBytes {
		return nil, api.Errorf(api.CodeUsage, "the image has more than 4 MiB")
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "this is no PNG, JPEG or GIF")
	}
	if config.Width < 1 || config.Height < 1 || int64(config.Width)*int64(config.Height) > maxImagePixels {
		return nil, api.Errorf(api.CodeUsage, "the image has %d by %d pixels", config.Width, config.Height).
			WithHint("at most 16 million are taken")
	}
	from, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "the image is damaged")
	}
	for _, side := range []int{128, 96, 64, 48, 32, 16, 8} {
		scaled := scale(from, side)
		for _, levels := range []int{256, 6, 4, 3, 2} {
			if encoded := encode(scaled, levels); encoded != nil && len(encoded) <= most {
				return encoded, nil
			}
		}
	}
	return nil, api.Errorf(api.CodeUsage, "the image cannot be made small enough")
}

// cleanImage writes an image anew that came from another device, if it is as smallImage makes them.
func cleanImage(data []byte) ([]byte, error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if config.Width > maxTile || config.Height > maxTile {
		return nil, api.Errorf(api.CodeRefused, "a tile of %d by %d pixels", config.Width, config.Height)
	}
	from, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = png.Encode(&out, from)
	return out.Bytes(), err
}

// scale returns an image of at most side pixels each way: each the mean of those that it stands for.
func scale(from image.Image, side int) *image.NRGBA {
	b := from.Bounds()
	width, height := b.Dx(), b.Dy()
	if longest := max(width, height); longest > side {
		width, height = max(1, width*side/longest), max(1, height*side/longest)
	}
	to := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		top, bottom := b.Min.Y+y*b.Dy()/height, b.Min.Y+(y+1)*b.Dy()/height
		for x := range width {
			left, right := b.Min.X+x*b.Dx()/width, b.Min.X+(x+1)*b.Dx()/width
			to.Set(x, y, mean(from, image.Rect(left, top, right, bottom)))
		}
	}
	return to
}

func mean(from image.Image, area image.Rectangle) color.Color {
	var red, green, blue, alpha uint64
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			r, g, b, a := from.At(x, y).RGBA()
			red, green, blue, alpha = red+uint64(r), green+uint64(g), blue+uint64(b), alpha+uint64(a)
		}
	}
	n := uint64(area.Dx() * area.Dy())
	return color.RGBA64{R: uint16(red / n), G: uint16(green / n), B: uint16(blue / n), A: uint16(alpha / n)}
}

// encode returns a PNG with at most so many values of red, green and blue each; nil if it has more than 256 colours even so.
func encode(from *image.NRGBA, levels int) []byte {
	paletted := image.NewPaletted(from.Rect, nil)
	known := make(map[color.NRGBA]uint8)
	for i := 0; i < len(from.Pix); i += 4 {
		c := coarse(color.NRGBA{R: from.Pix[i], G: from.Pix[i+1], B: from.Pix[i+2], A: from.Pix[i+3]}, levels)
		index, ok := known[c]
		if !ok {
			if len(known) == 256 {
				return nil
			}
			index = uint8(len(known))
			known[c], paletted.Palette = index, append(paletted.Palette, c)
		}
		paletted.Pix[i/4] = index
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if encoder.Encode(&out, paletted) != nil {
		return nil
	}
	return out.Bytes()
}

// coarse returns the nearest colour with few values; of transparency all or nothing is kept.
func coarse(c color.NRGBA, levels int) color.NRGBA {
	switch {
	case levels == 256:
		return c
	case c.A < 128:
		return color.NRGBA{}
	}
	step := func(v uint8) uint8 {
		last := levels - 1
		return uint8((int(v)*last + 127) / 255 * 255 / last)
	}
	return color.NRGBA{R: step(c.R), G: step(c.G), B: step(c.B), A: 255}
}
