# Every target does its own set-up: the first run makes .venv, the next ones start at once.
PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml)))
SOURCES := pyproject.toml setup.py constraints.txt $(PLUGINS:%=%/pyproject.toml) $(wildcard gen_engine/compiled/source/*)
# On a terminal pip shows what it does; in a log a line of ours has to do.
QUIET := $(shell test -t 2 || echo -q)
INSTALL := $(BIN)/python -m pip install $(QUIET) --disable-pip-version-check -c constraints.txt
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

ifneq ($(wildcard ../shared/data/.),)
export GEN_DATA ?= $(abspath ../shared/data)
endif

.PHONY: poem test test-slow mutants fuzz lint fmt wheels check-wheels bench bench-quick bench-serve setup

poem: .venv/installed
	@$(BIN)/gen poem --prompt 白 --rows 4 --cols 5

# The same random examples each time: new ones are for `test-slow`, where what they find holds nobody up.
test: .venv/installed-dev
	$(TEST) --hypothesis-profile=ci -m "not slow"

test-slow: .venv/installed-dev
	$(TEST) -m slow

mutants: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/support/mutants.py

# Random requests over everything that exists; a failure is told with what repeats it.
FUZZ ?= 3000
fuzz: .venv/installed-dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests/support:plugins/poem/tests/support $(BIN)/python -m fuzzing $(FUZZ)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A wheel and a source archive of each package, in dist/.
wheels: .venv/installed-dev
	rm -rf dist
	for folder in . $(PLUGINS); do $(BIN)/python -m build --outdir dist $$folder || exit 1; done

# They are installed into a fresh environment, far from here, and used. Fetches torch, so minutes.
check-wheels: wheels
	$(BIN)/python tests/support/installed_wheels.py dist

# All figures; leave the machine alone meanwhile.
bench: .venv/installed-bench
	OMP_NUM_THREADS=2 $(BIN)/python -m benchmarks

# The most telling of them in 90 seconds.
bench-quick: .venv/installed-bench
	OMP_NUM_THREADS=2 $(BIN)/python -m benchmarks --quick

# A server under the load of 64 clients for a minute.
bench-serve: .venv/installed
	$(BIN)/python plugins/serve/benchmarks/load.py

setup: .venv/installed

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gen-engine needs Python 3.11 or newer, and '$(PYTHON)' is not: name one, as in 'make PYTHON=python3.12 poem'." >&2; \
	  exit 1; }
	@echo "Making .venv with $(PYTHON) (seconds) ..." >&2
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: $(SOURCES) | .venv/python
	@echo "Installing gen-engine and its plugins into .venv (once; torch is large, so minutes) ..." >&2
	@$(INSTALL) -e . $(PLUGINS:%=-e %)
	@$(BIN)/python -m gen_engine.compiled.library >&2
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "Installing the tools for tests and checks into .venv (once; a minute or so) ..." >&2
	@$(INSTALL) -e '.[suite,lint]'
	@touch $@

# A peer that cannot be installed is left out by the benchmarks, in one line of theirs; the next run tries again.
.venv/installed-bench: .venv/installed
	@echo "Installing the peers of the benchmarks into .venv (once; seconds) ..." >&2
	@$(INSTALL) -e '.[bench]' 2>/dev/null && touch $@ || true
