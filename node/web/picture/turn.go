package picture

import (
	"bytes"
	"encoding/binary"
	"image"
)

// turned is the orientation of EXIF, from 1 to 8: 1 is upright.
type turned int

// sideways reports whether width and height change places.
func (o turned) sideways() bool { return o >= 5 }

// turn returns a picture upright.
func (o turned) turn(p *image.NRGBA) *image.NRGBA {
	if o <= 1 {
		return p
	}
	width, height := p.Bounds().Dx(), p.Bounds().Dy()
	to := image.NewNRGBA(image.Rect(0, 0, width, height))
	if o.sideways() {
		to = image.NewNRGBA(image.Rect(0, 0, height, width))
	}
	for y := range height {
		for x := range width {
			atX, atY := o.place(x, y, width-1, height-1)
			copy(to.Pix[to.PixOffset(atX, atY):][:4], p.Pix[p.PixOffset(x, y):][:4])
		}
	}
	return to
}

// place returns where a pixel of the file is seen.
func (o turned) place(x, y, right, bottom int) (int, int) {
	switch o {
	case 2:
		return right - x, y
	case 3:
		return right - x, bottom - y
	case 4:
		return x, bottom - y
	case 5:
		return y, x
	case 6:
		return bottom - y, x
	case 7:
		return bottom - y, right - x
	case 8:
		return y, right - x
	}
	return x, y
}

// orientation returns what the beginning of a JPEG says of its orientation; upright, if it says nothing that makes sense.
func orientation(content []byte) turned {
	if !bytes.HasPrefix(content, []byte("\xff\xd8")) {
		return 1
	}
	for at := 2; at+4 <= len(content) && content[at] == 0xff && content[at+1] != 0xda; {
		marker, length := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if length < 2 || at+2+length > len(content) {
			return 1
		}
		segment := content[at+4 : at+2+length]
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return ofTIFF(tiff)
		}
		at += 2 + length
	}
	return 1
}

// ofTIFF reads the orientation in the first directory of a TIFF.
func ofTIFF(tiff []byte) turned {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if o := order.Uint16(entries[8:]); o >= 1 && o <= 8 {
				return turned(o)
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
