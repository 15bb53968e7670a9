#!/usr/bin/env bash
# Builds the rendezvous node and the load, and measures. Arguments go to the load: scripts/bench.sh -only live,
# scripts/bench.sh -help; without any, 2,000 devices that rest are measured as well. Needs Linux and a quiet machine: the load is on
# the same cores as the node. scripts/bench.sh rest 10000 measures so many devices that rest, alone.
# scripts/bench.sh roll measures the roll alone, on one core and without a node; mailbox a mailbox of 100,000 messages in a real
# Chromium; search the index of as many, and of a million; store the store at rest; backup a backup of a million records, and of 1 GiB; sync what it takes to bring two histories in step; attacks what members notice of attacks on a node; idle what a device with nothing to do sends; lan 20 the same of so many devices on one local network, in simulated time; links what goes over bad links, in simulated time, and how fast;
# unlock how long a passphrase takes; cluster a queue before three NATS servers.
# scripts/bench.sh capacity 18000 has so many devices there at once (2,000 without a number), rest, get
# messages and hear of events, and holds what that costs against the model of docs/capacity.md; as root it counts their traffic alone, in a
# network namespace. Node and load each need as many open files as there are devices (ulimit -n), and 190 KiB of memory for each in both.
# scripts/bench.sh queues has a million device queues on the embedded engine, of which one in a hundred is active.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" = capacity ] && [ $EUID = 0 ] && [ "${MUSTER_BENCH_ALONE-}" = "" ]; then
	MUSTER_BENCH_ALONE=1 exec unshare --net "$0" "$@"
fi
if [ "${1-}" = queues ]; then
	exec go test -run '^$' -bench Queues -benchtime "${2:-1000000}x" -timeout 30m ./rendezvous/queue
fi
if [ "${1-}" = roll ]; then
	go test -run '^$' -cpu 1 -bench 'Fold|Restore|Memory' -benchtime 1x -count 3 ./membership
	go test -run '^$' -cpu 1 -bench 'OpenEvent|AppendOne|ExtendByOne' -benchtime 100x ./membership
	go test -run '^$' -bench RollSize -benchtime 1x -timeout 30m ./membership
	exec go test -run '^$' -bench OpenOrganization -benchtime 3x ./node
fi
if [ "${1-}" = cluster ]; then
	go test -run '^$' -bench PutAndDrain -benchtime 20000x ./rendezvous/queue/replicated
	go test -run '^$' -bench Wake -benchtime 500x ./rendezvous/queue/replicated
	exec go test -run '^$' -bench Million -benchtime 1x -timeout 20m ./rendezvous/queue/replicated
fi
if [ "${1-}" = unlock ]; then
	exec go test -run '^$' -bench 'Unlock|Passphrase' -benchtime 5x ./node/vault
fi
if [ "${1-}" = search ]; then
	go test -run '^$' -bench Index -benchtime 10x -v ./node/search
	go test -run '^$' -bench Million -benchtime 1x -timeout 60m -v ./node/search
	exec go test -run '^$' -bench 'Search$' -benchtime 10x ./node
fi
if [ "${1-}" = store ]; then
	go test -run '^$' -bench Encryption -benchtime 1x -count 3 ./internal/kv
	go test -run '^$' -bench Update -benchtime 2000x ./internal/kv
	exec go test -run '^$' -bench Open -benchtime 3x -v ./internal/kv
fi
if [ "${1-}" = sync ]; then
	go test -run '^$' -bench . -benchtime 5x ./sync/reconcile
	go test -run '^$' -bench Exchange -benchtime 3x ./node
	exec go test -run '^$' -bench Bulk -benchtime 1x -timeout 120m ./node # a million messages, unless MUSTER_BULK_MESSAGES says less
fi
if [ "${1-}" = backup ]; then
	exec go test -run '^$' -bench . -benchtime 1x ./node/backup
fi
if [ "${1-}" = attacks ]; then
	exec go test -run '^$' -bench 'MembersUnderAttack|MembersInAFlood' -benchtime 8000x ./rendezvous
fi
if [ "${1-}" = links ]; then
	export MUSTER_LINKS_FILE=${2:-1048576}
	exec go test -count=1 -v -timeout 30m -run '^TestSim(BadLinks|LinkUpForSeconds)$' ./internal/e2e/sim
fi
if [ "${1-}" = idle ]; then
	exec scripts/idle.sh
fi
if [ "${1-}" = lan ]; then
	export MUSTER_LAN_DEVICES=${2:-20}
	exec go test -count=1 -v -timeout 60m -run '^TestSimIdleCrowd$' ./internal/e2e/sim
fi
if [ "${1-}" = mailbox ]; then
	export MUSTER_MAILBOX=${MUSTER_MAILBOX:-100000}
	exec go test -count=1 -tags browser -timeout 15m -v -run '^TestMailbox$' ./internal/e2e/browser
fi
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-bench.XXXXXX")
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
go build -trimpath -o "$here/" ./cmd/muster-rendezvous ./internal/bench/load
load() { "$here/load" -node "$here/muster-rendezvous" -dir "$here" "$@"; }
# A node gives memory back once nothing has happened for 30 to 60 seconds.
rest() { load -rest 65s -senders 1 -receivers "$1"; }
if [ "${1-}" = rest ]; then
	rest "${2:-2000}"
	exit
fi
if [ "${1-}" = capacity ]; then
	ulimit -n "$(ulimit -Hn)"
	if [ "${MUSTER_BENCH_ALONE-}" ]; then
		ip link set lo up
		echo 10001 65000 >/proc/sys/net/ipv4/ip_local_port_range
	fi
	load -crowd 60s -senders 2 -receivers "${2:-2000}"
	exit
fi
load "$@"
[ $# -gt 0 ] || rest 2000
