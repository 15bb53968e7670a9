package main

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

var (
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

// newHandler returns the log of a form and level, which checkLog has found right.
func newHandler(w io.Writer, format, level string) slog.Handler {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level))
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

func checkLog(format, level string) error {
	if !slices.Contains(logFormats, format) {
		return usageError{fmt.Errorf("--log-format %q is not %s", format, strings.Join(logFormats, " or "))}
	}
	if !slices.Contains(logLevels, level) {
		return usageError{fmt.Errorf("--log-level %q is not one of %s", level, strings.Join(logLevels, ", "))}
	}
	return nil
}

// nameless writes what the network's own code logs: keys of devices only by their last eight characters, as everywhere in the
// log, and no address of anybody.
type nameless struct{ io.Writer }

var (
	deviceKey = regexp.MustCompile(`12D3KooW[1-9A-HJ-NP-Za-km-z]{36}([1-9A-HJ-NP-Za-km-z]{8})`)
	address   = regexp.MustCompile(`/(ip4|ip6)/[0-9A-Fa-f.:]+|\b[0-9]{1,3}(\.[0-9]{1,3}){3}(:[0-9]+)?|\[[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\](:[0-9]+)?`)
)

// Write implements io.Writer: a line at a time.
func (n nameless) Write(line []byte) (int, error) {
	short := address.ReplaceAll(deviceKey.ReplaceAll(line, []byte("…$1")), []byte("(address)"))
	if _, err := n.Writer.Write(short); err != nil {
		return 0, err
	}
	return len(line), nil
}
