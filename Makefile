# Two commands do everything: `make demo` and `make test`. Both set up what they need and are fast when run again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
export MULTITURN_DATA ?= $(abspath $(wildcard ../shared/data))

.PHONY: demo test check lint types layers docs clean help

help:
	@echo "make demo    set up, run the embedded model over the benchmark 'patterns', write $(DEMO)/report.html (about ten minutes)"
	@echo "make test    set up and pass the tests"
	@echo "make check   linter, types, import layers"
	@echo "make clean   remove what these commands made"

# -- setting up ------------------------------------------------------------------------------------------------
$(VENV)/.runs: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "multiturn needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[local]"
	@touch $@

$(VENV)/.tests: pyproject.toml $(VENV)/.runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

# -- the two commands ------------------------------------------------------------------------------------------
# All 48 conversations and their questions alone: a few minutes on two idle cores, ten on busy ones; run again, everything comes from the store.
demo: $(VENV)/.runs
	@mkdir -p $(DEMO)
	$(BIN)/multiturn run patterns --model "local/smollm2?max_tokens=48" --limit 12 --store $(DEMO)/multiturn.db --html $(DEMO)/report.html --json $(DEMO)/result.json
	@echo "The report: $(abspath $(DEMO))/report.html"

test: $(VENV)/.tests
	$(BIN)/python -m pytest -n auto

# -- checks ----------------------------------------------------------------------------------------------------
check: lint types layers

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests benchmarks examples

types: $(VENV)/.tests
	$(BIN)/mypy

layers: $(VENV)/.tests
	$(BIN)/python tests/test_layers.py

clean:
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis
