# Nothing but Python 3.11 or newer and make has to be there. `make` alone lists the commands.
# PYTHON=/path/to/python chooses another one for a new .venv.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help install tools check test test-slow test-stores test-browser demo demo-vendure docs lock clean

help:  ## lists the commands
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

install: $(VENV)/.installed  ## makes .venv with all that Shoal needs to run

tools: $(VENV)/.tools  ## adds what development and tests need

check: tools  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Many tests wait for processes: one more at a time than there are cores.
SIDE_BY_SIDE := -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist worksteal

test: tools  ## the tests, but for the slow ones (6 minutes on two cores)
	$(BIN)/pytest -q -m "not stores and not slow and not browser" $(SIDE_BY_SIDE)

test-slow: tools  ## whole demos, kills of everything, trials (5 minutes on two cores)
	$(BIN)/pytest -q -m "slow and not stores and not browser" $(SIDE_BY_SIDE)

test-stores: tools .stores/vendure/node  ## plays against a real Vendure (170 MB from npm, once)
	@rm -f .stores/vendure/result.json
	$(BIN)/pytest -q -m stores tests/stores
	@cat .stores/vendure/result.json

test-browser: tools  ## opens the report in Chromium (Debian's, once, where root may install it)
	@chromium=$$(.ci/find-chromium) && CHROMIUM="$$chromium" $(BIN)/pytest -q -m browser tests/worker/test_reporting.py

demo: install  ## plays two years of a real shop's purchases
	$(BIN)/shoal demo

demo-vendure: install .stores/vendure/node  ## plays its last month in a real Vendure (170 MB from npm, once)
	$(BIN)/shoal demo --store vendure

docs: tools  ## writes the tables of docs/ anew from the code
	$(BIN)/python -P tests/test_docs.py
	$(BIN)/python -P tests/test_examples.py
	$(BIN)/python -m worker.settings_pages

clean:  ## removes .venv
	rm -rf $(VENV)

$(BIN)/python:
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$(.ci/find-python) || exit 1; \
	echo "Making $(VENV) with $$python"; \
	"$$python" -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Shoal needs (about 150 MB, once)"
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tools: .ci/tools.lock .ci/rival.lock $(VENV)/.installed
	@echo "Installing what development and tests need (about 150 MB, once)"
	@$(PIP) install -q --require-hashes -r .ci/tools.lock
	@$(PIP) install -q --require-hashes --no-deps -r .ci/rival.lock
	@touch $@

# Written last: there is a Node, and it has the packages of the lock.
.stores/vendure/node: worker/demo/vendure/package-lock.json .ci/find-node | $(VENV)/.installed
	@rm -rf .stores/vendure && mkdir -p .stores/vendure
	@cp worker/demo/vendure/package.json worker/demo/vendure/package-lock.json .stores/vendure/
	@node=$$(.ci/find-node) && cd .stores/vendure && PATH="$$node:$$PATH" \
	  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --cache ../npm && \
	  "$$node/node" -p process.execPath > node

# The oldest supported Python: its versions exist for the newer ones too, with the hashes of all
# their wheels. Settings of this machine's pip stay out.
LOCKING := $(VENV)/locking
COMPILE := env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make lock" $(LOCKING)/bin/pip-compile -q --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-options --no-emit-index-url
DECLARED := $(LOCKING)/bin/python -c 'import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
	print(*eval(sys.argv[1], p), *sys.argv[2:], sep="\n")'

lock: $(BIN)/python  ## writes both locks anew; UPGRADE=--upgrade takes the newest versions
	python=$$(.ci/find-python python3.11) && "$$python" -m venv $(LOCKING)
	$(LOCKING)/bin/python -m pip install -q pip-tools==7.6.2
	# Besides: what hatchling asks for when it installs editable, and what redis asks for before
	# Python 3.11.3 only.
	$(DECLARED) 'project["dependencies"] + globals()["build-system"]["requires"]' \
	  'editables' 'async-timeout>=4.0.3' > $(VENV)/runtime.in
	$(COMPILE) $(UPGRADE) -o requirements.lock $(VENV)/runtime.in
	$(DECLARED) 'sum(project["optional-dependencies"].values(), globals()["dependency-groups"]["dev"])' \
	  > $(VENV)/tools.in
	$(COMPILE) $(UPGRADE) -c requirements.lock -o .ci/tools.lock $(VENV)/tools.in
