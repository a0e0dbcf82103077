# Two targets matter to a newcomer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint unit integration golden docs bench bench-peers clean smol bench-yoga-serial bench-yoga-prod \
  bench-gx10 deploy-cpu build-wgpu deploy-wgpu test-cpu test-gx10 test-wgpu load-cpu teardown-cpu teardown-yoga \
  score score-prod score-gate mutation

demo: $(VENV)/.demo
	$(BIN)/kit reproduce demo --yes

test: lint unit integration

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit -n auto --dist worksteal

integration: $(VENV)/.dev
	$(BIN)/python -m pytest tests/integration

# Writes the golden files anew after a wanted change; read the difference before you commit it.
golden: $(VENV)/.dev
	KIT_WRITE_GOLDEN=1 $(BIN)/python -m pytest tests/unit/cli/test_help.py

# Writes the tables and plots of README and docs anew, by the commands that they name.
docs: $(VENV)/.dev
	KIT_WRITE_DOCS=1 $(BIN)/python -m pytest tests/unit/project/test_documents_made.py

# The instrument's figures with their targets; quiet machine, 15 minutes. BENCH=--quick takes 3.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.instrument $(BENCH)

# The kit beside aiperf, guidellm and vllm bench serve: installs 6 GB into the kit's cache, 10 minutes more.
bench-peers: $(VENV)/.bench
	$(BIN)/python -m benchmarks.peers $(BENCH)

# Which small changes to metrics, verification and scores their unit tests do not notice; half an hour on one core.
MUTATION ?= --sample 1000
mutation: $(VENV)/.dev
	$(BIN)/python -m benchmarks.mutation $(MUTATION)

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

# --- the names of the original project, as what they are here -------------------------------------------------
# URL=http://... for test-* and load-*; RUN=runs/... (the latest run) and MIN=C for what judges a run.
URL ?= http://127.0.0.1:8080
RUN ?= $(shell ls -dt runs/*/ 2>/dev/null | head -1)
MIN ?= C

bench-yoga-serial: $(VENV)/.demo ; $(BIN)/kit reproduce yoga --concurrency 1 --yes
bench-yoga-prod: $(VENV)/.demo ; $(BIN)/kit reproduce yoga --yes
bench-yoga-prod-%: $(VENV)/.demo ; $(BIN)/kit reproduce yoga --only $* --yes
bench-gx10: $(VENV)/.demo ; $(BIN)/kit reproduce gx10 --yes
deploy-cpu: $(VENV)/.demo ; $(BIN)/kit up xeon llamacpp
build-wgpu: $(VENV)/.demo ; $(BIN)/kit images build realizar/vulkan
deploy-wgpu: $(VENV)/.demo ; $(BIN)/kit up radeon realizar
test-cpu test-gx10 test-wgpu: $(VENV)/.demo ; $(BIN)/kit test --url $(URL)
load-cpu: $(VENV)/.demo ; $(BIN)/kit load --url $(URL) --concurrency 4 --warmup 5
teardown-cpu: $(VENV)/.demo ; $(BIN)/kit down
teardown-yoga: $(VENV)/.demo ; $(BIN)/kit clean
score: $(VENV)/.demo ; $(BIN)/kit score $(RUN)
score-prod: $(VENV)/.demo ; $(BIN)/kit score $(RUN) --contract probador-2.0
score-gate: $(VENV)/.demo ; $(BIN)/kit gate $(RUN) --min $(MIN)

# Two real engines in containers: makes the bases, builds the images (an hour on two cores), measures.
smol: $(VENV)/.demo ; $(BIN)/kit reproduce smol --yes

clean:
	rm -rf $(VENV) build dist *.egg-info
