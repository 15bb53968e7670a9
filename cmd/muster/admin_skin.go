package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// maxSkinImage is the most bytes of an image that a node takes for a skin.
const maxSkinImage = 4 << 20

func (a *app) newAdminSkin() *cobra.Command {
	var query api.SkinQuery
	c := a.command(manual{
		use:   "skin [set KEY=VALUE...]",
		short: "show how the inbox looks, change it",
		about: `Shows the organization's skin: font, colours and background of its inbox in the app. Every
member may look, and may revise each part for themselves in the app.`,
		output: "One line for each part, in the form in which it is set: KEY=VALUE. No value: as the program has it.",
		json: `{"org", "org_name", "skin": {..}, "own": {..}, "image",
 "official": {"font", "background", "light": {"accent", "surface", "text", "rail"}, "dark": {..}}}`,
		examples: []string{"muster admin skin", "muster admin skin set font=serif light.accent='#14606b' background=dots"},
		see:      []string{"admin skin set", "admin policy"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Skin(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				a.inform("The skin of %s.", result.OrgName)
				printSkin(w, result.Official)
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.AddCommand(a.newAdminSkinSet())
	return c
}

func printSkin(w io.Writer, skin api.Skin) {
	for _, part := range skin.Parts() {
		terminal.Printf(w, "%s=%s\n", terminal.Line(part.Key), *part.Value)
	}
}

func (a *app) newAdminSkinSet() *cobra.Command {
	var org, image string
	var root rootFlags
	c := a.command(manual{
		use:   "set KEY=VALUE...",
		short: "change how the inbox looks",
		about: `Changes parts of the organization's skin, all in one event; what is not named stays. No value
puts a part back: font= . Fonts are ` + strings.Join(api.SkinFonts, ", ") + `; backgrounds
` + strings.Join(api.SkinBackgrounds, ", ") + `. Text needs a contrast of 4.5 to 1 with its surface.

An image (PNG, JPEG or GIF) is made a small tile of few colours before it is published.` + rootHelp,
		args:   []string{"KEY=VALUE   as muster admin skin shows them"},
		output: "The skin that is so now, one line for each part.",
		json:   `as of muster admin skin`,
		examples: []string{
			"muster admin skin set light.accent='#7a1f5c' light.rail='#3b0f2d'",
			"muster admin skin set background=image --image tile.png",
		},
		see: []string{"admin skin"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("KEY=VALUE is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request := api.SkinRequest{Org: org}
		var err error
		if request.Image, err = readImage(image); err != nil {
			return err
		}
		if request.RootWords, err = a.rootWords(c.Context(), root); err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error { return a.setSkin(c.Context(), client, request, args) })
	})
	c.Flags().StringVar(&org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&image, "image", "", "a `FILE` for background=image")
	root.add(c)
	return c
}

// setSkin changes the parts that are named.
func (a *app) setSkin(ctx context.Context, client *apiclient.Client, request api.SkinRequest, set []string) error {
	now, err := client.Skin(ctx, api.SkinQuery{Org: request.Org})
	if err != nil {
		return err
	}
	request.Skin = now.Official
	for _, change := range set {
		if err := changePart(&request.Skin, change); err != nil {
			return err
		}
	}
	result, err := client.SetOrgSkin(ctx, request)
	if err != nil {
		return err
	}
	return a.answer(result, func(w io.Writer) { printSkin(w, result.Official) })
}

func changePart(skin *api.Skin, change string) error {
	key, value, found := strings.Cut(change, "=")
	if !found {
		return usage("%q is not of the form KEY=VALUE", change)
	}
	for _, part := range skin.Parts() {
		if part.Key == key {
			*part.Value = value
			return nil
		}
	}
	return api.Errorf(api.CodeUsage, "a skin has no %q", key).WithHint("muster admin skin shows all keys")
}

// readImage reads a file that is not too large; nothing for no name.
func readImage(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	file, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSkinImage+1))
	if err == nil && len(data) > maxSkinImage {
		return nil, api.Errorf(api.CodeUsage, "the image has more than 4 MiB")
	}
	return data, err
}
