package api

import "muster.example/membership"

// Skin is how an organization's inbox looks: data, never code. An empty field is as the program has it. [API-55]
type Skin struct {
	Font       string  `json:"font,omitzero"`       // one of SkinFonts
	Light      Palette `json:"light,omitzero"`      // where the person's system is light
	Dark       Palette `json:"dark,omitzero"`       // where it is dark
	Background string  `json:"background,omitzero"` // one of SkinBackgrounds
}

// Palette is colours as #rrggbb. Text on Surface must have a contrast of 4.5 by WCAG 2.2. What stands on Accent and Rail is
// black or white, whichever is read better.
type Palette struct {
	Accent  string `json:"accent,omitzero"`  // buttons, links, marks
	Surface string `json:"surface,omitzero"` // what text stands on
	Text    string `json:"text,omitzero"`
	Rail    string `json:"rail,omitzero"` // the edge with the organizations
}

// The choices of a skin, in the order of their numbers on the roll. Fonts are those of the person's system: none is ever
// fetched.
var (
	SkinFonts       = []string{"system", "serif", "rounded", "mono", "readable"}
	SkinBackgrounds = []string{"plain", "dots", "lines", "waves", "image"}
)

// DefaultLight and DefaultDark are the colours of the program, in the place of those that no skin has.
var (
	DefaultLight = Palette{Accent: "#14606b", Surface: "#ffffff", Text: "#1c2326", Rail: "#173b41"}
	DefaultDark  = Palette{Accent: "#7cc7d1", Surface: "#14191b", Text: "#e6ecee", Rail: "#0c1112"}
)

// MinContrast is what text needs to be read on its surface, in hundredths. [ROLL-151]
const MinContrast = membership.MinContrast

// Contrast returns the contrast of two colours #rrggbb by WCAG 2.2 in hundredths, rounded down, as the roll's rule counts it: 100
// to 2100. Both must be of that form, as those of every Skin that the node answers with are.
func Contrast(a, b string) uint64 {
	return membership.Contrast(membership.Colour(a), membership.Colour(b))
}

// SkinQuery asks for the skin of an organization.
type SkinQuery struct {
	Org string `json:"org,omitzero"`
}

// SkinResult is a skin with where each part comes from.
type SkinResult struct {
	Org      string `json:"org"`
	OrgName  string `json:"org_name"`
	Skin     Skin   `json:"skin"`     // what is to be shown: the organization's, with the person's own parts in its place
	Official Skin   `json:"official"` // the organization's
	Own      Skin   `json:"own"`      // the parts that the person revised
	// Image names what is behind Skin with the background "image", by its hash: GET /v1/skin/image. Empty: there is none.
	Image string `json:"image,omitzero"`
}

// SkinRequest changes a skin: the organization's, by an admin, or the person's own parts of it.
type SkinRequest struct {
	Org       string `json:"org,omitzero"`
	Skin      Skin   `json:"skin"`                // all parts; empty ones go back to what they were without
	Image     []byte `json:"image,omitempty"`     // a new image for the background "image" (PNG, JPEG, GIF), at most 4 MiB; none: the one before
	RootWords string `json:"root_words,omitzero"` // of the organization's skin alone: sign with the root key
}

// SkinPart is one value of a skin, with the name that people give it.
type SkinPart struct {
	Key   string
	Value *string // in the skin
}

// Parts returns all values of a skin, in the order in which they are shown.
func (s *Skin) Parts() []SkinPart {
	return []SkinPart{
		{"font", &s.Font}, {"background", &s.Background},
		{"light.accent", &s.Light.Accent}, {"light.surface", &s.Light.Surface}, {"light.text", &s.Light.Text}, {"light.rail", &s.Light.Rail},
		{"dark.accent", &s.Dark.Accent}, {"dark.surface", &s.Dark.Surface}, {"dark.text", &s.Dark.Text}, {"dark.rail", &s.Dark.Rail},
	}
}
