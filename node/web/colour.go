package web

import (
	"encoding/hex"
	"strings"

	"muster.example/node/api"
)

// colour is a colour as #rrggbb.
type colour string

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

// contrast is that of the roll's rule, in hundredths: what the page calls readable is what the roll takes. [ROLL-151]
func contrast(a, b colour) uint64 { return api.Contrast(string(a), string(b)) }
