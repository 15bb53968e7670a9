package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"muster.example/membership"
	"muster.example/node/api"
)

// settingSkin holds the parts of the skin that a person revised, and the image behind them, as the JSON of ownSkin: one
// record, so that other devices have all or nothing of it.
const settingSkin = "skin"

// ownSkin is what a person revised.
type ownSkin struct {
	Skin  api.Skin `json:"skin"`
	Image []byte   `json:"image,omitempty"` // PNG
}

// Skin tells how the inbox of an organization looks, and where each part comes from.
func (n *Node) Skin(_ context.Context, query api.SkinQuery) (api.SkinResult, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.SkinResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	result, _ := o.skinLocked()
	return result, nil
}

// SkinImage returns the image of the skin that is to be shown, encoded by this program.
func (n *Node) SkinImage(_ context.Context, query api.SkinQuery) ([]byte, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	_, image := o.skinLocked()
	o.mu.Unlock()
	if image == nil {
		return nil, api.Errorf(api.CodeNotFound, "there is no image behind this inbox")
	}
	return image, nil
}

// SetOrgSkin changes how an organization's inbox looks to everybody who does not revise it. It returns when the own roll
// holds it.
func (n *Node) SetOrgSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.SkinResult{}, err
	}
	o.mu.Lock()
	before := o.roll.State().Skin()
	o.mu.Unlock()
	image, err := imageFor(request, before.Image, membership.MaxSkinImage)
	if err != nil {
		return api.SkinResult{}, err
	}
	skin, err := rollSkin(request.Skin, image)
	if err != nil {
		return api.SkinResult{}, err
	}
	root, err := o.rootKey(request.RootWords)
	if err != nil {
		return api.SkinResult{}, err
	}
	if !skin.Equal(before) {
		if _, err := o.decide(ctx, membership.Event{Skin: &skin}, root); err != nil {
			return api.SkinResult{}, err
		}
	}
	return n.Skin(ctx, api.SkinQuery{Org: o.org.String()})
}

// SetOwnSkin revises parts of the skin for this account, on all its devices; empty parts are the organization's again.
func (n *Node) SetOwnSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.SkinResult{}, err
	}
	o.mu.Lock()
	official, before := o.roll.State().Skin(), o.ownSkinLocked()
	o.mu.Unlock()
	own := ownSkin{Skin: request.Skin}
	if own.Image, err = imageFor(request, before.Image, maxOwnImage); err != nil {
		return api.SkinResult{}, err
	}
	if err := tidySkin(&own.Skin); err != nil {
		return api.SkinResult{}, err
	}
	if err := revisable(apiSkin(official), own.Skin); err != nil {
		return api.SkinResult{}, err
	}
	value := ""
	if own.Skin != (api.Skin{}) {
		encoded, err := json.Marshal(own)
		if err != nil {
			return api.SkinResult{}, err
		}
		value = string(encoded)
	}
	if err := o.choose(settingSkin, value); err != nil {
		return api.SkinResult{}, err
	}
	return n.Skin(ctx, api.SkinQuery{Org: o.org.String()})
}

// tellSkinLocked tells watchers that the skin to be shown is another, so that open pages put it on. Callers hold mu.
func (o *organization) tellSkinLocked() {
	o.node.hub.publish(api.Event{Kind: api.EventSkin, Time: o.now().UTC(), Org: o.org.String()})
}

// imageFor returns the image that a request asks for: a new one, made small, or the one before.
func imageFor(request api.SkinRequest, before []byte, most int) ([]byte, error) {
	switch {
	case request.Skin.Background != "image" && len(request.Image) > 0:
		return nil, api.Errorf(api.CodeUsage, "an image goes with the background \"image\"")
	case request.Skin.Background != "image":
		return nil, nil
	case len(request.Image) > 0:
		return smallImage(request.Image, most)
	case len(before) == 0:
		return nil, api.Errorf(api.CodeUsage, "the background \"image\" needs an image").WithHint("choose a PNG, JPEG or GIF of at most 4 MiB")
	}
	return before, nil
}

// skinLocked returns what is shown, with its image. Callers hold mu.
func (o *organization) skinLocked() (api.SkinResult, []byte) {
	state, own := o.roll.State(), o.ownSkinLocked()
	official := state.Skin()
	result := api.SkinResult{Org: o.org.String(), OrgName: state.OrgName(), Official: apiSkin(official), Own: own.Skin}
	result.Skin = mergeSkin(result.Official, own.Skin)
	if result.Skin.Background != "image" {
		return result, nil
	}
	image := official.Image
	if own.Skin.Background != "" {
		image = own.Image
	}
	image, err := o.tileLocked(image)
	if err != nil { // the roll asks no more of an image than how it begins
		o.log.Debug("the image of the skin is not shown", "error", err)
		result.Skin.Background = ""
		return result, nil
	}
	sum := sha256.Sum256(image)
	result.Image = hex.EncodeToString(sum[:8])
	return result, image
}

// tile is an image of a skin and what was made of it: every page asks for it.
type tile struct {
	from, clean []byte
	err         error
}

// tileLocked is cleanImage, which is not done again for the same image. Callers hold mu.
func (o *organization) tileLocked(image []byte) ([]byte, error) {
	if o.tile.from == nil || !bytes.Equal(o.tile.from, image) {
		clean, err := cleanImage(image)
		o.tile = tile{bytes.Clone(image), clean, err}
	}
	return o.tile.clean, o.tile.err
}

// ownSkinLocked returns what the person revised, nothing if another version wrote what this one does not know. Callers hold mu.
func (o *organization) ownSkinLocked() (own ownSkin) {
	value, ok := o.view.Setting(settingSkin)
	if !ok || value == "" {
		return ownSkin{}
	}
	if json.Unmarshal([]byte(value), &own) != nil || tidySkin(&own.Skin) != nil || (own.Skin.Background == "image") != (len(own.Image) > 0) {
		return ownSkin{}
	}
	return own
}

// mergeSkin puts own parts in the place of the organization's. Own colours of text or surface that cannot be read with what
// the organization has since chosen give way to its.
func mergeSkin(official, own api.Skin) api.Skin {
	merged := official
	replace(&merged.Font, own.Font)
	replace(&merged.Background, own.Background)
	mergePalette(&merged.Light, own.Light, api.DefaultLight)
	mergePalette(&merged.Dark, own.Dark, api.DefaultDark)
	return merged
}

func mergePalette(p *api.Palette, own, preset api.Palette) {
	replace(&p.Accent, own.Accent)
	replace(&p.Rail, own.Rail)
	if pair := pairOf(*p, own, preset); pair.Text != "" && unreadable(pair) == nil {
		p.Text, p.Surface = pair.Text, pair.Surface
	}
}

// pairOf returns text and surface as they are with own ones; none if nobody chose any.
func pairOf(p, own, preset api.Palette) (pair api.Palette) {
	replace(&p.Text, own.Text)
	replace(&p.Surface, own.Surface)
	if p.Text == "" && p.Surface == "" {
		return pair
	}
	pair = api.Palette{Text: preset.Text, Surface: preset.Surface}
	replace(&pair.Text, p.Text)
	replace(&pair.Surface, p.Surface)
	return pair
}

// unreadable returns why text cannot be read on its surface, nil if it can.
func unreadable(p api.Palette) error {
	c := membership.Contrast(membership.Colour(p.Text), membership.Colour(p.Surface))
	if c >= membership.MinContrast {
		return nil
	}
	return api.Errorf(api.CodeUsage, "text %s on %s cannot be read well: the contrast is %d.%02d to 1", p.Text, p.Surface, c/100, c%100).
		WithHint("choose colours further apart: 4.5 to 1 at least")
}

// revisable returns why own parts cannot take the place of the organization's, nil if they can.
func revisable(official, own api.Skin) error {
	for _, pair := range []api.Palette{
		pairOf(official.Light, own.Light, api.DefaultLight), pairOf(official.Dark, own.Dark, api.DefaultDark),
	} {
		if pair.Text != "" {
			if err := unreadable(pair); err != nil {
				return err
			}
		}
	}
	return nil
}

func replace(part *string, by string) {
	if by != "" {
		*part = by
	}
}

// partName returns the key of a part for a sentence. With its dot a terminal takes it for a host.
func partName(part api.SkinPart) string { return strings.ReplaceAll(part.Key, ".", " ") }

// tidySkin checks the values of a skin and puts its colours into small letters.
func tidySkin(s *api.Skin) error {
	if s.Font != "" && !slices.Contains(api.SkinFonts, s.Font) {
		return api.Errorf(api.CodeUsage, "there is no font %q", s.Font).WithHint("fonts are %v", api.SkinFonts)
	}
	if s.Background != "" && !slices.Contains(api.SkinBackgrounds, s.Background) {
		return api.Errorf(api.CodeUsage, "there is no background %q", s.Background).WithHint("backgrounds are %v", api.SkinBackgrounds)
	}
	for _, part := range s.Parts()[2:] { // the colours
		if *part.Value == "" {
			continue
		}
		c, err := membership.ParseColour(*part.Value)
		if err != nil {
			return api.Errorf(api.CodeUsage, "%s: %v", partName(part), err)
		}
		*part.Value = string(c)
	}
	return nil
}
