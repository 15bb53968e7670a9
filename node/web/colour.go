package web

import (
	"encoding/hex"
	"math"
	"strings"
)

// colour is a colour as #rrggbb.
type colour string

// minContrast is what text needs to be read, in hundredths. [ROLL-151]
const minContrast = 450

// parseColour reads #rrggbb and writes it anew; false if it is anything else.
func parseColour(text string) (colour, bool) {
	digits, hash := strings.CutPrefix(text, "#")
	rgb, err := hex.DecodeString(digits)
	if !hash || err != nil || len(rgb) != 3 {
		return "", false
	}
	return colourOf([3]byte(rgb)), true
}

func colourOf(rgb [3]byte) colour { return colour("#" + hex.EncodeToString(rgb[:])) }

func (c colour) rgb() [3]byte {
	rgb, _ := hex.DecodeString(string(c[1:]))
	return [3]byte(rgb)
}

// contrast is that of WCAG 2.2 in hundredths, rounded down.
func contrast(a, b colour) uint64 {
	light, dark := a.light(), b.light()
	return uint64((max(light, dark)+0.05)/(min(light, dark)+0.05)*100 + 1e-6)
}

func (c colour) light() (sum float64) {
	rgb := c.rgb()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := float64(rgb[i]) / 255
		if v <= 0.04045 {
			sum += weight * v / 12.92
		} else {
			sum += weight * math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return sum
}
