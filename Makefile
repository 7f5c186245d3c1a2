# Everything runs in .venv, which is made on first use with the pinned versions of constraints.txt.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python here that is recent enough; `make PYTHON=…` decides otherwise.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo test check coverage bench chaos package lock sbom clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target what; do \
		printf '  make %-8s %s\n' "$$target" "$$what"; done

demo: .venv/installed ## broadcast two sample campaigns to a simulated gateway and check the books (about 20 s)
	@$(BIN)/broadcaster demo

setup: .venv/installed-dev ## install all that development needs into .venv

test: .venv/installed-dev ## run the test suite
	$(BIN)/pytest -m "not chaos and not package" --numprocesses auto --dist worksteal

check: .venv/installed-dev ## lint, formatting, types, layers, compose file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -f docker-compose.yml ]; then \
		set -x; $(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml; fi

coverage: .venv/installed-dev ## measure which lines and branches the tests run, in all processes (minutes)
	rm -rf build/coverage && mkdir -p build/coverage
	-$(BIN)/coverage run -m pytest -m "not chaos and not package" --numprocesses auto --dist worksteal \
		tests/unit tests/integration tests/acceptance
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

bench: .venv/installed-dev ## measure against the naive way, side by side
	$(BIN)/python -m benchmarks

chaos: .venv/installed-dev ## kill, pause, flush and fault everything while sending (minutes)
	$(BIN)/pytest -m chaos tests/chaos

package: .venv/installed-dev ## build wheel and sdist into dist, and run the demo of both on every Python here (minutes)
	$(BIN)/hatchling build -t sdist -t wheel
	$(BIN)/pytest -m package tests/acceptance/test_package.py

lock: ## write requirements.txt anew: the versions of constraints.txt with hashes
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.9
	{ sed -n '/^#/p' requirements.txt; echo hatchling | build/lock/bin/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra embedded --extra otel --extra web --extra xlsx --constraint constraints.txt pyproject.toml -; \
	} > build/requirements.txt
	mv build/requirements.txt requirements.txt

sbom: .venv/installed ## write the bill of materials, dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	$(BIN)/python deploy/sbom.py requirements.txt > dist/sbom.cdx.json

clean: ## remove what these targets made, .venv included
	rm -rf .venv .demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "make: Python 3.11 or later is needed: install it, or make PYTHON=/path/to/it" >&2; exit 1; fi
	@echo "Installing into .venv (once, about a minute) …"
	@$(PYTHON) -m venv .venv || { echo "make: $(PYTHON) cannot make virtual environments: install its venv module (python3-venv)" >&2; exit 1; }
	@$(PIP) install --constraint constraints.txt --editable '.[embedded,web,xlsx]'
	@touch $@

.venv/installed-dev: .venv/installed
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@
