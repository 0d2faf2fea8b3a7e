# Two commands do everything: `make run` starts the demo cluster, `make test` runs the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_STAMP := $(VENV)/.installed-fuzz
ARGS ?=
TIME ?= 600

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench fuzz fuzz-long clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gslb needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh deploy/apt-install.sh python3-venv
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

run: $(STAMP) ## start the demo on loopback: two nodes and live backends (ARGS="--for 60s" runs it unattended)
	@$(BIN)/gslb demo $(ARGS)

test: $(STAMP) ## run the tests (ARGS="-k name" picks some)
	@sh deploy/apt-install.sh --optional dig:bind9-dnsutils kdig:knot-dnsutils
	@$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict, and the layers of the design
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## rewrite the code as `make lint` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## CPU per query and queries a second, beside NSD and BIND in the same run
	@sh deploy/apt-install.sh cc:gcc taskset:util-linux
	@sh deploy/apt-install.sh --optional nsd:nsd named:bind9
	@$(BIN)/python tests/bench/bench.py $(ARGS)

$(FUZZ_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	@touch $@

fuzz: $(FUZZ_STAMP) ## fuzz every parser for a minute (ARGS="--targets query,zone_yaml" picks some)
	@$(BIN)/python tests/fuzz/fuzz.py --seconds 60 $(ARGS)

fuzz-long: $(FUZZ_STAMP) ## the same for ten minutes each (TIME=3600 for an hour), going on from where it was before
	@$(BIN)/python tests/fuzz/fuzz.py --seconds $(TIME) --corpus fuzz-out/corpus $(ARGS)

clean: ## remove what the targets above made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis bench-out fuzz-out
