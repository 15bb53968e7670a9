package repotest

import (
	"regexp"
	"testing"
)

// forbidden is text that must not be in the repository. The patterns are split so that this file passes.
var forbidden = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`(?:^|[\s"'=(:,])/(?:ho` + `me|Us` + `ers|ro` + `ot|wo` + `rk)/[A-Za-z0-9._-]`), "a path of one machine"},
	{regexp.MustCompile(`(?i)\b(?:proxy|sum|index)\.go` + `lang\.org|registry\.np` + `mjs\.org|deb\.deb` + `ian\.org|pypi\.org|goproxy\.(?:io|cn)`),
		"a registry's host name: machines are set up to find their own"},
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIV` + `ATE KEY-----|AGE-SECRET-` + `KEY-1`), "a private key"},
	{regexp.MustCompile(`(?i)\b(?:cla` + `ude|anthro` + `pic|open` + `ai|chat` + `gpt|sub-?ag` + `ents?)\b`), "a word about how the work is done"},
	{regexp.MustCompile(`(?i)\b(?:issue|ticket|pull request|PR) ?#?[0-9]+\b`),
		"a reference to a tracker: say the reason, which the reader has at hand"},
	{regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|XX` + `X)\b`), "a note to nobody: do it, or write down the limit"},
}

func TestForbiddenWords(t *testing.T) {
	each(t, func(f *file) bool { return f.path != "go.sum" }, func(f *file) {
		for _, rule := range forbidden {
			if found := rule.pattern.Find(f.data); found != nil {
				t.Errorf("%s holds %q: %s", f.path, found, rule.why)
			}
		}
	})
}
