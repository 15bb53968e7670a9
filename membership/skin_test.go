package membership_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// A skin holds until the next one, which replaces it as a whole. [ROLL-150]
func TestSkinIsReplacedAsAWhole(t *testing.T) {
	o := membershiptest.New(t, 1)
	if got := o.Roll.State().Skin(); got.Font != 0 || got.Light != nil {
		t.Errorf("at first %+v", got)
	}
	o.SetSkin(o.Founder.Device(), membership.Skin{Font: membership.FontSerif, Light: &membership.Palette{Rail: "#123456"}})
	got := o.Roll.State().Skin()
	if got.Font != membership.FontSerif || got.Light == nil || got.Light.Rail != "#123456" {
		t.Errorf("chosen: %+v", got)
	}
	got.Light.Rail = "#000000" // the caller's own
	if again := o.Roll.State().Skin(); again.Light.Rail != "#123456" {
		t.Error("what a caller does to a skin changes the roll's")
	}
	o.SetSkin(o.Root, membership.Skin{Background: membership.BackgroundWaves})
	if got := o.Roll.State().Skin(); got.Font != 0 || got.Light != nil || got.Background != membership.BackgroundWaves {
		t.Errorf("replaced: %+v", got)
	}
}

// Contrast counts as WCAG 2.2 says, in any order, but for what rounding takes. [ROLL-151]
func TestContrastIsThatOfWCAG(t *testing.T) {
	for _, c := range []struct {
		a, b membership.Colour
		want uint64
	}{{"#000000", "#ffffff", 2100}, {"#767676", "#ffffff", 454}, {"#ff0000", "#ffffff", 399}, {"#123456", "#123456", 100}} {
		if got := membership.Contrast(c.a, c.b); got != c.want {
			t.Errorf("%s on %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	light := func(rgb [3]byte) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := float64(rgb[i]) / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += weight * v
		}
		return sum
	}
	colour := rapid.Custom(func(rt *rapid.T) [3]byte {
		return [3]byte{rapid.Byte().Draw(rt, "r"), rapid.Byte().Draw(rt, "g"), rapid.Byte().Draw(rt, "b")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b := colour.Draw(rt, "a"), colour.Draw(rt, "b")
		want := (max(light(a), light(b)) + 0.05) / (min(light(a), light(b)) + 0.05) * 100
		got := membership.Contrast(membership.ColourOf(a), membership.ColourOf(b))
		if got != membership.Contrast(membership.ColourOf(b), membership.ColourOf(a)) || math.Abs(float64(got)+0.5-want) > 0.6 {
			rt.Fatalf("%v on %v: %d, want %.2f", a, b, got, want)
		}
		if membership.ColourOf(a).RGB() != a {
			rt.Fatalf("%v is written as %s", a, membership.ColourOf(a))
		}
	})
}

// People write colours in letters of any case, and nothing else.
func TestParseColour(t *testing.T) {
	if c, err := membership.ParseColour("#ABcd09"); err != nil || c != "#abcd09" {
		t.Errorf("%q, %v", c, err)
	}
	for _, text := range []string{"", "#", "#abc", "abcdef0", "#abcdeg", "#abcdef;", "#abcdeé", "red", "# abcde"} {
		if c, err := membership.ParseColour(text); err == nil {
			t.Errorf("%q is taken for %q", text, c)
		}
	}
}
