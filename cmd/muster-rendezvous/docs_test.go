package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every command that the operator's page and the README show is one, with flags that it has.
func TestCommandsOfTheDocuments(t *testing.T) {
	shown := regexp.MustCompile("(?m)(?:^|[`$ ])(?:sudo |/)?muster-rendezvous ([a-z]+)([^`#\n]*)")
	seen := 0
	for _, path := range []string{"../../docs/operating.md", "../../README.md", "../../internal/packaging/files/muster-rendezvous.service",
		"../../internal/packaging/files/rendezvous.toml", "../../docs/archive.md", "../../internal/packaging/files/muster-archive.service"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), "\\\n", " ")
		for _, match := range shown.FindAllStringSubmatch(text, -1) {
			words := []string{match[1]}
			for _, word := range strings.Fields(match[2]) { // of commands that have commands
				if !regexp.MustCompile(`^[a-z]+$`).MatchString(word) {
					break
				}
				words = append(words, word)
			}
			command, _, err := newCommand().Find(words)
			if err != nil || !command.HasParent() {
				if strings.Contains(match[2], "--") {
					t.Errorf("%s shows %q: there is no such command", path, match[0])
				}
				continue // a word of a sentence
			}
			seen++
			command.InheritedFlags() // joins them to its own
			for _, word := range strings.Fields(match[2]) {
				name, isFlag := strings.CutPrefix(word, "--")
				name, _, _ = strings.Cut(strings.TrimRight(name, ".,:;)"), "=")
				if isFlag && name != "help" && command.Flags().Lookup(name) == nil && command.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s shows %q: there is no --%s", path, strings.TrimSpace(match[0]), name)
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d commands were found", seen)
	}
}

// Each setting of the page and of the packaged file is a flag of run.
func TestSettingsOfTheDocuments(t *testing.T) {
	data, err := os.ReadFile("../../internal/packaging/files/rendezvous.toml")
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := newCommand().Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, match := range regexp.MustCompile(`(?m)^#?([a-z-]+) = `).FindAllStringSubmatch(string(data), -1) {
		named = append(named, match[1])
		if run.Flags().Lookup(match[1]) == nil {
			t.Errorf("the packaged file has %q, which is no setting", match[1])
		}
	}
	for _, name := range []string{
		"listen", "announce", "metrics", "log-format", "log-level", "room", "reserve", "org-share", "member-share", "member-bytes", "device-bytes",
	} {
		if !slices.Contains(named, name) {
			t.Errorf("the packaged file does not show %q", name)
		}
	}
}

// The packaged file shows each setting of archive run, and no other.
func TestSettingsOfTheArchive(t *testing.T) {
	data, err := os.ReadFile("../../internal/packaging/files/archive.toml")
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := newCommand().Find([]string{"archive", "run"})
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, match := range regexp.MustCompile(`(?m)^#?([a-z0-9-]+) = `).FindAllStringSubmatch(string(data), -1) {
		named = append(named, match[1])
	}
	run.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(named, f.Name) && !slices.Contains([]string{"config", "print-config", "help"}, f.Name) {
			t.Errorf("the packaged file does not show %q", f.Name)
		}
	})
	for _, name := range named {
		if run.Flags().Lookup(name) == nil {
			t.Errorf("the packaged file has %q, which is no setting", name)
		}
	}
}
