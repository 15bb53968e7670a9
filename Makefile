# `make` alone lists the targets. Settings: FLATTIME, FUZZTIME, SEEDS, SIMFROM, SOAKTIME, PKG, VERSION.

GO       ?= go
# A number of inputs, not a time: at the end of a time Go's fuzzing may fail with nothing but "context deadline exceeded"
# (golang/go#75804).
FUZZTIME ?= 50000x
SEEDS    ?= 20
SIMFROM  ?= 0
SOAKTIME ?= 600
FLATTIME ?= 3m
PKG      ?= ./...
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Properties are tried on the same draws in every run, so that a failure is one of the change at hand. `make soak` draws anew.
export RAPID_SEED       ?= 1
export RAPID_NOFAILFILE ?= 1

# As releases are built, everything is: so the tests are of the same code, and everything is compiled once.
export CGO_ENABLED ?= 0
export GOFLAGS     ?= -trimpath

# The time of all files in packages: that of the commit, so that the same commit gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

PROGRAMS  := ./cmd/muster ./cmd/muster-rendezvous
BUILD     := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)'
PLATFORMS := linux/amd64 linux/arm64 linux/arm/7 linux/riscv64 darwin/amd64 darwin/arm64 \
             windows/amd64 freebsd/amd64 android/arm64

# The race detector slows tests tenfold, so only packages whose goroutines share memory run under it.
RACE := ./internal/task ./internal/kv ./internal/p2p ./internal/testnet ./internal/nearby/mdns ./rendezvous/... ./node \
        ./node/apiclient ./node/landing ./node/localapi ./node/logfile ./node/search ./node/store ./node/vault ./node/web

# Tests of one goroutine that do much of what others do a little of: ten times as slow, they would take half of the time.
RACE_SKIP := ManyLargeChains|AbuseDeletionOfMuch|LargestMessage|SearchFillsFromHistory|FindPagesBeyondTheRanked|ALongLogIsReadByThePage
RACE_SKIP := ^Test($(RACE_SKIP)|TamperingIsNoticed|ACrashIsNoDamage|ATornUpdateIsNoDamage|AReplacedFileThatWasOnlyEmptiedIsNoDamage)$$

# The packages that have a test whose name begins with $(1).
packages_with = $(shell grep -rlE '^func $(1)' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)

.DEFAULT_GOAL := help
.PHONY: help build test long demo race sim fuzz crash cluster cluster-test net browser mounts pictures s3 bench flat soak cross dist deb vectors capacity carrying fmt vet lint check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build both programs to bin/
	@mkdir -p bin
	$(BUILD) -v -o bin/ $(PROGRAMS)

test: ## run every quick test
	RAPID_CHECKS=$${RAPID_CHECKS:-500} $(GO) test -short $(PKG) # -short makes that 100, as many as without
	@echo "make long runs the tests that were left out since they take long"

long: ## run the tests that make test leaves out since they take long
	$(GO) test -count=1 -run '^TestLong' -timeout 20m $(call packages_with,TestLong)

demo: build ## play a short session with the real programs
	scripts/demo.sh

race: ## run the concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -skip '$(RACE_SKIP)' -timeout 20m $(RACE)

# A simulation uses one processor, so that it can be repeated: each seed is a process of its own, as many at once as there are.
sim: ## run each simulation under SEEDS seeds, from SIMFROM on
	@seq $(SIMFROM) $$(($(SIMFROM) + $(SEEDS) - 1)) | xargs -P $$(getconf _NPROCESSORS_ONLN) -I SEED \
		env MUSTER_SIM_SEEDS=1 MUSTER_SIM_FROM=SEED $(GO) test -count=1 -run '^Test(Long)?Sim' -timeout 20m $(call packages_with,Test(Long)?Sim)

fuzz: ## fuzz every target with FUZZTIME inputs
	scripts/fuzz.sh $(FUZZTIME)

crash: ## kill the programs at random moments and check what is left
	@packages="$(call packages_with,TestCrash)"; \
	if [ -z "$$packages" ]; then echo "there are no crash tests"; exit 0; fi; \
	$(GO) test -count=1 -tags crash -run '^TestCrash' -timeout 20m $$packages

s3: ## keep an archive in the bucket of a real S3 server, which go fetches and builds
	$(GO) test -count=1 -tags s3 -run '^TestS3' -timeout 10m $(call packages_with,TestS3)

cluster: ## run a local cluster of three NATS servers, with keys and TLS, until Ctrl-C; what it keeps lies in .cluster
	$(GO) run ./internal/cluster/start

cluster-test: ## a queue in a cluster: kill, stop and cut off servers and processes, delete their data, while messages flow
	$(GO) test -count=1 -tags cluster -timeout 8m ./rendezvous/queue/replicated ./internal/e2e/cluster

# Most of these tests wait for most of their time, so more run at once than there are processors.
net: ## run the programs in network namespaces: LANs, routers, NAT (needs root, Debian's iproute2, nftables)
	$(GO) test -count=1 -tags netns -parallel 6 -timeout 10m ./internal/e2e/netns

browser: ## open the app in a real Chromium (needs Debian's chromium); pictures of the pages go to bin/pages
	MUSTER_SCREENSHOTS=$(CURDIR)/bin/pages $(GO) test -count=1 -tags browser -timeout 12m ./internal/e2e/browser

mounts: ## back up to drives that are mounted (needs root, Debian's dosfstools, fusefat, exfatprogs, exfat-fuse, e2fsprogs, psmisc)
	$(GO) test -count=1 -tags mounts -timeout 5m ./internal/e2e/mount

pictures: ## take the pictures of docs/tour.md anew (needs Debian's chromium, fonts-noto-core, fonts-noto-color-emoji)
	MUSTER_PICTURES=$(CURDIR)/docs/pictures $(GO) test -count=1 -v -tags browser -timeout 4m -run '^TestTour$$' ./internal/e2e/browser

bench: build ## measure
	scripts/bench.sh

flat: build ## have messages go through a rendezvous node for FLATTIME and see that what it holds does not grow
	@mkdir -p bin
	$(GO) build -o bin/ ./internal/bench/load
	bin/load -node bin/muster-rendezvous -soak $(FLATTIME) -messages 5000

soak: ## flat for an hour; simulations and properties under ever new seeds for SOAKTIME seconds; a link breaks during 100,000 messages, a node is away for ten minutes
	$(MAKE) --no-print-directory flat FLATTIME=1h
	MUSTER_BREAK_MESSAGES=100000 $(GO) test -count=1 -v -tags netns -timeout 20m -run '^TestHistorySurvivesBrokenLinks$$' ./internal/e2e/netns
	MUSTER_NODE_AWAY=600 $(GO) test -count=1 -v -tags netns -timeout 20m -run '^TestNodeUnplugged$$' ./internal/e2e/netns
	@end=$$(($$(date +%s) + $(SOAKTIME))); seed=1000; \
	while [ $$(date +%s) -lt $$end ]; do \
		$(MAKE) --no-print-directory sim SEEDS=5 SIMFROM=$$seed || exit 1; \
		RAPID_SEED=0 $(GO) test -count=1 $(sort $(dir $(shell grep -rl pgregory.net/rapid --include='*_test.go' .))) || exit 1; \
		seed=$$((seed + 5)); \
	done

cross: ## build both programs for every platform to dist/
	@for platform in $(PLATFORMS); do \
		echo "$$platform"; \
		set -- $$(echo "$$platform" | tr / ' '); \
		dir="dist/$$1-$$2$${3:+v$$3}"; \
		mkdir -p "$$dir"; \
		GOOS=$$1 GOARCH=$$2 GOARM=$$3 $(BUILD) -o "$$dir/" $(PROGRAMS) || exit 1; \
	done

dist: cross ## pack what cross builds: archives, Debian packages, SHA256SUMS, to dist/
	@rm -f dist/*.tar.gz dist/*.zip dist/*.deb dist/SHA256SUMS
	$(GO) run ./internal/packaging -version '$(VERSION)' -epoch '$(SOURCE_DATE_EPOCH)' -built dist
	@cat dist/SHA256SUMS

deb: ## install the Debian package that dist made, look, and remove it again (as root)
	scripts/deb.sh dist

vectors: ## write the test vectors of the specs anew
	$(GO) test -count=1 -run '^TestVector(s|Files)$$' $(call packages_with,TestVectors) -update

capacity: ## write the tables of docs/capacity.md anew from the model
	$(GO) test -count=1 -run '^TestDocument$$' ./internal/bench/capacity -update

carrying: ## write the table of carriers in docs/benchmarks.md anew, from simulated weeks
	$(GO) run ./internal/bench/carrying/write

fmt: ## format the Go files
	gofmt -w $$(git ls-files '*.go')

vet: ## run go vet
	$(GO) vet $(PKG)

lint: ## run staticcheck
	$(GO) tool staticcheck $(PKG)

check: vet lint ## refuse what is not formatted, vetted, linted, by the rules or up to date
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	$(GO) test -count=1 ./internal/repotest
	$(GO) mod verify
	@$(MAKE) --no-print-directory vectors
	@git diff --exit-code -- docs/spec/testdata || { echo "the vectors differ from what the code makes"; exit 1; }

clean: ## remove what make has built
	rm -rf bin dist
