#!/usr/bin/env bash
# Measures what a device with nothing to do sends and receives: a rendezvous node and a device of a member on a network that nobody
# else is on (a namespace of its own, so it needs to be root or to be let make one), for IDLE seconds, 600 if not set.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" != inside ]; then
	exec unshare --map-root-user --net "$0" inside
fi
ip link set lo up
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-idle.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
go build -trimpath -o "$here/" ./cmd/muster ./cmd/muster-rendezvous
"$here/muster-rendezvous" run --dir "$here/node" --listen /ip4/127.0.0.1/tcp/4001 --listen /ip4/127.0.0.1/udp/4001/quic-v1 \
	>"$here/claim" 2>"$here/node.log" &
export MUSTER_DIR="$here/device" MUSTER_YES=1
"$here/muster" start --key-file "$here/key" --web 127.0.0.1:0 >"$here/page" 2>"$here/device.log" &
for _ in $(seq 100); do
	[ -s "$here/claim" ] && [ -s "$here/page" ] && break
	sleep 0.1
done
"$here/muster" org create Harbour --claim "$(grep -o 'muster:claim/[A-Za-z0-9_-]*' "$here/claim")" --as Ann >/dev/null 2>&1
# What goes over the loopback device, without its Ethernet headers: bytes and packets.
carried() { awk '$1 == "lo:" { print $2 - 14 * $3, $3 }' /proc/net/dev; }
sleep 30
read -r bytes packets < <(carried)
seconds=${IDLE:-600}
sleep "$seconds"
read -r more many < <(carried)
echo "in $seconds s: $((many - packets)) packets, $((more - bytes)) bytes; a day of that: $(((more - bytes) * 86400 / seconds)) bytes"
