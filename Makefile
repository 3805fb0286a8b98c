# Needs Python 3.11 or newer and make, nothing else. Every target makes .venv first where it is missing or out of date.
#   make run     the whole pipeline at full size        make test    the tests
#   make up      servers, workers, all deployments      make down    stops what `make up` has started
#   make status  what of it runs                        make check   format, lint, types, import rules
#   make bench   the benchmarks behind the README       make bench-orchestration   what Prefect and MLflow cost
# PYTHON=/path/to/python chooses the interpreter. ARGS is passed on to `make run`, `up`, `down`, `status` and the
# benchmarks, as in `make run ARGS="--preset small"`. A home that ARGS="--home DIR" chooses has to be chosen each time.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install run up down status test check format bench bench-orchestration hooks clean

help:
	@sed -n '2,5s/^# *//p' Makefile

# Made again when the dependencies change, not at every call.
$(STAMP): pyproject.toml constraints.txt
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
	if [ ! -x $(BIN)/python ]; then echo "Making $(VENV) with $$python"; "$$python" -m venv $(VENV); fi
	@echo "Installing (some minutes the first time, PyTorch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

install: $(STAMP)

run: $(STAMP)
	@$(BIN)/flipbook run $(ARGS)

up: $(STAMP)
	@$(BIN)/flipbook up $(ARGS)

down: $(STAMP)
	@$(BIN)/flipbook down $(ARGS)

status: $(STAMP)
	@$(BIN)/flipbook status $(ARGS)

# In two processes: many tests wait for servers. A file's tests stay together, since they share what it has started.
test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --durations=25 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m benchmarks.data $(ARGS)

bench-orchestration: $(STAMP)
	$(BIN)/python -m benchmarks.orchestration $(ARGS)

hooks: $(STAMP)
	$(BIN)/pre-commit install

# What the pipeline made lies in .flipbook and stays; remove that folder by hand to start from nothing.
clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
