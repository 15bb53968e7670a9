package web

import (
	"slices"

	"muster.example/node/api"
)

// meetingNames are the settings about how a person's devices meet others and carry for them, in the order in which the page shows them.
var meetingNames = []string{"direct", "carry", "carry-bytes"}

// settingsScreen is what a person has chosen.
type settingsScreen struct {
	Plain   []api.Setting // of messages, and those that the page has no words for
	Meeting []choice      // of devices
	Link    api.Link      // of this device, in all organizations
}

// choice is a setting of a few values, which are words of the page.
type choice struct {
	api.Setting
	Values []string
}

// meetingValues are the values that a list offers for each; one that was chosen elsewhere is added.
var meetingValues = map[string][]string{
	"direct":      {"anywhere", "local", "never"},
	"carry":       {"on", "off"},
	"carry-bytes": {"policy", "16MiB", "64MiB", "256MiB", "1GiB"},
}

// arrange divides settings into those of messages and those of devices.
func arrange(all []api.Setting) (s settingsScreen) {
	for _, name := range meetingNames {
		if at := slices.IndexFunc(all, func(one api.Setting) bool { return one.Name == name }); at >= 0 {
			values := meetingValues[name]
			if !slices.Contains(values, all[at].Value) {
				values = append(slices.Clone(values), all[at].Value)
			}
			s.Meeting = append(s.Meeting, choice{all[at], values})
		}
	}
	for _, one := range all {
		if !slices.Contains(meetingNames, one.Name) {
			s.Plain = append(s.Plain, one)
		}
	}
	return s
}

// setLink chooses what this device's link is like. [API-177]
func setLink(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().SetLink(v.ctx(), api.LinkRequest{Mode: api.LinkMode(f.text("mode"))}); err != nil {
		return v.again(err, settings)
	}
	return goOn(v.In("settings")+"#meeting", "settings.kept")
}
