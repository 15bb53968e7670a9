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
	systemd-analyze verify /usr/lib/systemd/system/muster-rendezvous.service
	systemd-analyze security --offline=true --threshold=20 --no-pager /usr/lib/systemd/system/muster-rendezvous.service >/dev/null
fi

# The server is not started by being installed. Its settings are a file that stays when they were changed.
if [[ -e /etc/systemd/system/multi-user.target.wants/muster-rendezvous.service ]]; then
	echo "the server is enabled"
	exit 1
fi
/usr/bin/muster-rendezvous run --config /etc/muster/rendezvous.toml --print-config >/dev/null
echo 'listen = ["/ip4/127.0.0.1/tcp/0"]' >>/etc/muster/rendezvous.toml
node=$(mktemp -d)
/usr/bin/muster-rendezvous run --config /etc/muster/rendezvous.toml --dir "$node/rendezvous" >"$node/link" &
server=$!
for _ in $(seq 100); do
	/usr/bin/muster-rendezvous status --healthy --dir "$node/rendezvous" >/dev/null 2>&1 && break
	sleep 0.1
done
/usr/bin/muster-rendezvous check --dir "$node/rendezvous"
kill "$server"
wait "$server"
grep -q '^muster:claim/' "$node/link"
rm -r "$node"
if command -v desktop-file-validate >/dev/null; then
	desktop-file-validate /usr/share/applications/muster.desktop
fi
dpkg --remove muster
test -f /etc/muster/rendezvous.toml
for path in /usr/bin/muster /usr/bin/muster-rendezvous /usr/lib/systemd/user/muster.service \
	/usr/lib/systemd/system/muster-rendezvous.service; do
	if [[ -e $path ]]; then
		echo "$path is still there"
		exit 1
	fi
done
dpkg --purge muster
if [[ -e /etc/muster/rendezvous.toml ]]; then
	echo "the settings are still there"
	exit 1
fi
echo "installed, tried and removed"
