#!/usr/bin/env bash
# Builds the rendezvous node and the load, and measures. Arguments go to the load: scripts/bench.sh -transport quic,
# scripts/bench.sh -help. Needs Linux and a quiet machine: the load is on the same cores as the node.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-bench.XXXXXX")
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
go build -trimpath -o "$here/" ./cmd/muster-rendezvous ./internal/bench/load
"$here/load" -node "$here/muster-rendezvous" -dir "$here" "$@"
