# Every command a newcomer, a developer or CI needs. `make demo` needs nothing but make, python3 (3.11 or newer) and python3-venv.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip install --quiet --disable-pip-version-check
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")

.PHONY: help demo setup setup-dev packages test check lock bench clean

help:
	@echo "make demo    the main job on this machine, against simulators; a minute"
	@echo "make test    install what tests need and run all tests"
	@echo "make check   ruff, mypy, import contracts"
	@echo "make bench   messages a second, and the ratio to this machine's RSA rate"

demo: setup
	$(RUN)/lienthong demo

setup: $(VENV)/.runtime

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.lock into $(VENV), once; this takes about a minute."
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

setup-dev: $(VENV)/.dev

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements-dev.lock into $(VENV), once; this takes about a minute."
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

packages:
	.ci/packages

test: packages setup-dev
	$(RUN)/pytest --tb=native --numprocesses auto --dist loadfile $(PYTEST_ARGS)

check: setup-dev
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: setup
	$(RUN)/lienthong bench

# Needs uv (any recent one); run after changing dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --extra build --universal --generate-hashes --python-version 3.11 --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra dev --universal --generate-hashes --python-version 3.11 --no-header -q -o requirements-dev.lock

clean:
	rm -rf $(VENV) var
