package node

import (
	"fmt"
	"slices"
	"strings"

	"muster.example/membership"
	"muster.example/node/api"
)

// apiSkin returns the skin of the roll in the words of the API.
func apiSkin(s membership.Skin) (skin api.Skin) {
	if s.Font > 0 {
		skin.Font = api.SkinFonts[s.Font-1]
	}
	if s.Background > 0 {
		skin.Background = api.SkinBackgrounds[s.Background-1]
	}
	skin.Light, skin.Dark = apiPalette(s.Light), apiPalette(s.Dark)
	return skin
}

func apiPalette(p *membership.Palette) api.Palette {
	if p == nil {
		return api.Palette{}
	}
	return api.Palette{Accent: string(p.Accent), Surface: string(p.Surface), Text: string(p.Text), Rail: string(p.Rail)}
}

// rollSkin returns a skin as the roll takes it. Text without a surface gets the program's, and the other way round.
func rollSkin(skin api.Skin, image []byte) (s membership.Skin, err error) {
	if err := tidySkin(&skin); err != nil {
		return s, err
	}
	s.Font = membership.Font(slices.Index(api.SkinFonts, skin.Font) + 1)
	s.Background = membership.Background(slices.Index(api.SkinBackgrounds, skin.Background) + 1)
	s.Image = image
	if s.Light, err = rollPalette(skin.Light, api.DefaultLight); err != nil {
		return s, err
	}
	s.Dark, err = rollPalette(skin.Dark, api.DefaultDark)
	return s, err
}

func rollPalette(p, preset api.Palette) (*membership.Palette, error) {
	if p == (api.Palette{}) {
		return nil, nil
	}
	if pair := pairOf(p, api.Palette{}, preset); pair.Text != "" {
		if err := unreadable(pair); err != nil {
			return nil, err
		}
		p.Text, p.Surface = pair.Text, pair.Surface
	}
	return &membership.Palette{
		Accent: membership.Colour(p.Accent), Surface: membership.Colour(p.Surface), Text: membership.Colour(p.Text), Rail: membership.Colour(p.Rail),
	}, nil
}

// skinText says what a skin of the roll sets.
func skinText(s membership.Skin) string {
	skin := apiSkin(s)
	var parts []string
	for _, part := range skin.Parts() {
		if *part.Value != "" {
			parts = append(parts, partName(part)+"="+*part.Value)
		}
	}
	if len(s.Image) > 0 {
		parts = append(parts, fmt.Sprintf("an image of %d bytes", len(s.Image)))
	}
	if len(parts) == 0 {
		return "as the program has it"
	}
	return strings.Join(parts, ", ")
}
