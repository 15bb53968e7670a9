#!/usr/bin/env bash
# Measures what a rendezvous node costs: the load of scripts/bench.sh against a node that may have MEMORY MiB (384 if not set:
# three quarters of 512, as the system unit has it), on a network that nobody else is on, so that its traffic is known. Needs to
# be root, for the limit and the namespace. Arguments go to the load.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" != inside ]; then
	exec unshare --net "$0" inside "$@"
fi
shift
ip link set lo up
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-cost.XXXXXX")
limit=$((${MEMORY:-384} << 20))
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	group=/sys/fs/cgroup/muster-cost.$$
	mkdir "$group"
	echo "$limit" >"$group/memory.max"
	peak=$group/memory.peak
else
	group=/sys/fs/cgroup/memory/muster-cost.$$
	mkdir "$group"
	echo "$limit" >"$group/memory.limit_in_bytes"
	peak=$group/memory.max_usage_in_bytes
fi
trap 'rmdir "$group" 2>/dev/null || true; rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
go build -trimpath -o "$here/" ./cmd/muster-rendezvous ./internal/bench/load
cat >"$here/limited" <<END
#!/bin/sh
echo \$\$ >"$group/cgroup.procs"
export GOMEMLIMIT=$((limit / 2))
exec "$here/muster-rendezvous" "\$@"
END
chmod +x "$here/limited"
# What goes over the loopback device, without its Ethernet headers.
carried() { awk '$1 == "lo:" { print $2 - 14 * $3 }' /proc/net/dev; }
before=$(carried)
"$here/load" -node "$here/limited" -dir "$here" "$@"
echo "over the network: $((($(carried) - before) >> 10)) KiB, both ways; the node's memory with the pages of its files at its peak: $(($(cat "$peak") >> 20)) MiB of ${MEMORY:-384}"
