// Package filename makes names of files that others chose safe to save under, and tells which files can act when they are
// opened.
//
// It owns what a plain name is on every system. It must not know what is in the files.
//
// Spec: the README says what a person sees of it.
package filename

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"muster.example/internal/terminal"
)

// MaxLength is the longest name that a saved file gets, in bytes; one more where it would be a device's name.
const MaxLength = 200

// Safe makes the sender's name for a file one that is a plain name on every system: no path, nothing invisible, no
// character that a shell or Windows gives a meaning, not hidden, not a device of Windows.
func Safe(name string) string {
	name = strings.Map(func(r rune) rune {
		if terminal.Deceptive(r) || r == utf8.RuneError || strings.ContainsRune(`/\:*?<>|%"`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimLeft(name, ". -"), ". ")
	if over := len(name) - MaxLength; over > 0 {
		extension := filepath.Ext(name)
		if len(extension) > 20 {
			extension = ""
		}
		stem := name[:MaxLength-len(extension)]
		for !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = strings.TrimRight(stem, ". ") + extension
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch strings.TrimRight(stem, "0123456789¹²³ ") {
	case "CON", "PRN", "AUX", "NUL", "COM", "LPT", "CONIN$", "CONOUT$":
		name = "_" + name
	}
	if name == "" {
		return "attachment"
	}
	return name
}

// programs are the ends of names of files that can act when they are opened, on one system or another.
var programs = []string{
	"accdb", "ade", "adp", "apk", "app", "application", "appimage", "appinstaller", "appref-ms", "appx", "appxbundle", "bash", "bat", "chm", "cmd", "com",
	"command", "cpl", "crx", "csh", "deb", "desktop", "diagcab", "dll", "dmg", "docm", "dotm", "drv", "elf", "exe", "fish", "flatpakref", "gadget", "hlp",
	"hta", "htm", "html", "img", "inf", "ins", "iqy", "iso", "isp", "jar", "jnlp", "js", "jse", "ksh", "library-ms", "lnk", "mde", "mht", "mhtml",
	"mobileconfig", "mjs", "msc", "msh", "msi", "msix", "msixbundle", "msp", "mst", "ocx", "one", "osx", "paf", "php", "pif", "pkg", "pl",
	"potm", "ppam", "ppsm", "pptm", "prg", "ps1", "ps1xml", "psc1", "psd1", "psm1", "py", "pyc", "pyw", "pyz", "rb", "rdp", "reg", "rpm", "run", "scf", "scpt",
	"scr", "sct", "search-ms", "service", "settingcontent-ms", "sh", "shb", "shs", "shtml", "slk", "snap", "so", "svg", "svgz", "swf", "sys", "terminal",
	"theme", "themepack", "tool", "url", "vb", "vbe", "vbs", "vbscript", "vhd", "vhdx", "vxd", "wasm", "webloc", "website", "workflow", "ws", "wsc",
	"wsf", "wsh", "xbap", "xht", "xhtml", "xla", "xlam", "xll", "xlm", "xlsb", "xlsm", "xltm", "xml", "xsl", "xslt", "xpi", "zsh",
}

// CanAct reports whether a file that is saved under Safe(name) may act when it is opened. What stands before its last
// extension says nothing.
func CanAct(name string) bool {
	end := strings.TrimPrefix(filepath.Ext(strings.TrimRight(Safe(name), "_ .")), ".")
	return slices.Contains(programs, strings.ToLower(end))
}
