# Two targets matter to a newcomer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint unit integration golden bench bench-peers clean

demo: $(VENV)/.demo
	$(BIN)/kit reproduce demo --yes

test: lint unit integration

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit

integration: $(VENV)/.dev
	$(BIN)/python -m pytest tests/integration

# Writes the golden files anew after a wanted change; read the difference before you commit it.
golden: $(VENV)/.dev
	KIT_WRITE_GOLDEN=1 $(BIN)/python -m pytest tests/unit/test_cli_help.py

# The instrument's figures with their targets; quiet machine, 12 minutes. BENCH=--quick takes 3.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.instrument $(BENCH)

# The kit beside aiperf, guidellm and vllm bench serve: installs 6 GB into the kit's cache, 10 minutes more.
bench-peers: $(VENV)/.bench
	$(BIN)/python -m benchmarks.peers $(BENCH)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The kit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) build dist *.egg-info
