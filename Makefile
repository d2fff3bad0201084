# How pipe is set up, built, tested and installed. `make help` lists the targets.

PREFIX ?= /usr/local
SPEC ?= pipelines/digits.yaml
PACKAGE ?= artifacts/current/bundle
ROWS ?= pipelines/data/digits.csv.gz
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON := .venv/bin/python
GOLDEN := tests/golden

# Build scripts run in folders of their own.
ifdef LIBTORCH
export LIBTORCH := $(abspath $(LIBTORCH))
endif

.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint fuzz docs install uninstall data venv golden baselines check-outsiders compare-dvc bench-tables bench-engine clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) LIBTORCH=$(LIBTORCH)"

setup: ## check what is needed; fetch libtorch unless LIBTORCH is set or it is there (500 MB)
	@scripts/check-prerequisites
	@scripts/fetch-libtorch

build: setup ## build pipe and pipe-worker into target/debug (5 minutes on 2 cores the first time)
	@echo "building pipe and its worker; the first time takes about 5 minutes on 2 cores, half of it for the bindings to libtorch"
	cargo build --locked

demo: build ## build, run pipelines/digits.yaml, show what was made
	@scripts/demo $(SPEC)

test: setup ## build, then run all tests (no Python needed)
	@echo "building pipe, its worker and the tests; the first time takes about 10 minutes on 2 cores"
	cargo build --locked --workspace
	cargo test --locked --workspace

lint: setup ## check the format and clippy's warnings
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

fuzz: ## let libFuzzer try every reader of bytes from elsewhere, a minute each; TARGETS="csv npz" for some
	@scripts/fuzz $(TARGETS)

docs: setup ## build the code's documentation, warnings denied, into target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

install: setup ## build optimized and install under PREFIX: bin/pipe, bin/pipe-worker, lib/pipe
	@echo "building optimized; the first time takes about 10 minutes on 2 cores"
	PIPE_RELOCATABLE=1 cargo build --locked --release
	@scripts/install "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what install put under PREFIX
	rm -f "$(DESTDIR)$(PREFIX)/bin/pipe" "$(DESTDIR)$(PREFIX)/bin/pipe-worker"
	rm -rf "$(DESTDIR)$(PREFIX)/lib/pipe"

data: ## fetch the public sets of pipelines/ and examples/, or those in SETS="adult letter" (80 MB)
	@scripts/fetch-data $(SETS)

venv: ## make .venv with PyTorch and scikit-learn, for the next three (1 GB, a minute)
	@scripts/make-venv

golden: venv ## compute the committed data and golden files anew
	$(PYTHON) $(GOLDEN)/make_data.py
	$(PYTHON) $(GOLDEN)/make_metrics.py
	$(PYTHON) $(GOLDEN)/make_thresholds.py
	$(PYTHON) $(GOLDEN)/make_slices.py
	$(PYTHON) $(GOLDEN)/make_preprocess.py
	$(PYTHON) $(GOLDEN)/make_folds.py
	$(PYTHON) $(GOLDEN)/make_windows.py
	$(PYTHON) $(GOLDEN)/make_optimizers.py
	$(PYTHON) $(GOLDEN)/make_layers.py
	$(PYTHON) $(GOLDEN)/make_losses.py
	$(PYTHON) $(GOLDEN)/make_regression.py
	$(PYTHON) $(GOLDEN)/make_parquet.py
	$(PYTHON) $(GOLDEN)/make_unreadable.py
	$(PYTHON) $(GOLDEN)/make_writers.py

baselines: venv data ## measure scikit-learn's simple models on these sets (10 minutes)
	$(PYTHON) $(GOLDEN)/make_baselines.py $(SETS)

check-outsiders: build venv ## run packages in PyTorch, and compare with pipe predict: PACKAGE on ROWS, and networks of every kind
	$(PYTHON) $(GOLDEN)/compare_package.py $(PACKAGE) $(ROWS) --pipe $(TARGET)/debug/pipe
	$(PYTHON) $(GOLDEN)/compare_networks.py --pipe $(TARGET)/debug/pipe

compare-dvc: build ## run the imported pipelines of tests/cases/import beside DVC itself, in a venv of its own (200 MB)
	@test -x .venv-dvc/bin/dvc || { python3 -m venv .venv-dvc && \
		.venv-dvc/bin/pip install --quiet --disable-pip-version-check -r $(GOLDEN)/requirements-dvc.txt; }
	.venv-dvc/bin/python $(GOLDEN)/compare_dvc.py --pipe $(TARGET)/debug/pipe

bench-tables: ## measure preprocessing of 100 MB of CSV beside the csv crate alone, in an optimized build
	cargo bench --locked -p pipe-data --bench csv

bench-engine: ## measure an optimized pipe beside ninja, DVC and Snakemake on the same graphs, in a venv of its own (300 MB)
	@test -x .venv-bench/bin/ninja || { python3 -m venv .venv-bench && \
		.venv-bench/bin/pip install --quiet --disable-pip-version-check -r benches/requirements.txt; }
	cargo build --release --locked -p pipe
	.venv-bench/bin/python benches/engine.py --pipe $(TARGET)/release/pipe

clean: ## remove what was built; keeps .libtorch, .venv, artifacts and fetched data
	cargo clean
