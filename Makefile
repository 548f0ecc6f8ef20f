# Everything from a fresh clone, with Python ≥ 3.11 and make, and nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Node and npm come from the virtual environment, and so does every tool.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# What pip, npm and the CDK CLI would say about newer versions is nothing that these targets wait for.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

.PHONY: help venv setup demo test lint local local-down bench mutation thorough foreign lock schemas clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: venv  ## make .venv from the pinned requirements, and install the CDK CLI
	@$(MAKE) --no-print-directory node_modules/.installed \
		|| echo "The CDK CLI could not be installed from npm's registry: all but deploying works."

venv: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Runwatch needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The CDK CLI. Without npm's registry everything but a deployment works, so this is asked for only where one is made.
node_modules/.installed: package-lock.json $(VENV)/.installed
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

demo: venv  ## show the whole job on this machine: every state change of a simulated morning, in half a minute
	@$(BIN)/runwatch demo

test: setup lint  ## every check: format, lint, types, all tests, the deployed ones included
	@test -x node_modules/.bin/cdk || test -z "$$CI" || { echo "In CI the deployed tests must run."; exit 1; }
	@$(BIN)/python -m pytest -n 3 --dist loadgroup
	@test -x node_modules/.bin/cdk || echo "The deployed tests were skipped: there is no CDK CLI."

lint: venv  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

local: node_modules/.installed  ## deploy the real stack into a local AWS, with the simulator as EMR Serverless
	@$(BIN)/python -m local up

local-down:  ## stop what `make local` started
	@test ! -x $(BIN)/python || $(BIN)/python -m local down

bench: venv  ## measure, and print every figure beside the limit it is held against
	@$(BIN)/python -m benchmarks

thorough: venv  ## the stateful test at its full size: a hundred thousand steps and more, half an hour
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 0 tests/stateful

mutation: venv  ## break the core in small ways, and see whether a test notices: some minutes
	@$(BIN)/python -m mutation

foreign: .foreign/.installed  ## run the AWS CLI, Airflow, Dagster and the JavaScript SDK against the simulator
	$(BIN)/python -m pytest -n 0 tests/foreign

.foreign/.installed: tests/foreign/requirements.txt tests/foreign/package-lock.json $(VENV)/.installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .foreign
	$(BIN)/uv pip install --quiet --python .foreign --requirement tests/foreign/requirements.txt
	cp tests/foreign/package.json tests/foreign/package-lock.json .foreign
	npm ci --prefix .foreign --no-fund --no-audit --loglevel=error
	@touch $@

lock: venv  ## resolve pyproject.toml's groups into the requirements files
	$(foreach group,layer:lambdas/requirements.txt deploy:requirements.txt dev:requirements-dev.txt \
	foreign:tests/foreign/requirements.txt,\
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate \
	--custom-compile-command "make lock" --group $(firstword $(subst :, ,$(group))) \
	--output-file $(lastword $(subst :, ,$(group))) &&) true

schemas: venv  ## write the messages' JSON Schemas from the models
	$(BIN)/python -m schemas

clean: local-down  ## remove all that the other targets made
	rm -rf $(VENV) node_modules cdk.out .layers .local .mutation .foreign *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
