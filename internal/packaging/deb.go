package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // the form of Debian's list of sums, which protects nobody
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster.example/internal/service"
)

// deb makes a Debian package: an ar archive of its form's version, a tar of what is said about it and a tar of its files. The
// units for systemd are there to be enabled, by each person and by who runs a server; nothing runs on installation, since most
// who install it want no server.
func (r release) deb(architecture string, programs []entry) ([]byte, error) {
	files, err := r.installed(programs)
	if err != nil {
		return nil, err
	}
	size, sums := 0, ""
	for _, file := range files {
		size += len(file.data)
		sums += fmt.Sprintf("%x  %s\n", md5.Sum(file.data), strings.TrimPrefix(file.name, "./")) //nolint:gosec // as above
	}
	about := fmt.Sprintf(control, debianVersion(r.version), architecture, (size+1023)/1024)
	first, err := tarGz([]entry{
		{"./control", []byte(about), 0o644}, {"./md5sums", []byte(sums), 0o644}, {"./conffiles", []byte("/" + archiveSettingsPath + "\n/" + settingsPath + "\n"), 0o644},
		{"./postinst", []byte(postinst), 0o755}, {"./prerm", []byte(prerm), 0o755}, {"./postrm", []byte(postrm), 0o755},
	}, r.time)
	if err != nil {
		return nil, err
	}
	second, err := tarGz(files, r.time)
	if err != nil {
		return nil, err
	}
	return ar([]entry{
		{"debian-binary", []byte("2.0\n"), 0o100644}, {"control.tar.gz", first, 0o100644}, {"data.tar.gz", second, 0o100644},
	}, r.time), nil
}

const (
	settingsPath        = "etc/muster/rendezvous.toml"
	archiveSettingsPath = "etc/muster/archive.toml"
)

// The scripts keep systemd in step: a node that runs is started anew with the new program, and stopped before its program goes.
// The node's folder is never removed: without its identity the organizations on it must move.
const (
	postinst = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart muster-rendezvous.service
fi
`
	prerm = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl disable --now muster-rendezvous.service muster-archive.service
fi
`
	postrm = `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ] && [ -d /var/lib/muster-rendezvous ]; then
	echo "The rendezvous node's folder stays: /var/lib/muster-rendezvous" >&2
fi
`
)

// control says what the package is. The programs are static: it depends on nothing.
const control = `Package: muster
Version: %s
Architecture: %s
Maintainer: Muster <packages@muster.example>
Installed-Size: %d
Recommends: xdg-utils
Section: net
Priority: optional
Homepage: https://muster.example
Description: members-only messenger
 Muster carries messages and files between the members of an organization,
 sealed end to end, through a thin server that the organization runs itself.
 .
 muster is a person's device: the node, the app that it serves to the browser,
 and a command line. muster-rendezvous is the server. To start the node at each
 log-in: muster service install. To run the server: edit
 /etc/muster/rendezvous.toml, then systemctl enable --now muster-rendezvous.
`

// installed are the files of the package.
func (r release) installed(programs []entry) ([]entry, error) {
	unit, err := service.SystemdUnit(service.Spec{Program: "/usr/bin/muster"})
	if err != nil {
		return nil, err
	}
	changes, err := os.ReadFile(filepath.Join(r.source, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(changes); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	read := func(path string) []byte {
		data, failed := os.ReadFile(filepath.Join(r.source, filepath.FromSlash(path)))
		if failed != nil {
			err = failed
		}
		return data
	}
	files := []entry{
		{"./usr/bin/muster", programs[0].data, 0o755},
		{"./usr/bin/muster-rendezvous", programs[1].data, 0o755},
		{"./" + archiveSettingsPath, archiveSettings, 0o644},
		{"./" + settingsPath, settings, 0o644},
		{"./usr/lib/systemd/system/muster-archive.service", archiveUnit, 0o644},
		{"./usr/lib/systemd/system/muster-rendezvous.service", systemUnit, 0o644},
		{"./usr/lib/systemd/user/muster.service", []byte(unit), 0o644},
		{"./usr/share/applications/muster.desktop", []byte(desktop), 0o644},
		{"./usr/share/doc/muster/archive.md", read("docs/archive.md"), 0o644},
		{"./usr/share/doc/muster/changelog.gz", packed.Bytes(), 0o644},
		{"./usr/share/doc/muster/copyright", []byte(copyright), 0o644},
		{"./usr/share/doc/muster/install.md", read("docs/install.md"), 0o644},
		{"./usr/share/doc/muster/operating.md", read("docs/operating.md"), 0o644},
		{"./usr/share/icons/hicolor/scalable/apps/muster.svg", read("node/web/static/icon.svg"), 0o644},
	}
	return files, err
}

// desktop opens the app of the node that runs; where none does, it starts one, in a terminal, where the passphrase is asked for.
const desktop = `[Desktop Entry]
Type=Application
Version=1.0
Name=Muster
GenericName=Messenger
Comment=Members-only messenger
Exec=sh -c "muster web || exec muster start"
Icon=muster
Terminal=true
Categories=Network;InstantMessaging;
`

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: muster
Source: https://muster.example

Files: *
Copyright: the authors of Muster
License: Apache-2.0

License: Apache-2.0
 On Debian systems the text of the licence is in
 /usr/share/common-licenses/Apache-2.0.
`

// ar packs files in the common form of ar, whose header has fixed columns.
func ar(files []entry, when time.Time) []byte {
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, file := range files {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", file.name, when.Unix(), 0, 0, file.mode, len(file.data))
		out.Write(file.data)
		if len(file.data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// debianVersion returns a version that Debian takes: it begins with a digit. What is no release is older than the first one.
func debianVersion(version string) string {
	version = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".+~", r) {
			return r
		}
		return '+'
	}, strings.TrimPrefix(version, "v"))
	if version == "" || version[0] < '0' || version[0] > '9' || !strings.Contains(version, ".") {
		version = "0.0~" + version
	}
	return version
}
