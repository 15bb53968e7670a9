package web

import (
	"fmt"
	"strings"

	"muster.example/node/api"
)

// fontStacks are the fonts of each choice: those that systems have, the first that is there.
var fontStacks = map[string]string{
	"system":   `system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif`,
	"serif":    `Georgia, "Noto Serif", "Noto Naskh Arabic", "Times New Roman", serif`,
	"rounded":  `ui-rounded, "SF Pro Rounded", "Arial Rounded MT Bold", Nunito, "Varela Round", system-ui, sans-serif`,
	"mono":     `ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace`,
	"readable": `"Atkinson Hyperlegible", Verdana, "DejaVu Sans", "Noto Sans", sans-serif`,
}

// patterns are the backgrounds, drawn in the soft colour, on which all text can be read.
var patterns = map[string]string{
	"dots":  "background-image: radial-gradient(var(--soft) 28%, transparent 30%); background-size: 1.5rem 1.5rem;",
	"lines": "background-image: repeating-linear-gradient(135deg, var(--soft) 0 .5rem, transparent .5rem 1.5rem);",
	"waves": "background-image: radial-gradient(circle at 50% 100%, transparent 35%, var(--soft) 36% 55%, transparent 56%); " +
		"background-size: 3rem 1.5rem;",
}

// panel puts text before an image onto its own surface: an image may have any colour.
const panel = "background: var(--surface); padding: 1rem; border-radius: var(--radius);"

// skinCSS returns the style of a skin. Nothing of it is taken over as it stands: fonts and backgrounds are chosen from lists
// here, and colours are read and written anew. tile is an address of the app, or empty.
func skinCSS(s api.Skin, tile string) string {
	var css strings.Builder
	css.WriteString(":root {\n")
	if s.Light != (api.Palette{}) {
		tones, _ := tonesOf(s.Light, lightTheme)
		tones.write(&css, "--skin-")
	}
	if s.Dark != (api.Palette{}) {
		tones, _ := tonesOf(s.Dark, darkTheme)
		tones.write(&css, "--skin-dark-")
	}
	if font, ok := fontStacks[s.Font]; ok {
		fmt.Fprintf(&css, "--skin-font: %s;\n", font)
	}
	css.WriteString("}\n")
	if pattern, ok := patterns[s.Background]; ok {
		fmt.Fprintf(&css, "main { %s }\n", pattern)
	}
	if s.Background == "image" && tile != "" {
		fmt.Fprintf(&css, "main { background-image: url(%q); }\nmain > :not(.notice, :empty) { %s }\n", tile, panel)
	}
	return css.String()
}

// previewCSS returns the style of two boxes that show a skin before it is chosen, in light and in dark. Where text cannot be
// read, it shows the words that say so.
func previewCSS(s api.Skin, tile string) string {
	var css strings.Builder
	for i, p := range []api.Palette{s.Light, s.Dark} {
		theme := []theme{lightTheme, darkTheme}[i]
		tones, readable := tonesOf(p, theme)
		fmt.Fprintf(&css, ".preview.%s {\n", theme.name)
		tones.write(&css, "--")
		css.WriteString("}\n")
		if !readable {
			fmt.Fprintf(&css, ".unreadable.%s { display: block; }\n", theme.name)
		}
	}
	if font, ok := fontStacks[s.Font]; ok {
		fmt.Fprintf(&css, ".preview { font-family: %s; }\n", font)
	}
	if pattern, ok := patterns[s.Background]; ok {
		fmt.Fprintf(&css, ".preview .paper { %s }\n", pattern)
	}
	if s.Background == "image" && tile != "" {
		fmt.Fprintf(&css, ".preview .paper { background-image: url(%q); }\n.preview .paper > * { %s }\n", tile, panel)
	}
	return css.String()
}
