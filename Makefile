# lab: serve the dashboards.  test: run the tests.  check: style, types, notebooks.  clean: remove what these made.
# bench: measure what docs/benchmarks.md claims (15 minutes).  lesson: repeat the course's runs (half an hour, resumable).
# Each sets up .venv first if it is not up to date. Another Python: make lab PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
IP ?= 127.0.0.1
BROWSER := $(firstword $(wildcard /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome))

# One more test file at a time than there are cores: much of a browser test is waiting.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')

# The browser of the tests is the system's.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
# Kernels and tests share the cores: threads that spin while they wait make each other ten times slower.
export OMP_WAIT_POLICY := passive

.PHONY: lab test check bench lesson clean browser

lab: $(READY)
	$(BIN)/python -m widgets.serve --ip $(IP)

test: $(READY) browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify --keep-id dashboards/*.ipynb

bench: $(READY) browser
	$(BIN)/python -m benchmarks $(ARGS)

lesson: $(READY)
	$(BIN)/python -m benchmarks.lesson $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find lab widgets tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is not Python 3.11 or newer: give one, as in make lab PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is not complete here; on Debian: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo 'Setting up $(VENV): the first time about 430 MB are downloaded, into 1.8 GB; that takes some minutes.'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

browser:
ifeq ($(BROWSER),)
	@echo "The browser tests need Chromium."
	if [ "$$(id -u)" = 0 ]; then apt-get update && apt-get install -y --no-install-recommends chromium; \
	elif command -v sudo >/dev/null && command -v apt-get >/dev/null; then \
	  sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium; \
	else echo "Install Chromium (Debian: apt-get install chromium) to run them; without it they are skipped." >&2; fi
endif
