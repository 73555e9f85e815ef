# What each command needs is installed by scripts/setup, which does nothing when all is there.

PYTHON ?= python3
PYTEST_ARGS ?=
WORKERS ?= 4
SHARE ?= 1/1
BENCH_ARGS ?=
FAULTS_ARGS ?=
SOAK ?=
PULUMI_ZENML_CACHE ?= $(HOME)/.cache/pulumi-zenml
export PULUMI_ZENML_CACHE

SETUP := $(PYTHON) -m scripts.setup
DEV_PATH := $(CURDIR)/.venv/bin:$(PULUMI_ZENML_CACHE)/bin:$(PATH)
PYTEST := PATH="$(DEV_PATH)" .venv/bin/python -m pytest
QUICKSTART_PATH := $(CURDIR)/.venv-quickstart/bin:$(PULUMI_ZENML_CACHE)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help quickstart unit test test-slow check docs bench faults setup lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quickstart: ## See it work: a schedule is created, changed, repaired and destroyed on this machine
	@$(SETUP) quickstart
	@PATH="$(QUICKSTART_PATH)" .venv-quickstart/bin/python examples/quickstart/run.py

unit: ## Run the tests that need nothing but Python, in a minute (PYTEST_ARGS="-k cron" to choose)
	@$(SETUP) dev-env
	@$(PYTEST) tests/unit -n 2 $(PYTEST_ARGS)

test: ## Run the whole proof, on real services (PYTEST_ARGS="-k kubernetes" to choose)
	@$(SETUP) test
	@$(PYTEST) -m "not slow" -n $(WORKERS) --retry $(PYTEST_ARGS)

test-slow: ## Run what takes long: real clocks, every variant, many examples (SHARE=2/5 for a part)
	@$(SETUP) test
	@PROPERTY_EXAMPLES=all $(PYTEST) -m "slow or properties" -n $(WORKERS) --retry --share $(SHARE) \
		$(PYTEST_ARGS)

check: ## Lint, formatting, types and layers
	@$(SETUP) check
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: ## Build the docs site into site/; broken links and references are errors
	@$(SETUP) docs
	@$(PYTHON) -m scripts.docs

bench: ## Measure (BENCH_ARGS="--help" for what)
	@$(SETUP) test
	@PATH="$(DEV_PATH)" PYTHONPATH=tests .venv/bin/python -m bench $(BENCH_ARGS)

faults: ## Break everything at every call, and look at what the next run makes of it (SOAK=200: a walk)
	@$(SETUP) test
	@PATH="$(DEV_PATH)" PYTHONPATH=tests .venv/bin/python -m faults $(if $(SOAK),--soak $(SOAK)) \
		$(FAULTS_ARGS)

setup: ## Make .venv and get the Pulumi engine, for working on the code
	@$(SETUP) setup

lock: ## Bring the versions in requirements/ up to date
	@$(PYTHON) -m scripts.lock

clean: ## Remove what was made in this folder; the cache stays (PULUMI_ZENML_CACHE)
	rm -rf .venv .venv-quickstart .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	rm -rf site .cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
