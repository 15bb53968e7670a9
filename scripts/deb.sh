#!/usr/bin/env bash
# Installs the Debian package for this machine, runs the programs, and removes it again. Needs root, and a machine that has no
# muster installed: what was there before would be removed.
set -euo pipefail
folder=${1:?usage: scripts/deb.sh FOLDER}
package=$(ls "$folder"/muster_*_"$(dpkg --print-architecture)".deb)

if dpkg --status muster >/dev/null 2>&1; then
	echo "muster is installed already: nothing was tried"
	exit 1
fi
trap 'dpkg --purge muster >/dev/null 2>&1 || true' EXIT
(cd "$folder" && sha256sum --check --ignore-missing --quiet SHA256SUMS)
dpkg --install "$package"
/usr/bin/muster version
/usr/bin/muster-rendezvous --help >/dev/null
test -f /usr/share/doc/muster/copyright
dpkg --verify muster
if command -v systemd-analyze >/dev/null; then
	runtime=$(mktemp -d)
	XDG_RUNTIME_DIR=$runtime systemd-analyze --user verify /usr/lib/systemd/user/muster.service
	rm -r "$runtime"
fi
if command -v desktop-file-validate >/dev/null; then
	desktop-file-validate /usr/share/applications/muster.desktop
fi
dpkg --remove muster
for path in /usr/bin/muster /usr/bin/muster-rendezvous /usr/lib/systemd/user/muster.service; do
	if [[ -e $path ]]; then
		echo "$path is still there"
		exit 1
	fi
done
echo "installed, tried and removed"
