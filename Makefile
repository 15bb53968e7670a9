# `make` alone lists the targets. Settings: FUZZTIME, SEEDS, SIMFROM, SOAKTIME, PKG, VERSION.

GO       ?= go
# A number of inputs, not a time: at the end of a time Go's fuzzing may fail with nothing but "context deadline exceeded"
# (golang/go#75804).
FUZZTIME ?= 50000x
SEEDS    ?= 20
SIMFROM  ?= 0
SOAKTIME ?= 600
PKG      ?= ./...
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Properties are tried on the same draws in every run, so that a failure is one of the change at hand. `make soak` draws anew.
export RAPID_SEED       ?= 1
export RAPID_NOFAILFILE ?= 1

# The time of all files in packages: that of the commit, so that the same commit gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

PROGRAMS  := ./cmd/muster ./cmd/muster-rendezvous
BUILD     := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)'
PLATFORMS := linux/amd64 linux/arm64 linux/arm/7 linux/riscv64 darwin/amd64 darwin/arm64 \
             windows/amd64 freebsd/amd64 android/arm64

# The race detector slows tests tenfold, so only packages whose goroutines share memory run under it.
RACE := ./internal/task ./internal/kv ./internal/p2p ./internal/testnet ./rendezvous/... ./node/...

# The packages that have a test whose name begins with $(1).
packages_with = $(shell grep -rlE '^func $(1)' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)

.DEFAULT_GOAL := help
.PHONY: help build test demo race sim fuzz crash browser pictures bench soak cross dist deb vectors fmt vet lint check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build both programs to bin/
	@mkdir -p bin
	$(BUILD) -v -o bin/ $(PROGRAMS)

test: ## run every quick test
	$(GO) test $(PKG)

demo: build ## play a short session with the real programs
	scripts/demo.sh

race: ## run the concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $(RACE)

# A simulation uses one processor, so that it can be repeated: each seed is a process of its own, as many at once as there are.
sim: ## run each simulation under SEEDS seeds, from SIMFROM on
	@seq $(SIMFROM) $$(($(SIMFROM) + $(SEEDS) - 1)) | xargs -P $$(getconf _NPROCESSORS_ONLN) -I SEED \
		env MUSTER_SIM_SEEDS=1 MUSTER_SIM_FROM=SEED $(GO) test -count=1 -run '^TestSim' -timeout 20m $(call packages_with,TestSim)

fuzz: ## fuzz every target with FUZZTIME inputs
	@grep -rnoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' . | sort | \
	while IFS=: read -r file _ target; do \
		name=$${target#func }; \
		echo "$$name in $$(dirname $$file)"; \
		$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$(dirname $$file)" || exit 1; \
	done

crash: ## kill the programs at random moments and check what is left
	@packages="$(call packages_with,TestCrash)"; \
	if [ -z "$$packages" ]; then echo "there are no crash tests"; exit 0; fi; \
	$(GO) test -count=1 -tags crash -run '^TestCrash' -timeout 20m $$packages

browser: ## open the app in a real Chromium (needs Debian's chromium); pictures of the pages go to bin/pages
	MUSTER_SCREENSHOTS=$(CURDIR)/bin/pages $(GO) test -count=1 -tags browser -timeout 7m ./internal/e2e/browser

pictures: ## take the pictures of docs/tour.md anew (needs Debian's chromium, fonts-noto-core, fonts-noto-color-emoji)
	MUSTER_PICTURES=$(CURDIR)/docs/pictures $(GO) test -count=1 -v -tags browser -timeout 4m -run '^TestTour$$' ./internal/e2e/browser

bench: build ## measure
	scripts/bench.sh

soak: ## run simulations and properties under ever new seeds for SOAKTIME seconds
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
