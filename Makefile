# Every command a newcomer, a developer or CI needs. `make demo` needs nothing but make, python3 and python3-venv.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: help demo setup setup-dev packages test check lock bench clean

help:
	@echo "make demo    watch the main job on this machine (embedded: SQLite, in-process bus)"
	@echo "make test    install what tests need and run all tests"
	@echo "make check   ruff, mypy, import contracts"
	@echo "make bench   messages a second, and the ratio to this machine's RSA rate"

demo: setup
	$(RUN)/lienthong demo

setup: $(VENV)/.runtime

$(VENV)/.runtime: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup-dev: $(VENV)/.dev

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
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
