# Every target works on a bare machine that has Rust and a package manager;
# `setup`, which the others need, gets the rest.

.DEFAULT_GOAL := help

CARGO ?= cargo
CAPTURE ?= captures/merkle-sha256-seven-chunks.pcap
DATAGRAMS ?= 1000000
MEGABYTES ?= 1000
DAMAGE_CASES ?= 10000
FUZZ_SECONDS ?= 60
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET_DIR)/release/ppsp-inspect
BENCH_CAPTURE := bench-data/static-$(DATAGRAMS).pcap
TOOLS := tools

.PHONY: help setup build run test lint bench hostile fuzz damage captures clean

help: ## Show what there is
	@echo "make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables: CAPTURE (run), DATAGRAMS and MEGABYTES (bench), FUZZ_SECONDS (fuzz), DAMAGE_CASES (damage), CARGO"

setup: ## Install what the build needs besides Rust: a C compiler, pkg-config, libpcap
	@$(TOOLS)/setup

build: setup
	$(CARGO) build --release

run: build ## Build, and decode a sample capture as text (CAPTURE=…)
	@text="$$($(BINARY) $(CAPTURE))"; status=$$?; printf '%s\n' "$$text"; exit $$status

test: setup ## Run all tests; also on the captures in ../shared/captures, where they are
	@if [ -d ../shared/captures ]; then \
		PPSP_CAPTURES="$$(cd ../shared/captures && pwd)"; \
		export PPSP_CAPTURES; \
		echo "captures of other implementations: $$PPSP_CAPTURES"; \
	fi; \
	$(CARGO) test --workspace

lint: setup ## Check format, clippy and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace

bench: build $(BENCH_CAPTURE) ## Run the benches, then time the program on DATAGRAMS datagrams and MEGABYTES megabytes
	$(CARGO) bench --workspace --benches
	@$(TOOLS)/time-capture $(BINARY) $(BENCH_CAPTURE) $(DATAGRAMS)
	@mkdir -p bench-data
	$(CARGO) run --release --quiet --example generate -- \
		bench-data/large-chunks.pcap --datagrams 125000 --chunk-size 8192
	@$(TOOLS)/time-capture $(BINARY) bench-data/large-chunks.pcap 125000 8192
	@$(TOOLS)/time-transfer $(BINARY) $(MEGABYTES)
	@$(TOOLS)/time-transfer $(BINARY) $(MEGABYTES) --chunk-size 8192

bench-data/static-%.pcap: | setup
	@mkdir -p bench-data
	$(CARGO) run --release --quiet --example generate -- $@.part --datagrams $*
	@mv $@.part $@

hostile: build ## Time the program on captures that are meant to cost it much
	@mkdir -p bench-data
	@for attack in swarms:1000000 long-ids:5000 strangers:300000 scattered:50000 hashes:50000 noise:300000; do \
		kind=$${attack%:*}; count=$${attack#*:}; file=bench-data/hostile-$$kind.pcap; \
		$(CARGO) run --release --quiet --example generate -- \
			$$file --hostile $$kind --datagrams $$count && \
		$(TOOLS)/time-capture $(BINARY) $$file $$count || exit 1; \
	done

fuzz: setup ## Fuzz every target for FUZZ_SECONDS, where cargo-fuzz is installed
	@$(TOOLS)/fuzz $(FUZZ_SECONDS)

damage: setup ## Read DAMAGE_CASES randomly damaged captures: time and peak memory
	DAMAGE_CASES=$(DAMAGE_CASES) $(CARGO) test --release --test damage -- --nocapture

captures: setup ## Write the sample captures again
	$(CARGO) run --quiet --example captures -- captures

clean: ## Remove what was built and the benchmark captures
	$(CARGO) clean
	rm -rf bench-data dissector/fuzz/target fuzz/target
