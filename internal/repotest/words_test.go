package repotest

import (
	"regexp"
	"testing"
)

// forbidden is text that must not be in the repository. The patterns are split so that this file passes.
var forbidden = []struct {
	pattern *regexp.Regexp
	why     string
	ours    bool // of what is written here alone
}{
	{regexp.MustCompile(`(?:^|[\s"'=(:,])/(?:ho` + `me|Us` + `ers|ro` + `ot|wo` + `rk)/[A-Za-z0-9._-]`), "a path of one machine", false},
	{regexp.MustCompile(`(?i)\b(?:proxy|sum|index)\.go` + `lang\.org|registry\.np` + `mjs\.org|deb\.deb` + `ian\.org|pypi\.org|goproxy\.(?:io|cn)`),
		"a registry's host name: machines are set up to find their own", false},
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIV` + `ATE KEY-----|AGE-SECRET-` + `KEY-1`), "a private key", false},
	{regexp.MustCompile(`(?i)\b(?:cla` + `ude|anthro` + `pic|open` + `ai|chat` + `gpt|sub-?ag` + `ents?)\b`), "a word about how the work is done", false},
	{regexp.MustCompile(`(?i)\b(?:issue|ticket|pull request|PR) ?#?[0-9]+\b`),
		"a reference to a tracker: say the reason, which the reader has at hand", true},
	{regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|XX` + `X)\b`), "a note to nobody: do it, or write down the limit", true},
}

// published are files of others, as they published them.
var published = regexp.MustCompile(`(?:^|/)third_party/[^/]+/`)

func TestForbiddenWords(t *testing.T) {
	each(t, func(f *file) bool { return f.path != "go.sum" }, func(f *file) {
		for _, rule := range forbidden {
			if rule.ours && published.MatchString(f.path) {
				continue
			}
			if found := rule.pattern.Find(f.data); found != nil {
				t.Errorf("%s holds %q: %s", f.path, found, rule.why)
			}
		}
	})
}
