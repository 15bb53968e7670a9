package membership

import (
	"bytes"

	"muster.example/internal/wire"
)

// Skin is the event by which an admin or the root key chooses how the organization's inbox looks: data, never code. It
// replaces the skin before it as a whole; what is zero is as the program has it. [ROLL-150] [ROLL-151]
type Skin struct {
	plain
	Font       Font       `cbor:"1,keyasint,omitempty"`
	Light      *Palette   `cbor:"2,keyasint,omitempty"` // where the person's system is light
	Dark       *Palette   `cbor:"3,keyasint,omitempty"` // where it is dark
	Background Background `cbor:"4,keyasint,omitempty"`
	Image      []byte     `cbor:"5,keyasint,omitempty"` // a PNG, with BackgroundImage alone
}

// Palette is colours. Text and Surface come together or not at all, so that a rule can say whether they can be read.
type Palette struct {
	Accent  Colour `cbor:"1,keyasint,omitempty"`
	Surface Colour `cbor:"2,keyasint,omitempty"`
	Text    Colour `cbor:"3,keyasint,omitempty"`
	Rail    Colour `cbor:"4,keyasint,omitempty"`
}

// Font is one of the kinds of fonts that every system has; none is fetched.
type Font uint8

// The fonts. Numbers are not used again.
const (
	FontSystem   Font = 1
	FontSerif    Font = 2
	FontRounded  Font = 3
	FontMono     Font = 4
	FontReadable Font = 5 // wide and plain, for who reads with difficulty
)

// Background is what lies behind messages.
type Background uint8

// The backgrounds. Numbers are not used again.
const (
	BackgroundPlain Background = 1
	BackgroundDots  Background = 2
	BackgroundLines Background = 3
	BackgroundWaves Background = 4
	BackgroundImage Background = 5 // the image of the skin, as tiles
)

// pngSignature is how every PNG begins.
var pngSignature = []byte("\x89PNG\r\n\x1a\n")

func (*Skin) kind() *kind { return &skinKind }

func (s *Skin) form() error {
	switch {
	case s.Font > FontReadable:
		return refuse(ReasonMalformed, "no font has number %d", uint8(s.Font))
	case s.Background > BackgroundImage:
		return refuse(ReasonMalformed, "no background has number %d", uint8(s.Background))
	case (s.Background == BackgroundImage) != (len(s.Image) > 0):
		return refuse(ReasonMalformed, "an image goes with the background that shows it")
	case len(s.Image) > MaxSkinImage:
		return refuse(ReasonMalformed, "an image of %d bytes where at most %d are allowed", len(s.Image), MaxSkinImage)
	case len(s.Image) > 0 && !bytes.HasPrefix(s.Image, pngSignature):
		return refuse(ReasonMalformed, "an image that is no PNG")
	}
	for _, p := range []*Palette{s.Light, s.Dark} {
		if p == nil {
			continue
		}
		if err := p.form(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Palette) form() error {
	if *p == (Palette{}) {
		return refuse(ReasonMalformed, "a palette without a colour")
	}
	for _, c := range []Colour{p.Accent, p.Surface, p.Text, p.Rail} {
		if c != "" && !c.valid() {
			return refuse(ReasonMalformed, "a colour that is not # and six small hexadecimal digits")
		}
	}
	if (p.Surface == "") != (p.Text == "") {
		return refuse(ReasonMalformed, "a colour of text without that of its surface, or the other way round")
	}
	return nil
}

// Readable returns nil if text can be read in both palettes, else a *Refusal with ReasonContrast. [ROLL-151]
func (s *Skin) Readable() error {
	for _, p := range []*Palette{s.Light, s.Dark} {
		if p == nil || p.Text == "" {
			continue
		}
		if c := Contrast(p.Text, p.Surface); c < MinContrast {
			return refuse(ReasonContrast, "text %s on %s has a contrast of %d.%02d, at least 4.50 is asked", p.Text, p.Surface, c/100, c%100)
		}
	}
	return nil
}

// Equal reports whether two skins are the same.
func (s *Skin) Equal(other Skin) bool { return bytes.Equal(wire.Encode(s), wire.Encode(&other)) }

// clone returns a copy that shares nothing.
func (s *Skin) clone() Skin {
	c := *s
	c.Light, c.Dark, c.Image = s.Light.clone(), s.Dark.clone(), bytes.Clone(s.Image)
	return c
}

func (p *Palette) clone() *Palette {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

var skinKind = kind{
	rules: []rule{sequenced, byAdmin, counted, func(_ *State, c *change) error { return c.event.Skin.Readable() }},
	apply: func(s *State, c *change) { s.skin = c.event.Skin.clone() },
}

// Skin returns how the organization's inbox looks; zero if nobody chose.
func (s *State) Skin() Skin { return s.skin.clone() }
