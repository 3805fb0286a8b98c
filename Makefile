# Needs Python 3.11 or newer and make, nothing else. Every target first creates .venv if it is missing or out of date.
#   make run     the whole pipeline at full size        make test    the tests
#   make up      servers, workers, all deployments      make down    stops what `make up` has started
#   make status  shows what is running                  make check   format, lint, types, import rules
#   make bench   the benchmarks behind the README       make bench-orchestration   what Prefect and MLflow cost
# PYTHON=/path/to/python chooses the interpreter. ARGS is passed on to `make run`, `up`, `down`, `status` and the
# benchmarks, as in `make run ARGS="--preset small"`. If you choose a home with ARGS="--home DIR", do so every time.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=

# A stamp's name holds the checksum of what is installed from. File times say nothing: a clock may have been wrong.
# `make run` installs what running needs; `make test` and the other tools for developers add the rest.
SUM := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
RUNTIME := $(VENV)/.installed-runtime-$(SUM)
TOOLS := $(VENV)/.installed-tools-$(SUM)

.DEFAULT_GOAL := help
.PHONY: help install install-tools run up down status test check format bench bench-orchestration hooks clean

help:
	@sed -n '2,5s/^# *//p' Makefile

$(BIN)/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
	  for candidate in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    if command -v $$candidate >/dev/null 2>&1 && \
	       $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	  done; \
	fi; \
	if [ -z "$$python" ]; then \
	  found=$$(python3 --version 2>/dev/null || echo "no python3"); \
	  echo "flipbook needs Python 3.11 or newer; found: $$found. Install one, or say: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "flipbook needs Python 3.11 or newer; $$python is $$("$$python" --version 2>&1)." >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "$$python has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Creating $(VENV) with $$python"; "$$python" -m venv $(VENV)

$(RUNTIME): | $(BIN)/python
	@echo "Installing (takes some minutes the first time: PyTorch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@rm -f $(VENV)/.installed-* && touch $@

$(TOOLS): | $(BIN)/python
	@echo "Installing, with the tools for tests and checks (takes some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.installed-* && touch $(RUNTIME) $@

install: $(RUNTIME)

install-tools: $(TOOLS)

run: $(RUNTIME)
	@$(BIN)/flipbook run $(ARGS)

up: $(RUNTIME)
	@$(BIN)/flipbook up $(ARGS)

down: $(RUNTIME)
	@$(BIN)/flipbook down $(ARGS)

status: $(RUNTIME)
	@$(BIN)/flipbook status $(ARGS)

# Three processes, since many tests wait for servers. The tests of one file stay together and share what it has started.
test: $(TOOLS)
	@$(BIN)/python -m pytest -n 3 --durations=25 --dist loadfile --no-loadscope-reorder

check: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TOOLS)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(TOOLS)
	$(BIN)/python -m benchmarks.data $(ARGS)

bench-orchestration: $(TOOLS)
	$(BIN)/python -m benchmarks.orchestration $(ARGS)

hooks: $(TOOLS)
	$(BIN)/pre-commit install

# The results in .flipbook stay. Remove that folder by hand to start from nothing.
clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
