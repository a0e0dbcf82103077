# Two targets matter to a newcomer: `make demo` and `make test`. `make help` lists the others.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# pytest keeps the tests it has rewritten; without that each start takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help site site-docs demo test test-long test-runtimes fast one lint unit integration golden docs bench bench-peers clean smol nightly cpu-four \
  bench-yoga-serial bench-yoga-prod bench-gx10 deploy deploy-cpu build-wgpu deploy-wgpu start-wgpu stop-wgpu health health-yoga \
  test-cpu test-gx10 test-wgpu load load-cpu teardown teardown-cpu teardown-yoga score score-prod score-json score-all score-gate report \
  mutation results results-check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "The original project's names (bench-yoga-prod-vllm, score-gate, ...) are in docs/make.md."

demo: $(VENV)/.demo ## measure two server configurations here: no Docker, no GPU, 3 to 4 minutes
	$(BIN)/kit reproduce demo --yes

test: lint unit integration ## lint, unit and integration tests; needs a Docker Engine; 25 minutes, the first time 45

# Minutes of real runs each: 1 whole runs in containers, 2 and 3 own models and servers, a night, a grid, a self-test,
# 4 faults and resuming, 5 the runtimes that take long to compile.
PARTS := 1 2 3 4 5
PART ?= $(PARTS)
test-long: $(VENV)/.dev ## the long tests with real runs, half an hour after `make test`; one part of five: PART=4
	@for part in $(PART); do case " $(PARTS) " in *" $$part "*) ;; \
	  *) echo "There is no part $$part of the long tests; the parts are: $(PARTS)."; exit 2;; esac; done
	$(BIN)/kit models fetch smollm2-135m-instruct-q4_1
	@set -e; for part in $(PART); do \
	  echo "Long tests, part $$part of $(words $(PARTS)): first those that run beside each other, if it has any."; \
	  $(BIN)/python -m pytest tests/integration -m "long(part=$$part) and not alone" -n 2 || [ $$? -eq 5 ]; \
	  $(BIN)/python -m pytest tests/integration tests/runtimes -m "long(part=$$part) and alone"; \
	done

test-runtimes: $(VENV)/.dev ## build and run Ollama, realizar, transformers serve: an hour of compiling, or 15 minutes with KIT_BUILDS
	@echo "Building and running Ollama and realizar: about an hour on two cores, 15 minutes where their programs are kept."
	$(BIN)/python -m pytest tests/runtimes

fast: lint ## lint, and the unit tests of changed packages (on a clean tree: of the last commit)
	$(BIN)/python -m tests.near -n auto --dist worksteal

one: $(VENV)/.dev ## one test or file: make one T=tests/unit/metrics/test_stats.py, or by name: make one T=percentile
	$(BIN)/python -m pytest $(if $(wildcard $(firstword $(subst ::, ,$(T)))),'$(T)',tests/unit -k '$(T)')

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.dev ## the unit tests, three to five minutes on two cores
	$(BIN)/python -m pytest tests/unit -n auto --dist worksteal

integration: $(VENV)/.dev ## the tests with real servers and containers; needs a Docker Engine
	$(BIN)/kit models fetch smollm2-135m-instruct-q4_1
	$(BIN)/python -m pytest tests/integration -m "not long and not alone" -n 2
	$(BIN)/python -m pytest tests/integration -m "not long and alone"

golden: $(VENV)/.dev ## regenerate the golden help files; review the diff before committing
	KIT_WRITE_GOLDEN=1 $(BIN)/python -m pytest tests/unit/cli/test_help.py

docs: $(VENV)/.dev ## regenerate the tables and plots of README and docs from the commands they name
	KIT_WRITE_DOCS=1 $(BIN)/python -m pytest tests/unit/project/test_documents_made.py

bench: $(VENV)/.bench ## benchmark the load generator: quiet machine, 15 minutes (BENCH=--quick: 3)
	$(BIN)/python -m benchmarks.instrument $(BENCH)

bench-peers: $(VENV)/.bench ## compare with aiperf, guidellm and vllm bench serve: 6 GB of cache, 10 minutes more
	$(BIN)/python -m benchmarks.peers $(BENCH)

MUTATION ?= --sample 1000
mutation: $(VENV)/.dev ## mutation tests of metrics, verify and score: about half an hour on one core
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
RUN ?= $(patsubst %/plan.json,%,$(firstword $(shell ls -t runs/*/plan.json 2>/dev/null)))
MIN ?= C

bench-yoga-serial: $(VENV)/.demo ; $(BIN)/kit reproduce yoga -c 1 --yes
bench-yoga-prod: $(VENV)/.demo ; $(BIN)/kit reproduce yoga --yes
# Its names of runtimes, as entries of the platform.
entry-realizr := realizar
entry-vllm := vllm-awq
entry-ollama := ollama-default
bench-yoga-prod-%: $(VENV)/.demo ; $(BIN)/kit reproduce yoga --only $(or $(entry-$*),$*) --yes
bench-yoga-%: $(VENV)/.demo ; $(BIN)/kit reproduce yoga -c 1,4 --only $(or $(entry-$*),$*) --yes
bench-gx10: $(VENV)/.demo ; $(BIN)/kit reproduce gx10 --yes
deploy deploy-cpu: $(VENV)/.demo ; $(BIN)/kit up xeon llamacpp
build-wgpu: $(VENV)/.demo ; $(BIN)/kit images build realizar/vulkan
deploy-wgpu start-wgpu: $(VENV)/.demo ; $(BIN)/kit up radeon realizar
# A line that begins with `load` would be a directive of make.
health: $(VENV)/.demo ; $(BIN)/kit doctor xeon
health-yoga: $(VENV)/.demo ; $(BIN)/kit doctor yoga
test-cpu test-gx10 test-wgpu: $(VENV)/.demo ; $(BIN)/kit test $(URL)
load-cpu load: $(VENV)/.demo ; $(BIN)/kit load $(URL) -c 4 --duration 60s --warmup 5s
teardown teardown-cpu stop-wgpu: $(VENV)/.demo ; $(BIN)/kit down
teardown-yoga: $(VENV)/.demo ; $(BIN)/kit clean
score: $(VENV)/.demo ; $(BIN)/kit score $(RUN)
score-prod: $(VENV)/.demo ; $(BIN)/kit score $(RUN) --contract probador-2.0
score-json: $(VENV)/.demo ; $(BIN)/kit score $(RUN) --json
score-all: $(VENV)/.demo ; $(BIN)/kit score $(RESULTS)
report: $(VENV)/.demo ; $(BIN)/kit report $(RUN)
score-gate: $(VENV)/.demo ; $(BIN)/kit gate $(RUN) --min $(MIN)

PLATFORMS ?= demo
RESULTS ?= results
nightly: $(VENV)/.demo ## measure PLATFORMS again, compare with their last accepted runs (NIGHTLY=--accept)
	$(BIN)/kit nightly $(PLATFORMS) $(NIGHTLY)

results: $(VENV)/.demo ## verify every bundle in results/, rebuild the index, write missing reports
	$(BIN)/kit results index results --reports

BASE ?= origin/main
HEAD ?= HEAD
results-check: $(VENV)/.demo ## check the bundles that HEAD adds to results/ since BASE, as the workflow for pull requests does
	$(BIN)/kit results check --base "$(BASE)" --head "$(HEAD)"

smol: $(VENV)/.demo ## build two engines in containers and measure them: an hour on two cores
	$(BIN)/kit reproduce smol --yes

cpu-four: $(VENV)/.demo ## build four engines in containers and measure them on the CPU: two hours, three if realizar is compiled
	$(BIN)/kit reproduce cpu-four --yes

site: $(VENV)/.demo ## a static board of the bundles in RESULTS=results: site/index.html
	$(BIN)/kit site $(RESULTS) -o site --published

site-docs: $(VENV)/.dev ## the documentation site: site-docs/index.html, opened from the disk or put on any web host
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

clean: ## remove the virtual environment and build outputs
	rm -rf $(VENV) build dist site-docs *.egg-info
