# Every command a newcomer, a developer or CI needs. `make demo` needs nothing but make, python3 (3.11 or newer) and python3-venv.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
BENCH := $(VENV)/bench
PIP := $(RUN)/python -m pip install --quiet --disable-pip-version-check
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")

.PHONY: help demo setup setup-dev setup-foreign packages test check lock bench bench-large bench-peers fire day screenshots clean

help:
	@echo "make demo    the main job on this machine, against simulators; a minute or two"
	@echo "make test    install what tests need and run all tests"
	@echo "make check   ruff, mypy, import contracts"
	@echo "make bench   messages a second, the ratio to this machine's RSA rate, and signatures beside signxml"
	@echo "make bench-large   what a message costs as the ledger grows, the doors alone, memory over 100,000 messages; half an hour"
	@echo "make fire    processes, broker and database killed while a hub of eight processes works; minutes"
	@echo "make day     5,000 dossiers of the Single Window, both generations, through a hub whose partners fail; accounts compared"
	@echo "make screenshots   pictures of every page of the console, into docs/screenshots"
	@echo "make bench-peers   the same work on Celery, Dramatiq and FastStream, with RabbitMQ and PostgreSQL; half an hour"

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

# The SOAP stack of Node, which tests let call the hub's doors. Without it they are skipped, and say so; in CI that is a failure.
FOREIGN := $(VENV)/foreign
NODE_STACK := tests/adapters/single_window/foreign/node

setup-foreign: $(FOREIGN)/.installed

$(FOREIGN)/.installed: $(NODE_STACK)/package-lock.json
	@mkdir -p $(FOREIGN) && cp $(NODE_STACK)/package.json $(NODE_STACK)/package-lock.json $(FOREIGN)
	@npm ci --prefix $(FOREIGN) --ignore-scripts --no-audit --no-fund --silent && touch $@ \
		|| { [ "$$CI" != true ] && echo "Node's SOAP could not be installed: tests on it are skipped" >&2; }

packages:
	.ci/packages

test: packages setup-dev setup-foreign
	$(RUN)/pytest --tb=native --numprocesses auto --dist loadfile $(PYTEST_ARGS)

check: setup-dev
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: setup
	$(RUN)/lienthong bench
	$(RUN)/python -m benchmarks.signatures
	$(RUN)/python -m benchmarks.floor
	$(RUN)/python -m benchmarks.trust
	$(RUN)/python -m benchmarks.sealing
	$(RUN)/python -m benchmarks.looking
	$(RUN)/python -m benchmarks.catalogue
	$(RUN)/python -m benchmarks.reconciliation

# With rabbitmq-server and postgresql of Debian: a message's cost from a thousand to a million of them, the doors alone, and memory.
bench-large: packages setup-dev
	$(RUN)/python -m benchmarks.growth
	$(RUN)/python -m benchmarks.door
	$(RUN)/python -m benchmarks.memory

# Words for it: make fire FIRE_ARGS="--campaigns 5 --messages 2000 --seed 7". A failure is found again by its seed.
fire: packages setup-dev
	$(RUN)/python -m tests.fire $(FIRE_ARGS)

# Words for it: make day DAY_ARGS="--dossiers 1000 --seed 7".
day: setup-dev
	$(RUN)/python -m tests.day $(DAY_ARGS)

# Plays a night with 300 failures, and takes pictures of it with Debian's chromium.
screenshots: packages setup-dev
	$(RUN)/python -m tests.console.screenshots

# In an environment of its own, since nothing else needs those frameworks. Needs rabbitmq-server and postgresql of Debian.
# Words for it: make bench-peers BENCH_ARGS="--rounds 1 --messages 500", or BENCH_ARGS=--help.
bench-peers: $(BENCH)/.installed
	$(BENCH)/bin/python -m benchmarks.compare $(BENCH_ARGS)

$(BENCH)/.installed: requirements-bench.lock pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	$(PYTHON) -m venv $(BENCH)
	@echo "Installing the packages of requirements-bench.lock into $(BENCH), once; this takes about a minute."
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Needs uv (any recent one); run after changing dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --extra build --universal --generate-hashes --python-version 3.11 --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra dev --universal --generate-hashes --python-version 3.11 --no-header -q -o requirements-dev.lock
	uv pip compile pyproject.toml --extra build --extra bench --constraint requirements.lock --universal --generate-hashes --python-version 3.11 --no-header -q -o requirements-bench.lock

clean:
	rm -rf $(VENV) var
