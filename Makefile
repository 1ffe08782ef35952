# fleetscan: `make demo` to see it, `make test` to test it, `make help` for the rest.

PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3))
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --quiet
TYPES  := $(wildcard fleetscan/*.pxd fleetscan/*/*.pxd)
NATIVE := setup.py pyproject.toml $(wildcard fleetscan/*.pyx fleetscan/*/*.pyx) $(TYPES) $(wildcard $(TYPES:.pxd=.py))
FUZZ_SECONDS ?= 300
FUZZ_INPUTS ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help demo deps build test test-sanitized fuzz fuzz-client check format docs bench clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

demo: $(VENV)/.installed  ## build, start a small broken fleet on loopback, scan it
	@mkdir -p demo
	$(VENV)/bin/fleetscan scan --lab -o demo/results.jsonl

deps:  ## install the Debian packages for the tests against real servers (root)
	@sh tools/deps.sh

build: $(VENV)/.installed  ## build and install fleetscan into .venv

test: $(VENV)/.dev  ## the whole suite
	$(PY) -m pytest

check: $(VENV)/.dev  ## ruff, mypy --strict, import-linter, generated files fresh
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) tools/registry/generate.py --check
	$(PY) tools/catalogue.py --check
	$(PY) tools/policies.py --check
	$(PY) tools/diagnosis.py --check
	$(PY) tools/limbo.py --check
	$(PY) tools/result_docs.py --check

format: $(VENV)/.dev  ## let ruff format and sort
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.dev  ## renew the generated modules and pages
	$(PY) tools/registry/generate.py
	$(PY) tools/catalogue.py
	$(PY) tools/policies.py
	$(PY) tools/diagnosis.py
	$(PY) tools/limbo.py
	$(PY) tools/result_docs.py

test-sanitized: $(VENV)/.dev  ## the parser's and the client's tests on a build with ASan and UBSan
	sh tools/sanitized_tests.sh

fuzz: $(VENV)/.dev  ## fuzz the client and every parser entry point, FUZZ_SECONDS=300 each
	$(PY) tools/fuzz/run.py --seconds $(FUZZ_SECONDS)

fuzz-client: $(VENV)/.dev  ## FUZZ_INPUTS=1000000 changed flights to the client, with ASan and UBSan
	sh tools/sanitized.sh tools.fuzz.million --inputs $(FUZZ_INPUTS)

bench: $(VENV)/.dev  ## parse, classify, encode; 10,000 loopback targets; one certificate; one handshake
	$(PY) -m pytest benchmarks --benchmark-only --benchmark-disable-gc
	$(PY) benchmarks/side_by_side.py
	$(PY) benchmarks/parse_cost.py
	$(PY) benchmarks/handshake_cost.py

.PHONY: accuracy
accuracy: $(VENV)/.dev  ## every planted fault scanned; how often the verdict is right, in docs/accuracy.md
	$(PY) tools/accuracy.py

.PHONY: interop
interop: $(VENV)/.dev  ## handshakes with every implementation at hand, printed in docs/interop.md
	$(PY) tools/interop.py

clean:  ## remove what the other targets made
	rm -rf $(VENV) build demo fuzz *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find fleetscan -name '*.so' -delete
	find fleetscan -name '*.c' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the virtual environment -----------------------------------------------------

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "fleetscan needs Python 3.11 or later; name one with make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
	    { echo "the Python headers are missing: apt-get install python3-dev" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "venv could not be made: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.installed: $(NATIVE) | $(VENV)/bin/python
	@echo "building fleetscan into $(VENV) (a minute the first time)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: $(NATIVE) | $(VENV)/bin/python
	@echo "building fleetscan and what its tests need into $(VENV) (a minute or two the first time)"
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.installed
