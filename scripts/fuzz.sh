#!/usr/bin/env bash
# Fuzzes every target with as many inputs as said: scripts/fuzz.sh 2000x. A package is built once for all of its targets,
# which `go test -fuzz` would do for each.
set -euo pipefail
cd "$(dirname "$0")/.."
inputs=${1:?how many inputs, such as 2000x}
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-fuzz.XXXXXX")
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT TERM
found=$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u)
for package in $found; do
	go test -c -fuzz . -ldflags=-w -o "$here/fuzz.test" "$package"
	names=$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$package"/*_test.go | sed 's/^func //' | sort)
	for name in $names; do
		echo "$name in $package"
		(cd "$package" && "$here/fuzz.test" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$inputs" \
			-test.fuzzminimizetime 100x -test.fuzzcachedir "$(go env GOCACHE)/fuzz/muster.example/${package#./}")
	done
done
