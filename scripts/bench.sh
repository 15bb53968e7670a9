#!/usr/bin/env bash
# Builds the rendezvous node and the load, and measures. Arguments go to the load: scripts/bench.sh -transport quic,
# scripts/bench.sh -help. Needs Linux and a quiet machine: the load is on the same cores as the node.
# scripts/bench.sh roll measures the roll alone, on one core and without a node; mailbox a mailbox of 100,000 messages in a real
# Chromium; search the index of as many; sync what it takes to bring two histories in step.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" = roll ]; then
	go test -run '^$' -cpu 1 -bench 'Fold|Restore|Memory' -benchtime 1x -count 3 ./membership
	go test -run '^$' -cpu 1 -bench 'OpenEvent|AppendOne|ExtendByOne' -benchtime 100x ./membership
	exec go test -run '^$' -bench OpenOrganization -benchtime 3x ./node
fi
if [ "${1-}" = search ]; then
	go test -run '^$' -bench Index -benchtime 10x -v ./node/search
	exec go test -run '^$' -bench 'Search$' -benchtime 10x ./node
fi
if [ "${1-}" = sync ]; then
	go test -run '^$' -bench . -benchtime 5x ./sync/reconcile
	exec go test -run '^$' -bench Exchange -benchtime 3x ./node
fi
if [ "${1-}" = mailbox ]; then
	export MUSTER_MAILBOX=${MUSTER_MAILBOX:-100000}
	exec go test -count=1 -tags browser -timeout 15m -v -run '^TestMailbox$' ./internal/e2e/browser
fi
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-bench.XXXXXX")
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
go build -trimpath -o "$here/" ./cmd/muster-rendezvous ./internal/bench/load
"$here/load" -node "$here/muster-rendezvous" -dir "$here" "$@"
