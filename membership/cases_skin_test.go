package membership_test

import (
	"bytes"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// tinyPNG begins as a PNG does; the rule looks no further.
var tinyPNG = []byte("\x89PNG\r\n\x1a\n")

// skinOf returns the skin of a palette for light.
func skinOf(p membership.Palette) membership.Skin { return membership.Skin{Light: &p} }

// skinCases: how an organization's inbox looks.
func skinCases() []foldCase {
	const form, readable = "[ROLL-150]", "[ROLL-151]"
	const malformed, contrast = membership.ReasonMalformed, membership.ReasonContrast
	by := func(key func(o *testOrg) keys.PrivateKey, skin membership.Skin) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent { return o.SkinEvent(key(o), skin) }
	}
	founder := func(o *testOrg) keys.PrivateKey { return o.Founder.Device() }
	of := func(skin membership.Skin) func(*testOrg) membership.SignedEvent { return by(founder, skin) }
	colours := func(text, surface membership.Colour) membership.Skin {
		return skinOf(membership.Palette{Text: text, Surface: surface})
	}
	dark := func(text, surface membership.Colour) membership.Skin {
		return membership.Skin{Dark: &membership.Palette{Text: text, Surface: surface}}
	}
	image := func(data []byte) membership.Skin {
		return membership.Skin{Background: membership.BackgroundImage, Image: data}
	}
	return []foldCase{
		ofEvent("ok_skin", form, "an admin chooses all of a skin", 0, of(membership.Skin{
			Font: membership.FontReadable, Background: membership.BackgroundImage,
			Image: append(bytes.Clone(tinyPNG), make([]byte, membership.MaxSkinImage-len(tinyPNG))...),
			Light: &membership.Palette{Accent: "#14606b", Surface: "#ffffff", Text: "#000000", Rail: "#173b41"},
			Dark:  &membership.Palette{Accent: "#7cc7d1", Surface: "#000000", Text: "#ffffff", Rail: "#0c1112"},
		})),
		ofEvent("ok_skin_root", form, "the root key goes back to no skin", 0,
			func(o *testOrg) membership.SignedEvent {
				o.SetSkin(o.Founder.Device(), membership.Skin{Font: membership.FontMono})
				return o.SkinEvent(o.Root, membership.Skin{})
			}),
		ofEvent("skin_member", form, "a member chooses a skin", membership.ReasonRole,
			by(func(o *testOrg) keys.PrivateKey { return o.Join("Ann").Device() }, membership.Skin{Font: membership.FontMono})),
		ofEvent("skin_recovery", form, "an admin's recovery key chooses a skin", membership.ReasonNotMember,
			by(func(o *testOrg) keys.PrivateKey { return o.Founder.Recovery }, membership.Skin{})),
		ofEvent("ok_skin_contrast", readable, "grey 76 on white, 4.54 to 1", 0, of(colours("#767676", "#ffffff"))),
		ofEvent("skin_contrast", readable, "grey 77 on white, 4.47 to 1", contrast, of(colours("#777777", "#ffffff"))),
		ofEvent("ok_skin_contrast_dark", readable, "grey 75 on black, 4.56 to 1", 0, of(dark("#757575", "#000000"))),
		ofEvent("skin_contrast_dark", readable, "grey 74 on black, 4.49 to 1", contrast, of(dark("#747474", "#000000"))),
		ofEvent("malformed_skin_text_alone", readable, "text without its surface", malformed, of(colours("#000000", ""))),
		ofEvent("malformed_skin_surface_alone", readable, "a dark surface without its text", malformed, of(dark("", "#000000"))),
		ofEvent("malformed_skin_colour", form, "a colour in large letters", malformed,
			of(skinOf(membership.Palette{Accent: "#ABCDEF"}))),
		ofEvent("malformed_skin_css", form, "a colour that is more than one", malformed,
			of(skinOf(membership.Palette{Accent: "#abcdef;}"}))),
		ofEvent("malformed_skin_palette", form, "a palette without a colour", malformed, of(skinOf(membership.Palette{}))),
		ofEvent("malformed_skin_font", form, "a font that there is not", malformed, of(membership.Skin{Font: 6})),
		ofEvent("malformed_skin_background", form, "a background that there is not", malformed, of(membership.Skin{Background: 6})),
		ofEvent("malformed_skin_image_missing", form, "the background of an image without one", malformed, of(image(nil))),
		ofEvent("malformed_skin_image_idle", form, "an image behind another background", malformed,
			of(membership.Skin{Background: membership.BackgroundDots, Image: tinyPNG})),
		ofEvent("malformed_skin_image_type", form, "an image that is no PNG", malformed, of(image([]byte("<svg onload=alert(1)>")))),
		ofEvent("malformed_skin_image_size", form, "an image of 3 KiB and a byte", malformed,
			of(image(append(bytes.Clone(tinyPNG), make([]byte, membership.MaxSkinImage+1-len(tinyPNG))...)))),
	}
}
