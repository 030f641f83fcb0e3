# `make` alone lists the targets. Needs GNU make, Python 3.11 or newer and a package index; nothing else.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-gateway test test-claude-code test-kubernetes test-conformance check schemas bench screenshots clean distclean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup
# Two workers: the suite starts real programs, and more of them do not finish sooner on a small machine.
WORKERS ?= 2
ARGS ?=

help:
	@printf '%s\n' \
	  'make setup      virtual environment in .venv, tools in .toolchain; quick when both are there' \
	  'make demo       declare an agent, deploy it, become it, see drift, end it' \
	  'make demo-gateway  the longer one: two agents at real MCP servers, through the gateway' \
	  'make test       all tests (ARGS="-k drift" for some of them)' \
	  'make test-conformance  MCP'"'"'s own suite directly and through the gateway, scenario by scenario (part of make test)' \
	  'make test-claude-code  Claude Code, from npm, logs a person in through the gateway (370 MB the first time)' \
	  'make test-kubernetes  the same against a real kube-apiserver, built from Debian (5 minutes the first time)' \
	  'make check      formatting, lint, types, import rules, published schemas' \
	  'make schemas    write schemas/ and docs/provider/ anew from the code' \
	  'make bench      all benchmarks, one JSON line per figure (NAME=exchange for one)' \
  'make screenshots  pictures of the sample comments anew (needs chromium and npm)' \
	  'make clean      remove caches and what examples left behind' \
	  'make distclean  also remove .venv and .toolchain'

setup: $(STAMP)
	@$(BIN)/python -m toolchain ensure

# The first Python that is new enough, asked in the order in which people install them.
$(STAMP): pyproject.toml constraints.txt
	@for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Leasehold needs Python 3.11 or newer: install it, or name one with make PYTHON=/path/to/python3.' >&2; \
	  exit 1; \
	fi; \
	if ! $(BIN)/python -c '' 2>/dev/null; then \
	  echo "creating $(VENV) with $$python"; \
	  $$python -m venv --clear $(VENV) || exit 1; \
	fi
	@echo 'installing Leasehold and its development tools into $(VENV) (a minute or two the first time)'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev,cdktf]'
	@# xds-protos brings old copies of some of opentelemetry-proto's modules: whichever came last would stand.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --force-reinstall --no-deps opentelemetry-proto
	@touch $@

demo: setup
	@$(BIN)/python -m examples.demo

demo-gateway: setup
	@$(BIN)/python -m examples.demo gateway

# Hundreds of Python processes: none of them is to compile everything anew because the environment says so.
test: setup
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-conformance: setup
	@$(BIN)/python -m pytest -n 0 -s -q tests/e2e/gateway/test_conformance.py $(ARGS)

# Not part of `make test`: it brings a program that is large, and not free software.
test-claude-code: setup
	@LEASEHOLD_TEST_CLAUDE_CODE=1 $(BIN)/python -m pytest -n 0 tests/e2e/gateway/test_claude_code.py $(ARGS)

# Not part of `make test`: it needs Debian's apt, 2 GB of scratch space and, the first time, five minutes.
test-kubernetes: setup
	@folder=$$($(BIN)/python -m toolchain kubernetes) && \
	  LEASEHOLD_TEST_KUBERNETES=$$folder $(BIN)/python -m pytest -n 0 -s tests/contract/test_clusters.py tests/e2e/clusters tests/conformance/kubernetes $(ARGS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy toolchain
	@$(BIN)/lint-imports
	@$(MAKE) schemas
	@git diff --exit-code -- schemas docs/provider tests/golden
	@new=$$(git ls-files --others --exclude-standard -- schemas docs/provider tests/golden); \
	  [ -z "$$new" ] || { echo "generated but not committed: $$new" >&2; exit 1; }

schemas: setup
	@$(BIN)/python -m leasehold.web.schemas schemas
	@$(BIN)/python -m leasehold_provider.documentation docs/provider

bench: setup
	@$(BIN)/python -m benchmarks $(NAME)

# The stylesheet is an npm package, pinned; nothing of it is committed.
screenshots: setup
	@mkdir -p build/screenshots
	@eval "$$($(BIN)/python -m toolchain env)" && \
	  npm pack --silent --pack-destination build/screenshots github-markdown-css@5.9.0
	@tar -xzf build/screenshots/github-markdown-css-5.9.0.tgz -C build/screenshots
	@$(BIN)/python docs/screenshots.py build/screenshots/package

clean:
	@rm -rf build dist .demo .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find api cdktf provider toolchain examples benchmarks tests -type d \
	  \( -name __pycache__ -o -name cdktf.out -o -name .terraform \) -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV) .toolchain
