package history

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidateFileName accepts a name that is one element of a path, and the same one, on every system: no separator,
// control character or mark that reorders what is shown, no dot or space at its end, not a device of Windows, not "."
// or "..", at most MaxFileName bytes of UTF-8. What else a system cannot store is for who saves the file to replace.
// Errors wrap ErrBody. [HIST-7]
func ValidateFileName(name string) error {
	switch {
	case name == "" || len(name) > MaxFileName || !utf8.ValidString(name):
	case strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, hidden):
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "): // Windows drops them; "." and ".." among them
	case isWindowsDevice(name):
	default:
		return nil
	}
	return fmt.Errorf("%w: %q is not a name for a file", ErrBody, name)
}

// hidden reports whether a character is not seen itself but changes what is: controls, line separators and the marks
// of the bidirectional algorithm, by which "gpj.exe" can be shown as "exe.jpg".
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// isWindowsDevice reports whether Windows takes a name for a device, whatever its ending.
func isWindowsDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem = strings.ToUpper(strings.TrimRight(stem, " ")); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "COM")
	if !ok {
		port, ok = strings.CutPrefix(stem, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}
