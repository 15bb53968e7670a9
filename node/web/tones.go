package web

import (
	"fmt"
	"io"

	"muster.example/node/api"
)

// theme is what the program has where a skin says nothing.
type theme struct {
	name        string
	preset      api.Palette
	alarm, good colour
}

var (
	lightTheme = theme{"light", api.DefaultLight, "#a3201b", "#1c6b3c"}
	darkTheme  = theme{"dark", api.DefaultDark, "#ff9d94", "#86d3a2"}
)

// tones are all colours of a theme: those of a palette, and what follows from them so that everything can be read.
type tones struct {
	accent, onAccent, surface, text, rail, onRail, railSoft, soft, line, quiet, edge, alarm, alarmSoft, good colour
}

// tonesOf makes the tones of a palette. It reports false if text cannot be read on its surface, and takes those of the
// program then. An accent that cannot be read on the surface goes towards the text until it can: links have it.
func tonesOf(p api.Palette, of theme) (t tones, readable bool) {
	fillPalette(&p, of.preset)
	t.surface, t.text, readable = colour(p.Surface), colour(p.Text), true
	if contrast(t.text, t.surface) < api.MinContrast {
		t.surface, t.text, readable = colour(of.preset.Surface), colour(of.preset.Text), false
	}
	reads := func(on ...colour) func(colour) bool {
		return func(c colour) bool {
			for _, ground := range on {
				if contrast(c, ground) < api.MinContrast {
					return false
				}
			}
			return true
		}
	}
	t.soft = back(t.text, t.surface, 7, reads(t.text))
	t.line = back(t.text, t.surface, 18, reads(t.text))
	t.quiet = towards(mix(t.text, t.surface, 76), t.text, reads(t.surface, t.soft))
	t.edge = towards(mix(t.text, t.surface, 55), t.text, func(c colour) bool { return contrast(c, t.surface) >= 300 })
	t.accent = towards(colour(p.Accent), t.text, reads(t.surface, t.soft))
	t.onAccent = blackOrWhite(t.accent)
	t.rail = colour(p.Rail)
	t.onRail = blackOrWhite(t.rail)
	t.railSoft = back(t.onRail, t.rail, 18, reads(t.onRail))
	t.alarm = towards(of.alarm, t.text, reads(t.surface, t.soft))
	t.alarmSoft = back(t.alarm, t.surface, 10, reads(t.alarm, t.text, t.accent))
	t.good = towards(of.good, t.text, reads(t.surface, t.soft))
	return t, readable
}

// fillPalette puts colours in the place of those that are empty, or none.
func fillPalette(p *api.Palette, preset api.Palette) {
	for _, part := range []struct{ to, from *string }{
		{&p.Accent, &preset.Accent}, {&p.Surface, &preset.Surface}, {&p.Text, &preset.Text}, {&p.Rail, &preset.Rail},
	} {
		parsed, ok := parseColour(*part.to)
		if !ok {
			parsed = colour(*part.from)
		}
		*part.to = string(parsed)
	}
}

// mix returns so many hundredths of a colour in another.
func mix(a, b colour, share int) colour {
	from, to := a.rgb(), b.rgb()
	var mixed [3]byte
	for i := range mixed {
		mixed[i] = byte((int(from[i])*share + int(to[i])*(100-share) + 50) / 100)
	}
	return colourOf(mixed)
}

// towards returns the first colour on the way to a goal that will do, or the goal.
func towards(c, goal colour, will func(colour) bool) colour {
	for share := range 100 {
		if mixed := mix(goal, c, share); will(mixed) {
			return mixed
		}
	}
	return goal
}

// back returns a ground with as much of a colour in it, up to a share, as will do; the ground itself if none does.
func back(c, ground colour, share int, will func(colour) bool) colour {
	for ; share > 0; share-- {
		if mixed := mix(c, ground, share); will(mixed) {
			return mixed
		}
	}
	return ground
}

func blackOrWhite(on colour) colour {
	if contrast("#000000", on) > contrast("#ffffff", on) {
		return "#000000"
	}
	return "#ffffff"
}

// write writes the tones as variables whose names begin so.
func (t tones) write(w io.Writer, prefix string) {
	for _, v := range []struct {
		name  string
		value colour
	}{
		{"accent", t.accent}, {"on-accent", t.onAccent}, {"surface", t.surface}, {"text", t.text},
		{"rail", t.rail}, {"on-rail", t.onRail}, {"rail-soft", t.railSoft}, {"soft", t.soft}, {"line", t.line}, {"quiet", t.quiet},
		{"edge", t.edge}, {"alarm", t.alarm}, {"alarm-soft", t.alarmSoft}, {"good", t.good},
	} {
		fmt.Fprintf(w, "%s%s: %s;\n", prefix, v.name, v.value)
	}
}
