package picture_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"muster.example/node/web/hostiletest"
	"muster.example/node/web/picture"
)

// Of hostile files those are shown that are pictures by their content, written anew; Size and Make agree about them.
func TestHostilePictures(t *testing.T) {
	for _, f := range hostiletest.Files() {
		t.Run(f.Name, func(t *testing.T) {
			width, height, err := picture.Size(bytes.NewReader(f.Content))
			if (err == nil) != f.Picture {
				t.Fatalf("Size says %v, want a picture: %v", err, f.Picture)
			}
			made, err := picture.Make(f.Content)
			if (err == nil) != (f.Picture && !f.Broken) {
				t.Fatalf("Make says %v", err)
			}
			if err != nil {
				if !errors.Is(err, picture.ErrKind) && !errors.Is(err, picture.ErrLarge) && !errors.Is(err, picture.ErrBroken) {
					t.Errorf("%v is no error that is known", err)
				}
				return
			}
			config, kind, err := image.DecodeConfig(bytes.NewReader(made.Content))
			if err != nil || "image/"+kind != made.Type || config.Width != width || config.Height != height || made.Width != width || made.Height != height {
				t.Errorf("made %s %dx%d (%s %+v %v), and %dx%d was announced", made.Type, made.Width, made.Height, kind, config, err, width, height)
			}
			if width > picture.MaxShown || height > picture.MaxShown {
				t.Errorf("it is shown %d wide and %d high", width, height)
			}
			if bytes.Contains(made.Content, []byte("elsewhere")) || bytes.Contains(made.Content, []byte("PK\x03\x04")) {
				t.Error("it holds what stood beside the picture")
			}
		})
	}
}

// A JPEG that goes over its picture too often is not read.
func TestPassesAreBounded(t *testing.T) {
	if _, err := picture.Make(append(hostiletest.JPEG(900, 700), bytes.Repeat([]byte("\xff\xda"), 1000)...)); !errors.Is(err, picture.ErrLarge) {
		t.Errorf("got %v", err)
	}
}

// A photograph is shown upright, whichever way the camera was held, and without what the camera wrote of it.
func TestOrientation(t *testing.T) {
	upright := image.NewRGBA(image.Rect(0, 0, 64, 32))
	for i := range upright.Pix {
		upright.Pix[i] = 255
	}
	for y := range 16 {
		for x := range 16 { // black in the upper left corner
			upright.Set(x, y, color.Black)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, upright, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	for o, corner := range map[byte]image.Point{ // where the black corner is seen
		0: {0, 0}, 1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}, 9: {0, 0},
	} {
		exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), o, 0, 0, 0, 0, 0, 0)
		made, err := picture.Make(append(append([]byte("\xff\xd8"), exif...), b.Bytes()[2:]...))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(made.Content, []byte("Exif")) {
			t.Error("what the camera wrote is kept")
		}
		seen, err := png.Decode(bytes.NewReader(made.Content))
		if err != nil {
			t.Fatal(err)
		}
		size := seen.Bounds().Size()
		if sideways := o >= 5 && o <= 8; sideways != (size.Y > size.X) {
			t.Errorf("orientation %d is %v", o, size)
		}
		for _, c := range []image.Point{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
			r, _, _, _ := seen.At(4+c.X*(size.X-9), 4+c.Y*(size.Y-9)).RGBA()
			if black := r < 0x8000; black != (c == corner) {
				t.Errorf("orientation %d: corner %v is black: %v", o, c, black)
			}
		}
	}
}

func FuzzMake(f *testing.F) {
	for _, file := range hostiletest.Files() {
		f.Add(file.Content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		made, err := picture.Make(content)
		if err == nil && (made.Width > picture.MaxShown || made.Height > picture.MaxShown) {
			t.Errorf("%dx%d", made.Width, made.Height)
		}
	})
}
